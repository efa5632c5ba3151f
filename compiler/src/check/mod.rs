//! Checking: syntax trees in, typed rules out.
//!
//! Input: the trees of all sources, the options. Output: one [`RuleIr`] for every rule without errors. Every
//! diagnostic is collected; an error refuses its own rule (and those that refer to it), never the rest.
//!
//! A rule may refer to rules above it in its file, and to rules of other files of its namespace wherever they stand,
//! so that the order in which files are given means nothing. Cycles across files are errors.

mod expr;
mod fold;
mod names;
mod path;
mod patterns;
mod quantified;
mod rule;

pub use names::{Declaration, Declarations};
pub use rule::check_rule;

use crate::ast::Expr;
use crate::diagnostic::{Diagnostic, Label, Severity, Span};

/// A diagnostic without its source, which the rule being checked knows.
pub(crate) struct Finding {
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    pub primary: Label,
    pub secondary: Vec<Label>,
    pub help: Option<String>,
}

impl Finding {
    pub fn error(
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Finding {
            code,
            severity: Severity::Error,
            message: message.into(),
            primary: Label { span, text: label.into() },
            secondary: Vec::new(),
            help: None,
        }
    }

    pub fn warning(
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Finding { severity: Severity::Warning, ..Self::error(code, span, message, label) }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    pub fn at(self, source: crate::diagnostic::SourceId) -> Diagnostic {
        let Finding { code, severity, message, primary, secondary, help } = self;
        Diagnostic { code, severity, source, message, primary, secondary, help }
    }
}

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
