//! The wording of "this was not expected here".

use super::{Abort, Parser};
use crate::codes;
use crate::diagnostic::{Diagnostic, Edit, Span};
use crate::lexer::{Fault, Keyword, Token, TokenKind, is_word};
use crate::suggest::nearest;

/// How much of a file is searched for zero bytes when it doesn't look like rules.
const BINARY_WINDOW: usize = 8192;

impl TokenKind {
    /// How a message names a token of this kind.
    pub(super) fn describe(self) -> &'static str {
        match self {
            TokenKind::Eof => "the end of the file",
            TokenKind::Ident => "a name",
            TokenKind::Keyword(keyword) => keyword.text(),
            TokenKind::PatternId => "a pattern",
            TokenKind::PatternCount => "the number of matches of a pattern",
            TokenKind::PatternOffset => "the offset of a pattern",
            TokenKind::PatternLength => "the length of a pattern",
            TokenKind::Int | TokenKind::Float => "a number",
            TokenKind::Text => "a text",
            TokenKind::Regex => "a regular expression",
            TokenKind::LeftBrace => "`{`",
            TokenKind::RightBrace => "`}`",
            TokenKind::LeftParen => "`(`",
            TokenKind::RightParen => "`)`",
            TokenKind::LeftBracket => "`[`",
            TokenKind::RightBracket => "`]`",
            TokenKind::Colon => "`:`",
            TokenKind::Comma => "`,`",
            TokenKind::Dot => "`.`",
            TokenKind::DotDot => "`..`",
            TokenKind::Assign => "`=`",
            TokenKind::Plus => "`+`",
            TokenKind::Minus => "`-`",
            TokenKind::Star => "`*`",
            TokenKind::Backslash => "`\\`",
            TokenKind::Percent => "`%`",
            TokenKind::Ampersand => "`&`",
            TokenKind::Pipe => "`|`",
            TokenKind::Caret => "`^`",
            TokenKind::Tilde => "`~`",
            TokenKind::Shl => "`<<`",
            TokenKind::Shr => "`>>`",
            TokenKind::Eq => "`==`",
            TokenKind::Ne => "`!=`",
            TokenKind::Lt => "`<`",
            TokenKind::Le => "`<=`",
            TokenKind::Gt => "`>`",
            TokenKind::Ge => "`>=`",
            TokenKind::Bad(_) => "something unreadable",
        }
    }
}

impl Parser<'_, '_> {
    /// The error for the current token when `expected` should have stood in its place.
    pub(super) fn unexpected(&self, expected: &str) -> Diagnostic {
        let expected = self.quote_keyword(expected);
        if let TokenKind::Bad(fault) = self.token.kind {
            return self.fault(fault);
        }
        let found = self.found(self.token);
        let span = match self.token.kind {
            // The end of the file has no width; what stands before it is where something is missing.
            TokenKind::Eof => Span { start: self.previous_end, end: self.previous_end },
            _ => self.token.span,
        };
        self.error(
            codes::UNEXPECTED_TOKEN,
            span,
            format!("expected {expected}, found {found}"),
            format!("expected {expected}"),
        )
    }

    /// Keywords in backquotes, as the other tokens are.
    fn quote_keyword(&self, expected: &str) -> String {
        match Keyword::from_text(expected) {
            Some(_) => format!("`{expected}`"),
            None => expected.to_owned(),
        }
    }

    /// How a message names this token.
    fn found(&self, token: Token) -> String {
        match token.kind {
            TokenKind::Keyword(keyword) => format!("keyword `{}`", keyword.text()),
            TokenKind::Ident
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::PatternId
            | TokenKind::PatternCount
            | TokenKind::PatternOffset
            | TokenKind::PatternLength => {
                let text = self.lexer.text(token.span);
                let short: String = text.chars().take(64).collect();
                if short.len() < text.len() { format!("`{short}…`") } else { format!("`{short}`") }
            }
            kind => kind.describe().to_owned(),
        }
    }

