//! Typed rules: what the checker hands to the later stages. Names are resolved, constants folded, types agree.

use hallmark_image::insn::Op;
use hallmark_image::record::ValueKind;
pub use hallmark_image::schema::Type;

use crate::ast::Regex;
use crate::diagnostic::{SourceId, Span};
use crate::lower::{Lowered, PatternSpec};

/// Index of a rule among all declared rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeclId(pub u32);

/// A checked rule.
#[derive(Debug, Clone)]
pub struct RuleIr<'a> {
    /// Which declaration it is.
    pub decl: DeclId,
    /// Where it was written.
    pub source: SourceId,
    /// Span of its name.
    pub name_span: Span,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `global`
    pub global: bool,
    /// `private`
    pub private: bool,
    /// Tags, in order.
    pub tags: Vec<String>,
    /// Metadata, in order.
    pub meta: Vec<(String, Value)>,
    /// Patterns, in order.
    pub patterns: Vec<PatternIr<'a>>,
    /// Rules its condition refers to; the condition names them by their place here.
    pub references: Vec<DeclId>,
    /// Regular expressions of the condition, which names them by their place here.
    pub regexes: Vec<&'a Regex<'a>>,
    /// What must hold.
    pub condition: Expr,
    /// Number of local variables.
    pub locals: u16,
    /// Members of its sets beyond what rules usually have.
    pub excess: usize,
}

/// A checked rule with its patterns and regular expressions lowered.
#[derive(Debug, Clone)]
pub struct LoweredRule<'a> {
    /// The rule.
    pub ir: RuleIr<'a>,
    /// What is searched and compared, pattern by pattern.
    pub patterns: Vec<Lowered>,
    /// Programs of the regular expressions of the condition.
    pub programs: Vec<Vec<u8>>,
}

/// A checked pattern.
#[derive(Debug, Clone)]
pub struct PatternIr<'a> {
    /// `$a`, or `$`.
    pub id: String,
    /// Where what it looks for is written.
    pub span: Span,
    /// `private`
    pub private: bool,
    /// What is searched for, and how.
    pub spec: PatternSpec<'a>,
}

/// A constant value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Boolean.
    Bool(bool),
    /// Bytes.
    Str(Vec<u8>),
}

impl Value {
    /// Its kind in the image.
    pub fn kind(&self) -> ValueKind {
        match self {
            Value::Int(_) => ValueKind::Int,
            Value::Float(_) => ValueKind::Float,
            Value::Bool(_) => ValueKind::Bool,
            Value::Str(_) => ValueKind::Str,
        }
    }

    /// Its type.
    pub fn ty(&self) -> Type {
        match self {
            Value::Int(_) => Type::Int,
            Value::Float(_) => Type::Float,
            Value::Bool(_) => Type::Bool,
            Value::Str(_) => Type::Str,
        }
    }
}

/// An expression and its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// Its type.
    pub ty: Type,
}

/// The expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A constant.
    Const(Value),
    /// Known to be undefined, such as a division by a constant zero.
    Undefined,
    /// Length of the scanned data.
    Filesize,
    /// File offset of the entry point.
    Entrypoint,
    /// External variable by index.
    External(u32),
    /// Local variable by index.
    Local(u16),
    /// Whether a rule (by place in [`RuleIr::references`]) matched.
    Rule(u32),
    /// Whether a pattern matched.
    Match(PatternRef, Anchor),
    /// Number of its matches, within a range if one is given.
    Count(PatternRef, Option<Box<(Expr, Expr)>>),
    /// Offset of a match by one-based index.
    Offset(PatternRef, Box<Expr>),
    /// Length of a match by one-based index.
    Length(PatternRef, Box<Expr>),
    /// An operator with one operand.
    Unary(Op, Box<Expr>),
    /// An operator with two operands.
    Binary(Op, Box<Expr>, Box<Expr>),
    /// `and`
    And(Vec<Expr>),
    /// `or`
    Or(Vec<Expr>),
    /// String matches a regular expression (by place in [`RuleIr::regexes`]).
    Matches(Box<Expr>, u32),
    /// Integer read from the data; the code is that of [`Op::ReadInt`].
    ReadInt(u8, Box<Expr>),
    /// Fields of a module.
    Module(u16),
    /// Field of a structure.
    Field(Box<Expr>, u16),
    /// Element of an array or map.
    Index(Box<Expr>, Box<Expr>),
    /// Function call: module, function, arguments.
    Call(u16, u16, Vec<Expr>),
    /// A regular expression as an argument.
    RegexArg(u32),
    /// So many patterns of a set.
    OfPatterns(Quantifier, Vec<u32>, Anchor),
    /// So many rules of a set (places in [`RuleIr::references`]).
    OfRules(Quantifier, Vec<u32>),
    /// A loop.
    For(Box<Loop>),
    /// Local variables for a body.
    With(Vec<(u16, Expr)>, Box<Expr>),
}

