//! Checking: syntax trees in, typed rules out.
//!
//! Input: the trees of all sources, the options. Output: one [`RuleIr`] for every rule without errors. Every
//! diagnostic is collected; an error refuses its own rule (and those that refer to it), never the rest.
//!
//! A rule may refer to rules above it in its file, and to rules of other files of its namespace wherever they stand,
//! so that the order in which files are given means nothing. Cycles across files are errors.

mod bounds;
mod expr;
mod fold;
mod lint_condition;
mod lint_patterns;
mod names;
mod path;
mod patterns;
mod quantified;
mod rule;

pub use names::{Declaration, Declarations, Imports};
pub use rule::check_rule;

use crate::ast::Expr;

/// The names of a dotted path such as `pe.rich_signature.key`, outermost first.
pub(crate) fn dotted<'a, 's>(expr: &'a Expr<'s>) -> Option<Vec<&'a crate::ast::Ident<'s>>> {
    let mut names = Vec::new();
    let mut at = expr;
    loop {
        match &at.kind {
            crate::ast::ExprKind::Ident(name) => {
                names.push(name);
                names.reverse();
                return Some(names);
            }
            crate::ast::ExprKind::Field(base, name) => {
                names.push(name);
                at = base;
            }
            _ => return None,
        }
    }
}