    /// The error for something that isn't a token.
    fn fault(&self, fault: Fault) -> Diagnostic {
        let span = self.token.span;
        match fault {
            Fault::Character => {
                let text = std::str::from_utf8(self.lexer.slice(span)).unwrap_or("?");
                let error = self.error(
                    codes::UNEXPECTED_CHARACTER,
                    span,
                    format!("unexpected character `{}`", text.escape_debug()),
                    "",
                );
                match text {
                    "“" | "”" | "„" | "‘" | "’" | "'" | "`" => error.with_help("texts stand in straight quotes: `\"`"),
                    ";" if self.ends_here() => {
                        error.with_fix("no `;` is needed at the end", vec![Edit::remove(span)])
                    }
                    ";" => error.with_help("no `;` is needed at the end"),
                    _ => error,
                }
            }
            Fault::Control => {
                let byte = self.lexer.slice(span).first().copied().unwrap_or(0);
                self.error(codes::UNEXPECTED_CHARACTER, span, format!("unexpected control character 0x{byte:02x}"), "")
            }
            Fault::NotUtf8 => {
                let byte = self.lexer.slice(span).first().copied().unwrap_or(0);
                self.error(codes::NOT_UTF8, span, format!("byte 0x{byte:02x} is not UTF-8"), "not a character")
                    .with_help("save the file as UTF-8")
            }
            Fault::Text if self.lexer.slice(span) == b"\"\"\"" => self
                .error(codes::UNTERMINATED_TEXT, span, "this text has no closing `\"\"\"`", "begins here")
                .with_help("a quote within such a text is written `\\\"`"),
            Fault::Text => self
                .error(codes::UNTERMINATED_TEXT, span, "this text has no closing quote", "begins here")
                .with_help(
                    "close it with `\"` on the same line; a quote within is written `\\\"` and a backslash `\\\\`",
                ),
            Fault::Regex => self
                .error(codes::UNTERMINATED_REGEX, span, "this regular expression has no closing `/`", "begins here")
                .with_help("close it with `/` on the same line; a slash within is written `\\/`, and division is `\\`"),
            Fault::Comment => self
                .error(
                    codes::UNTERMINATED_COMMENT,
                    Span { start: span.start, end: span.start.saturating_add(2).min(span.end) },
                    "this comment has no end",
                    "begins here and takes up the rest of the file",
                )
                .with_help("close it with `*/`"),
            Fault::Number => {
                let text = self.lexer.text(span);
                let error = self.error(
                    codes::INVALID_NUMBER,
                    span,
                    format!("`{}` is neither a number nor a name", text.chars().take(64).collect::<String>()),
                    "",
                );
                let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
                let suffix = text.get(digits.len()..).unwrap_or_default();
                match suffix.to_ascii_uppercase().as_str() {
                    "KB" | "MB" | "K" | "M" => error.with_help("sizes are written with `KB` or `MB`, such as `2MB`"),
                    "GB" | "G" => error.with_help("the largest unit is `MB`"),
                    _ => error.with_help("names begin with a letter or `_`"),
                }
            }
            Fault::RegexFlag => {
                let text = self.lexer.slice(span);
                let flags = memchr::memrchr(b'/', text).map_or(0, |slash| slash + 1);
                let start = span.start.saturating_add(u32::try_from(flags).unwrap_or(0));
                self.error(
                    codes::REGEX_FLAG,
                    Span { start, end: span.end },
                    "unknown flag of a regular expression",
                    "expected `i`, `s` or both",
                )
                .with_help("a slash within a regular expression is written `\\/`")
            }
        }
    }

    /// Whether what follows the current token can't belong to what stands before it.
    fn ends_here(&self) -> bool {
        let mut ahead = self.lexer;
        match ahead.next().kind {
            TokenKind::RightBrace => true,
            TokenKind::Keyword(
                Keyword::Condition | Keyword::Strings | Keyword::Rule | Keyword::Import | Keyword::Include,
            ) => true,
            TokenKind::PatternId | TokenKind::Ident => ahead.next().kind == TokenKind::Assign,
            _ => false,
        }
    }

    /// Whether a pattern stands before the current token, which then may be a definition out of its place.
    fn follows_pattern(&self) -> bool {
        let before = self.lexer.source().get(..self.token.span.start as usize).unwrap_or_default();
        let word = before.trim_ascii_end().iter().rev().find(|&&byte| !is_word(byte));
        word == Some(&b'$')
    }

