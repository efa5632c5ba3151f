//! Formatting: rule text in, the same rules in one layout out.
//!
//! Input: one source, any bytes. Output: the same tokens and comments with other white space between them. Line breaks
//! within a condition or a hex pattern are the author's and stay; everything else has one form. Invariants:
//!
//! - A source with a syntax error is refused, with the parser's diagnostics.
//! - The output has the tokens of the input, byte for byte, and its comments but for blanks at the ends of lines. This is
//!   checked each time, so that a fault of the layout can't damage rules.
//! - Formatting what was formatted changes nothing.
//! - Line ends are those of the input, and so is a byte order mark.
//!
//! Time and memory are linear in the source.

mod layout;
mod pieces;
mod spacing;
#[cfg(test)]
mod tests;

use crate::codes;
use crate::diagnostic::{Diagnostic, Severity, SourceId, Span};
use crate::{fix, parser};

use layout::lay_out;
use pieces::{Scan, scan};

/// What one level is indented by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indent {
    /// So many spaces; 0 counts as 1.
    Spaces(u8),
    /// A tab.
    Tab,
}

impl Default for Indent {
    fn default() -> Self {
        Indent::Spaces(4)
    }
}

/// Formats a source.
///
/// # Errors
/// What the parser has to say about it, if that has errors in it.
pub fn format(source: &[u8], indent: Indent) -> Result<Vec<u8>, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    parser::parse(SourceId(0), source, &mut diagnostics);
    diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
    if !diagnostics.is_empty() {
        diagnostics.iter_mut().for_each(|diagnostic| fix::settle(source, diagnostic));
        return Err(diagnostics);
    }
    let scanned = scan(source);
    let formatted = lay_out(source, &scanned, indent);
    if texts(source, &scanned).ne(texts(&formatted, &scan(&formatted))) {
        let message = "formatting would change the rules";
        let label = "please report this with the file";
        return Err(vec![Diagnostic::error(codes::INTERNAL, SourceId(0), Span::default(), message, label)]);
    }
    Ok(formatted)
}

/// The text of each token and comment.
fn texts<'s>(source: &'s [u8], scanned: &'s Scan) -> impl Iterator<Item = &'s [u8]> {
    scanned.pieces.iter().map(|piece| piece.text(source))
}