/// A loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    /// For how many items the body must hold.
    pub quantifier: Quantifier,
    /// The local that holds the item; for maps the value is in the next one.
    pub local: u16,
    /// Nesting depth, the outermost being 0.
    pub depth: u16,
    /// The items.
    pub items: Items,
    /// What must hold.
    pub body: Expr,
}

/// What a loop runs over.
#[derive(Debug, Clone, PartialEq)]
pub enum Items {
    /// Integers, both ends included.
    Range(Expr, Expr),
    /// Values of one type.
    List(Vec<Expr>),
    /// An array or map.
    Elements(Expr),
    /// Patterns.
    Patterns(Vec<u32>),
}

/// A pattern by index, or the one a `for … of` loop is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternRef {
    /// By index.
    Index(u32),
    /// The index is in this local.
    Local(u16),
}

/// Where a pattern must match.
#[derive(Debug, Clone, PartialEq)]
pub enum Anchor {
    /// Anywhere.
    Anywhere,
    /// At an offset.
    At(Box<Expr>),
    /// Starting in a range.
    In(Box<(Expr, Expr)>),
}

/// How many of a set must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantifier {
    /// `all`
    All,
    /// `any`
    Any,
    /// `none`
    None,
    /// At least so many.
    Count(Box<Expr>),
    /// At least this part of them.
    Percent(Box<Expr>),
}

impl Expr {
    /// A constant.
    pub fn constant(value: Value) -> Expr {
        Expr { ty: value.ty(), kind: Kind::Const(value) }
    }

    /// The integer, if it is a constant one.
    pub fn as_int(&self) -> Option<i64> {
        match self.kind {
            Kind::Const(Value::Int(n)) => Some(n),
            _ => None,
        }
    }

    /// Calls `visit` for each expression directly below this one.
    pub fn for_each_child(&self, visit: &mut dyn FnMut(&Expr)) {
        let mut all = |exprs: &[Expr]| exprs.iter().for_each(&mut *visit);
        match &self.kind {
            Kind::Const(_)
            | Kind::Undefined
            | Kind::Filesize
            | Kind::Entrypoint
            | Kind::External(_)
            | Kind::Local(_)
            | Kind::Rule(_)
            | Kind::Count(_, None)
            | Kind::Module(_)
            | Kind::RegexArg(_) => {}
            Kind::Match(_, anchor) => anchor.for_each_child(visit),
            Kind::Count(_, Some(range)) => [&range.0, &range.1].into_iter().for_each(visit),
            Kind::Offset(_, operand)
            | Kind::Length(_, operand)
            | Kind::Unary(_, operand)
            | Kind::Matches(operand, _)
            | Kind::ReadInt(_, operand)
            | Kind::Field(operand, _) => visit(operand),
            Kind::Binary(_, left, right) | Kind::Index(left, right) => {
                [&**left, &**right].into_iter().for_each(visit)
            }
            Kind::And(operands) | Kind::Or(operands) | Kind::Call(_, _, operands) => all(operands),
            Kind::OfPatterns(quantifier, _, anchor) => {
                quantifier.for_each_child(visit);
                anchor.for_each_child(visit);
            }
            Kind::OfRules(quantifier, _) => quantifier.for_each_child(visit),
            Kind::For(each) => {
                each.quantifier.for_each_child(visit);
                match &each.items {
                    Items::Range(low, high) => [low, high].into_iter().for_each(&mut *visit),
                    Items::List(items) => items.iter().for_each(&mut *visit),
                    Items::Elements(collection) => visit(collection),
                    Items::Patterns(_) => {}
                }
                visit(&each.body);
            }
            Kind::With(bindings, body) => {
                bindings.iter().for_each(|(_, value)| visit(value));
                visit(body);
            }
        }
    }
}

impl Anchor {
    fn for_each_child(&self, visit: &mut dyn FnMut(&Expr)) {
        match self {
            Anchor::Anywhere => {}
            Anchor::At(offset) => visit(offset),
            Anchor::In(range) => [&range.0, &range.1].into_iter().for_each(visit),
        }
    }
}

impl Quantifier {
    fn for_each_child(&self, visit: &mut dyn FnMut(&Expr)) {
        if let Quantifier::Count(n) | Quantifier::Percent(n) = self {
            visit(n);
        }
    }
}
