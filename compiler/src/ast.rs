//! The syntax tree: what the parser hands to the checker.
//!
//! Every node borrows from the source text where it can and carries the byte [`Span`] it came from.
//! `and`/`or` chains are flat lists, so that a condition of ten thousand `or`s is not ten thousand levels deep.

use std::borrow::Cow;

use crate::diagnostic::Span;

/// One parsed source file. Rules that had syntax errors are absent; their diagnostics were reported.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Ast<'s> {
    /// Imports, includes and rules, in source order.
    pub items: Vec<Item<'s>>,
    /// Rules left out because of syntax errors, in source order.
    pub broken: Vec<BrokenRule<'s>>,
}

/// A rule that had a syntax error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenRule<'s> {
    /// Its name, if it was read before the error.
    pub name: Option<Ident<'s>>,
    /// From its first modifier to where reading went on.
    pub span: Span,
}

/// A top-level item.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'s> {
    /// `import "pe"`
    Import(Literal<'s>),
    /// `include "other.yar"`
    Include(Literal<'s>),
    /// A rule.
    Rule(Box<Rule<'s>>),
}

/// A quoted string with escapes resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal<'s> {
    /// The bytes meant.
    pub value: Cow<'s, [u8]>,
    /// Span of the literal, quotes included.
    pub span: Span,
}

/// An identifier; pattern identifiers include their leading `$`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ident<'s> {
    /// The text. For `#a`, `@a` and `!a` it is given as `$a`, unless the rule declares no `$a`: then as written. An
    /// anonymous pattern is `$`.
    pub name: &'s str,
    /// Where it stands.
    pub span: Span,
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule<'s> {
    /// Span of the `global` modifier, if present.
    pub global: Option<Span>,
    /// Span of the `private` modifier, if present.
    pub private: Option<Span>,
    /// Its name.
    pub name: Ident<'s>,
    /// Its tags, in order.
    pub tags: Vec<Ident<'s>>,
    /// Its metadata, in order.
    pub meta: Vec<Meta<'s>>,
    /// Its patterns, in order.
    pub patterns: Vec<Pattern<'s>>,
    /// Its condition.
    pub condition: Expr<'s>,
    /// From the first modifier to the closing brace.
    pub span: Span,
}

/// One `name = value` of the `meta` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Meta<'s> {
    /// The name.
    pub name: Ident<'s>,
    /// The value.
    pub value: MetaValue<'s>,
}

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
pub enum MetaValue<'s> {
    /// `1`, `-1`, `0x10`, `2KB`
    Int(i64),
    /// `1.5`, `-1.5`
    Float(f64),
    /// `true`, `false`
    Bool(bool),
    /// `"text"`
    Str(Cow<'s, [u8]>),
}

/// One `$id = …` of the `strings` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern<'s> {
    /// `$a`, or `$` when anonymous.
    pub id: Ident<'s>,
    /// What to look for.
    pub body: PatternBody<'s>,
    /// Where that stands, with its quotes, slashes and flags, or braces.
    pub body_span: Span,
    /// Modifiers, in order.
    pub modifiers: Vec<Modifier<'s>>,
    /// From the identifier to the last modifier.
    pub span: Span,
}

/// What a pattern looks for.
#[derive(Debug, Clone, PartialEq)]
pub enum PatternBody<'s> {
    /// `"text"`
    Text(Literal<'s>),
    /// `{ 01 ?? [2-4] ( 02 | 03 ) }`
    Hex(Vec<HexToken>),
    /// `/regex/is`
    Regex(Regex<'s>),
}

/// One element of a hex pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HexToken {
    /// `4D`, `?D`, `4?`, `??`, `~4D`, `~?D`: matches bytes with `byte & mask == value`, or the others when `negated`.
    Byte {
        /// The fixed bits.
        value: u8,
        /// Which bits are fixed.
        mask: u8,
        /// `~`
        negated: bool,
        /// Where it stands.
        span: Span,
    },
    /// `[n]`, `[n-m]`, `[n-]`, `[-]`
    Jump {
        /// Least number of bytes.
        min: u32,
        /// Greatest number of bytes; `None` is unbounded.
        max: Option<u32>,
        /// Where it stands.
        span: Span,
    },
    /// `( a | b | c )`
    Alternatives {
        /// The alternatives, in order.
        options: Vec<Vec<HexToken>>,
        /// Where it stands.
        span: Span,
    },
}