    /// The error for what follows an expression that could have ended, or gone on with an operator.
    pub(super) fn after_expression(&mut self, expected: &str, open: Option<Span>) -> Abort {
        let word = match self.token.kind {
            TokenKind::Ident => self.lexer.text(self.token.span).to_ascii_lowercase(),
            _ => String::new(),
        };
        let mut error = match self.token.kind {
            TokenKind::Assign => {
                let error = self.error(
                    codes::FOREIGN_OPERATOR,
                    self.token.span,
                    "`=` doesn't compare",
                    "expected an operator of conditions",
                );
                match self.follows_pattern() {
                    true => error.with_help("equality is written `==`; patterns are defined under `strings`"),
                    false => {
                        error.with_fix("equality is written `==`", vec![Edit::replace(self.token.span, "==")])
                    }
                }
            }
            TokenKind::Ident if Keyword::from_text(&word).is_some() => {
                self.unexpected(&format!("an operator or {expected}")).with_fix(
                    format!("keywords are lower case: `{word}`"),
                    vec![Edit::replace(self.token.span, word)],
                )
            }
            TokenKind::Ident => {
                let error = self.unexpected(&format!("an operator or {expected}"));
                let operators =
                    ["and", "or", "contains", "icontains", "startswith", "endswith", "matches", "iequals"];
                match nearest(&word, operators) {
                    Some(operator) => error.with_suggestion(
                        format!("did you mean `{operator}`?"),
                        vec![Edit::replace(self.token.span, operator)],
                    ),
                    None => error,
                }
            }
            TokenKind::Bad(Fault::Regex) | TokenKind::Regex => self
                .error(
                    codes::FOREIGN_OPERATOR,
                    self.token.span,
                    "`/` doesn't divide",
                    "read as a regular expression",
                )
                .with_help("division is written `\\`"),
            _ => self.unexpected(&format!("an operator or {expected}")),
        };
        if let Some(open) = open {
            error = error.with_label(open, "opened here");
        }
        self.fail(error)
    }

    /// Takes the token that closes what `open` opened, after an expression.
    pub(super) fn close(&mut self, kind: TokenKind, open: Span) -> Result<Span, Abort> {
        match self.accept(kind) {
            Some(span) => Ok(span),
            None => Err(self.after_expression(kind.describe(), Some(open))),
        }
    }

    /// Reports a token that doesn't begin an item. `first` says that nothing in the file made sense before it.
    pub(super) fn stray(&mut self, first: bool) {
        let source = self.lexer.source();
        let binary = |bytes: &[u8]| memchr::memchr(0, bytes).is_some();
        let unreadable = matches!(self.token.kind, TokenKind::Bad(Fault::Control | Fault::NotUtf8));
        if first && (unreadable || binary(source.get(..BINARY_WINDOW).unwrap_or(source))) {
            let utf16 = source.starts_with(b"\xFF\xFE") || source.starts_with(b"\xFE\xFF");
            let (message, help) = if utf16 {
                ("this file is UTF-16, not UTF-8", "save it as UTF-8")
            } else {
                ("this file is not text", "leave it out of the folder being compiled")
            };
            let error = self.error(codes::NOT_RULES, self.token.span, message, "").with_help(help);
            self.report(error);
            self.stopped = true;
            return;
        }
        let mut error = self.unexpected("`rule`, `import` or `include`");
        if self.at(TokenKind::Ident) {
            let words = ["rule", "import", "include", "private", "global"];
            let span = self.token.span;
            if let Some(word) = nearest(self.lexer.text(span), words) {
                let edits = vec![Edit::replace(span, word)];
                error = match self.lexer.text(span).eq_ignore_ascii_case(word) {
                    true => error.with_fix(format!("keywords are lower case: `{word}`"), edits),
                    false => error.with_suggestion(format!("did you mean `{word}`?"), edits),
                };
            }
        } else if self.at(TokenKind::RightBrace) {
            error = error.with_help("this brace closes nothing; remove it");
        }
        self.report(error);
    }
}
