//! The parser: source bytes to a syntax tree, by recursive descent.
//!
//! Input: one source, any bytes. Output: the [`Ast`] of every rule that is free of syntax errors, and a diagnostic for
//! what is wrong with the others. Invariants:
//!
//! - A rule with an error is absent from [`Ast::items`] and listed in [`Ast::broken`]; reading goes on with the next
//!   rule, so that one run shows the errors of many rules.
//! - Nesting and tree height are limited ([`limits`]), so neither parsing nor a recursion over the tree can exhaust the
//!   stack.
//! - Time is linear in the size of the source, and the number of diagnostics is limited.
//!
//! Refused: files that are binary or too large. What names mean, and whether types fit, is not judged here.

mod expr;
mod hex;
mod items;
mod literals;
mod loops;
mod patterns;
mod report;
#[cfg(test)]
mod tests;

use crate::ast::{Ast, BrokenRule, Ident, Item};
use crate::codes;
use crate::diagnostic::{Diagnostic, Severity, SourceId, Span};
use crate::lexer::{Fault, Keyword, Lexer, Token, TokenKind};
use crate::limits;

/// Parses one source. Errors and warnings are appended to `diagnostics`.
pub fn parse<'s>(source: SourceId, bytes: &'s [u8], diagnostics: &mut Vec<Diagnostic>) -> Ast<'s> {
    let mut ast = Ast::default();
    if bytes.len() > limits::MAX_SOURCE_BYTES {
        diagnostics.push(
            Diagnostic::error(
                codes::SOURCE_TOO_LARGE,
                source,
                Span::default(),
                format!("the source has {} bytes; {} are the most", bytes.len(), limits::MAX_SOURCE_BYTES),
                "",
            )
            .with_help("split it into several files"),
        );
        return ast;
    }
    Parser::new(source, bytes, diagnostics).file(&mut ast);
    ast
}

/// Says that the construct being parsed was given up; its error has been reported.
struct Abort;

type Parsed<T> = Result<T, Abort>;

/// The state of parsing one source.
struct Parser<'s, 'd> {
    source: SourceId,
    lexer: Lexer<'s>,
    /// The token to be looked at next; the lexer stands right after it.
    token: Token,
    /// Where the token before it ended.
    previous_end: u32,
    diagnostics: &'d mut Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    /// Where the last reported error stands.
    last_error: Span,
    /// Whether the current rule has had an error after which reading could go on.
    failed: bool,
    /// Whether the rest of the file is to be left unread.
    stopped: bool,
    /// How many constructs are open around the current one.
    nesting: u32,
    /// Operands and operators of the current rule's condition so far.
    nodes: u32,
    /// Span of the expression in parentheses that was read last.
    parenthesised: Span,
    /// Names of the patterns of the current rule; sorted when [`Parser::declared_sorted`] says so.
    declared: Vec<&'s str>,
    declared_sorted: bool,
}

impl<'s, 'd> Parser<'s, 'd> {
    fn new(source: SourceId, bytes: &'s [u8], diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        let mut lexer = Lexer::new(bytes);
        let token = lexer.next();
        Parser {
            source,
            lexer,
            token,
            previous_end: 0,
            diagnostics,
            errors: 0,
            warnings: 0,
            last_error: Span::default(),
            failed: false,
            stopped: false,
            nesting: 0,
            nodes: 0,
            parenthesised: Span::default(),
            declared: Vec::new(),
            declared_sorted: false,
        }
    }

    /// Imports, includes and rules up to the end of the file.
    fn file(&mut self, ast: &mut Ast<'s>) {
        while self.token.kind != TokenKind::Eof && !self.stopped {
            let start = self.token.span;
            self.failed = false;
            match self.token.kind {
                TokenKind::Keyword(Keyword::Import) => match self.path("a module name") {
                    Ok(module) => ast.items.push(Item::Import(module)),
                    Err(Abort) => self.recover(),
                },
                TokenKind::Keyword(Keyword::Include) => match self.path("a file name") {
                    Ok(file) => ast.items.push(Item::Include(file)),
                    Err(Abort) => self.recover(),
                },
                TokenKind::Keyword(Keyword::Rule | Keyword::Private | Keyword::Global) => {
                    let mut name = None;
                    self.declared.clear();
                    self.nodes = 0;
                    self.declared_sorted = false;
                    match self.rule(&mut name) {
                        Ok(rule) if !self.failed => ast.items.push(Item::Rule(Box::new(rule))),
                        Ok(rule) => ast.broken.push(BrokenRule { name, span: rule.span }),
                        Err(Abort) => {
                            self.recover();
                            let end = start.start.max(self.previous_end);
                            ast.broken.push(BrokenRule { name, span: Span { start: start.start, end } });
                        }
                    }
                }
                _ => {
                    self.stray(ast.items.is_empty());
                    self.recover();
                }
            }
        }
    }

    /// Skips to where a rule, import or include plausibly begins.
    fn recover(&mut self) {
        self.nesting = 0;
        while !self.stopped && self.token.kind != TokenKind::Eof && !self.at_item() {
            if self.token.kind == TokenKind::Bad(Fault::Comment)
                && self.last_error.start != self.token.span.start
            {
                // Reported even here, because all that follows goes with it.
                let lost = self.unexpected("a rule");
                self.report(lost);
            }
            self.bump();
        }
    }