/// A regular expression literal.
#[derive(Debug, Clone, PartialEq)]
pub struct Regex<'s> {
    /// The text between the slashes, escapes untouched except that `\/` stands as `/`.
    pub source: Cow<'s, str>,
    /// `/…/i`
    pub case_insensitive: bool,
    /// `/…/s`
    pub dot_matches_new_line: bool,
    /// Span including slashes and flags.
    pub span: Span,
}

/// A pattern modifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Modifier<'s> {
    /// Which one.
    pub kind: ModifierKind<'s>,
    /// Where it stands.
    pub span: Span,
}

/// The pattern modifiers.
#[derive(Debug, Clone, PartialEq)]
pub enum ModifierKind<'s> {
    /// `ascii`
    Ascii,
    /// `wide`
    Wide,
    /// `nocase`
    Nocase,
    /// `fullword`
    Fullword,
    /// `private`
    Private,
    /// `xor`, `xor(k)`, `xor(a-b)`
    Xor {
        /// First key.
        min: u8,
        /// Last key.
        max: u8,
    },
    /// `base64`, `base64("alphabet")`
    Base64(Option<Literal<'s>>),
    /// `base64wide`, `base64wide("alphabet")`
    Base64Wide(Option<Literal<'s>>),
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr<'s> {
    /// What it is.
    pub kind: ExprKind<'s>,
    /// Where it stands.
    pub span: Span,
}

/// The expressions of conditions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind<'s> {
    /// `true`, `false`
    Bool(bool),
    /// `1`, `0x1F`, `0o17`, `2KB`, `3MB`; literals above `i64::MAX` and up to `u64::MAX` are their two's complement.
    Int(i64),
    /// `1.5`
    Float(f64),
    /// `"text"`
    Str(Cow<'s, [u8]>),
    /// `/regex/`, the right side of `matches` or an argument of a function.
    Regex(Regex<'s>),
    /// `filesize`
    Filesize,
    /// `entrypoint`
    Entrypoint,
    /// `$a`, `$a at X`, `$a in (X..Y)`; inside `for … of`, `$` is the current pattern.
    Match {
        /// The pattern.
        id: Ident<'s>,
        /// Where it must match.
        anchor: Option<Box<Anchor<'s>>>,
    },
    /// `#a`, `#a in (X..Y)`
    Count {
        /// The pattern.
        id: Ident<'s>,
        /// Where matches are counted.
        range: Option<Box<Range<'s>>>,
    },
    /// `@a`, `@a[i]`
    Offset {
        /// The pattern.
        id: Ident<'s>,
        /// One-based index of the match; absent means the first.
        index: Option<Box<Expr<'s>>>,
    },
    /// `!a`, `!a[i]`
    Length {
        /// The pattern.
        id: Ident<'s>,
        /// One-based index of the match; absent means the first.
        index: Option<Box<Expr<'s>>>,
    },
    /// A rule, module, loop variable, external variable or built-in function name.
    Ident(Ident<'s>),
    /// `x.name`
    Field(Box<Expr<'s>>, Ident<'s>),
    /// `x[i]`
    Index(Box<Expr<'s>>, Box<Expr<'s>>),
    /// `f(a, b)`; also `uint16(0)` and its kin.
    Call(Box<Expr<'s>>, Vec<Expr<'s>>),
    /// `not x`, `-x`, `~x`, `defined x`
    Unary(UnaryOp, Box<Expr<'s>>),
    /// `a and b and c`; at least two operands.
    And(Vec<Expr<'s>>),
    /// `a or b or c`; at least two operands.
    Or(Vec<Expr<'s>>),
    /// Every other operator with two operands.
    Binary(BinaryOp, Box<Expr<'s>>, Box<Expr<'s>>),
    /// `N of (…)`, with an optional `at X` or `in (X..Y)`.
    Of {
        /// How many.
        quantifier: Quantifier<'s>,
        /// Of what.
        set: OfSet<'s>,
        /// Where they must match.
        anchor: Option<Box<Anchor<'s>>>,
    },
    /// `for N of (…) : ( body )`
    ForOf {
        /// How many.
        quantifier: Quantifier<'s>,
        /// The patterns.
        set: OfSet<'s>,
        /// What must hold for each; `$`, `#`, `@` and `!` are the current pattern.
        body: Box<Expr<'s>>,
    },
    /// `for N x in … : ( body )`
    ForIn {
        /// How many.
        quantifier: Quantifier<'s>,
        /// The loop variables.
        vars: Vec<Ident<'s>>,
        /// What they run over.
        iterable: Iterable<'s>,
        /// What must hold for each.
        body: Box<Expr<'s>>,
    },
    /// `with a = x, b = y : ( body )`
    With {
        /// The names and their values.
        bindings: Vec<(Ident<'s>, Expr<'s>)>,
        /// Where they are seen.
        body: Box<Expr<'s>>,
    },
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `not`
    Not,
    /// `-`
    Neg,
    /// `~`
    BitNot,
    /// `defined`
    Defined,
}

/// Operators with two operands, `and` and `or` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the operators' names")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    BitAnd,
    BitOr,
    BitXor,
    Shl,
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
    IContains,
    StartsWith,
    IStartsWith,
    EndsWith,
    IEndsWith,
    IEquals,
    Matches,
}

/// `at X` or `in (X..Y)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Anchor<'s> {
    /// `at X`
    At(Expr<'s>),
    /// `in (X..Y)`
    In(Range<'s>),
}

/// `(low..high)`, both ends included.
#[derive(Debug, Clone, PartialEq)]
pub struct Range<'s> {
    /// First value.
    pub low: Expr<'s>,
    /// Last value.
    pub high: Expr<'s>,
    /// Where it stands.
    pub span: Span,
}

/// How many of a set must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantifier<'s> {
    /// `all`
    All,
    /// `any`
    Any,
    /// `none`
    None,
    /// `3`, `#a`, `(1 + 1)`
    Count(Box<Expr<'s>>),
    /// `50%`
    Percent(Box<Expr<'s>>),
}

/// What a quantifier runs over.
#[derive(Debug, Clone, PartialEq)]
pub enum OfSet<'s> {
    /// `them`
    Them(Span),
    /// `($a, $b*)`; `$*` is every pattern.
    Patterns(Vec<SetItem<'s>>),
    /// `(rule1, rule2*)`: resolved to rules by name; a lone plain identifier here may also be a boolean expression.
    Rules(Vec<SetItem<'s>>),
    /// `(pe.is_dll(), filesize < 10)`
    Exprs(Vec<Expr<'s>>),
}

/// One member of a set, `*` standing at its end for every name with that prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetItem<'s> {
    /// The name without the `*`.
    pub name: &'s str,
    /// Whether a `*` follows.
    pub wildcard: bool,
    /// Where it stands.
    pub span: Span,
}

/// What `for … in` runs over.
#[derive(Debug, Clone, PartialEq)]
pub enum Iterable<'s> {
    /// `(1..10)`
    Range(Box<Range<'s>>),
    /// `(1, 2, 3)`
    List(Vec<Expr<'s>>),
    /// An array or map of a module.
    Expr(Box<Expr<'s>>),
}
