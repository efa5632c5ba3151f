//! What the compiler gives: the image, what it has to say about the rules, and counts.

use crate::diagnostic::{Diagnostic, SourceId, Span};
use crate::input::Source;

/// What compilation gives.
#[derive(Debug, Clone)]
pub struct Compilation {
    /// The image; absent when there were errors that were not to be ignored.
    pub image: Option<Vec<u8>>,
    /// Errors and warnings, by source and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The sources, sorted by namespace and name, included files after them; a [`SourceId`] is an index into these.
    pub sources: Vec<Source>,
    /// What was left out.
    pub rejected: Vec<Rejected>,
    /// What is in the image, by namespace and name.
    pub rules: Vec<RuleInfo>,
    /// Counts.
    pub stats: Stats,
}

/// Something left out because of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where it stands.
    pub source: SourceId,
    /// The rule, if the error is within one whose name is known.
    pub rule: Option<String>,
    /// Code of its first error.
    pub code: &'static str,
    /// Message of its first error.
    pub message: String,
    /// Place of its first error.
    pub span: Span,
}

/// A compiled rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Where it was written.
    pub source: SourceId,
    /// One-based line of its name.
    pub line: u32,
    /// Digest of its unit.
    pub sha256: [u8; 32],
}

/// Counts of a compilation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what they count")]
pub struct Stats {
    pub rules: u32,
    pub patterns: u32,
    pub rejected: u32,
    pub variants: u32,
    pub atoms: u32,
    pub shorts: u32,
    pub slow_patterns: u32,
    pub always_rules: u32,
}