    /// Whether an item begins here, and it isn't only a word of a text that was left open, or a pattern modifier.
    fn at_item(&self) -> bool {
        let TokenKind::Keyword(keyword) = self.token.kind else { return false };
        let mut ahead = self.lexer;
        let next = ahead.next().kind;
        match keyword {
            Keyword::Rule => {
                matches!(next, TokenKind::Ident | TokenKind::Keyword(_))
                    && (self.first_on_line()
                        || matches!(ahead.next().kind, TokenKind::LeftBrace | TokenKind::Colon))
            }
            Keyword::Private | Keyword::Global => {
                matches!(next, TokenKind::Keyword(Keyword::Rule | Keyword::Private | Keyword::Global))
            }
            Keyword::Import | Keyword::Include => next == TokenKind::Text && self.first_on_line(),
            _ => false,
        }
    }

    fn first_on_line(&self) -> bool {
        let before = self.lexer.source().get(..self.token.span.start as usize).unwrap_or_default();
        let indentation = before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t'));
        matches!(indentation, None | Some(b'\n' | b'\r'))
    }

    fn at(&self, kind: TokenKind) -> bool {
        self.token.kind == kind
    }

    fn at_keyword(&self, keyword: Keyword) -> bool {
        self.at(TokenKind::Keyword(keyword))
    }

    /// Takes the current token.
    fn bump(&mut self) -> Token {
        self.previous_end = self.token.span.end;
        std::mem::replace(&mut self.token, self.lexer.next())
    }

    /// Takes the current token if it is of this kind.
    fn accept(&mut self, kind: TokenKind) -> Option<Span> {
        self.at(kind).then(|| self.bump().span)
    }

    fn accept_keyword(&mut self, keyword: Keyword) -> Option<Span> {
        self.accept(TokenKind::Keyword(keyword))
    }

    /// Takes the current token, which has to be of this kind.
    fn expect(&mut self, kind: TokenKind) -> Parsed<Span> {
        match self.accept(kind) {
            Some(span) => Ok(span),
            None => {
                let error = self.unexpected(kind.describe());
                Err(self.fail(error))
            }
        }
    }

    /// Takes a name; `what` says whose.
    fn name(&mut self, what: &str) -> Parsed<Ident<'s>> {
        match self.token.kind {
            // `with` is a word of YARA-X alone, so that older rules use it as a name.
            TokenKind::Ident | TokenKind::Keyword(Keyword::With) => {
                let span = self.bump().span;
                Ok(Ident { name: self.lexer.text(span), span })
            }
            TokenKind::Keyword(keyword) => {
                let word = keyword.text();
                let error = self
                    .error(
                        codes::KEYWORD_AS_NAME,
                        self.token.span,
                        format!("`{word}` is a keyword and can't be {what}"),
                        format!("expected {what}"),
                    )
                    .with_help(format!("choose another name, such as `{word}_`"));
                Err(self.fail(error))
            }
            _ => {
                let error = self.unexpected(what);
                Err(self.fail(error))
            }
        }
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= limits::MAX_NESTING {
            let error = self.too_deep(self.token.span, limits::MAX_NESTING);
            return Err(self.fail(error));
        }
        self.nesting += 1;
        let result = inner(self);
        self.nesting = self.nesting.saturating_sub(1);
        result
    }

    fn too_deep(&self, span: Span, levels: u32) -> Diagnostic {
        self.error(codes::TOO_DEEP, span, "this nests too deep", format!("more than {levels} levels"))
            .with_help("name parts of it as rules of their own")
    }

    /// An error of this source.
    fn error(
        &self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, self.source, span, message, label)
    }

    /// Reports an error after which the rule can't be read further.
    fn fail(&mut self, diagnostic: Diagnostic) -> Abort {
        self.report(diagnostic);
        Abort
    }

    /// Reports a diagnostic; after an error the current rule counts as broken, but is read on.
    fn report(&mut self, diagnostic: Diagnostic) {
        let span = diagnostic.primary.span;
        if diagnostic.severity == Severity::Error {
            self.failed = true;
            self.last_error = span;
            match self.errors.cmp(&limits::MAX_ERRORS_PER_FILE) {
                std::cmp::Ordering::Less => self.diagnostics.push(diagnostic),
                _ if self.stopped => {}
                _ => {
                    self.stopped = true;
                    let message = "too many errors; the rest of the file was not read";
                    self.diagnostics.push(self.error(
                        codes::TOO_MANY_ERRORS,
                        span,
                        message,
                        "reading ends here",
                    ));
                }
            }
            self.errors += 1;
        } else {
            match self.warnings.cmp(&limits::MAX_WARNINGS_PER_FILE) {
                std::cmp::Ordering::Less => self.diagnostics.push(diagnostic),
                std::cmp::Ordering::Equal => {
                    let message = "too many warnings; further ones are not shown";
                    self.diagnostics.push(Diagnostic::warning(
                        codes::MORE_WARNINGS,
                        self.source,
                        span,
                        message,
                        "",
                    ));
                }
                std::cmp::Ordering::Greater => {}
            }
            self.warnings += 1;
        }
    }
}
