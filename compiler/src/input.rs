//! What the compiler is given: sources, options, and who resolves includes.

/// A file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As diagnostics show it: a path relative to what was asked for.
    pub name: String,
    /// Namespace of its rules.
    pub namespace: String,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// Value of an external variable.
pub use crate::ir::Value as ExternalValue;

/// What compilation depends on besides the sources.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// External variables with their default values.
    pub externals: Vec<(String, ExternalValue)>,
    /// Leave rules with errors out instead of giving up; they are listed.
    pub ignore_invalid_rules: bool,
    /// Accept unknown escapes and unescaped braces in regular expressions.
    pub relaxed_regex: bool,
}

/// Resolves `include` statements.
pub trait Loader: Sync {
    /// The name and bytes of what `include` means in the source called `from`.
    ///
    /// # Errors
    /// Why it can't be had, as one line.
    fn load(&self, from: &str, include: &str) -> Result<(String, Vec<u8>), String>;
}
