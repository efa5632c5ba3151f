//! Condition bytecode: a stack machine over tagged values, *undefined* among them.
//!
//! Every instruction is eight bytes. What it pops and pushes stands in one table, which the proof in
//! [`crate::proof`] uses; the engine answers *undefined* where an operand has another tag than it needs.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Insn {
    /// An [`Op`].
    pub op: u8,
    /// First small operand, see [`Op`].
    pub a: u8,
    /// Second small operand, see [`Op`].
    pub b: U16,
    /// Large operand, see [`Op`].
    pub imm: U32,
}

impl Insn {
    /// An instruction.
    pub fn new(op: Op, a: u8, b: u16, imm: u32) -> Self {
        Insn { op: op as u8, a, b: U16::new(b), imm: U32::new(imm) }
    }
}

/// What an operand of an instruction means, for the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imm {
    /// Not used, zero.
    None,
    /// Any 32 bits.
    Any,
    /// Index of a constant.
    Constant,
    /// Index of a string constant ([`crate::record::ValueKind::Str`] bits).
    Str,
    /// Index of a constant whose slice is a program.
    Regex,
    /// Index of an external variable.
    External,
    /// Index of a pattern; with `a & FROM_SLOT`, zero, and `b` names the local that holds the index.
    Pattern,
    /// Word offset of a set of pattern indices.
    PatternSet,
    /// Word offset of a set of reference indices.
    RuleSet,
    /// Index of a reference.
    Reference,
    /// Index of the instruction to continue with.
    Target,
    /// Index of a module.
    Module,
    /// Index of a field.
    Field,
    /// Index of a function of module `b`.
    Function,
}

macro_rules! ops {
    ($($name:ident = $id:literal, $pops:literal, $pushes:literal, $imm:ident, $doc:literal;)*) => {
        /// The instructions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Op { $(#[doc = $doc] $name = $id,)* }

        impl Op {
            /// All of them, ascending.
            pub const ALL: &'static [Op] = &[$(Op::$name),*];

            /// The instruction with this number.
            #[inline]
            pub fn new(op: u8) -> Option<Op> {
                match op { $($id => Some(Op::$name),)* _ => None }
            }

            /// How many values it takes (operands named by `a` apart), how many it leaves, and what `imm` is.
            pub const fn effect(self) -> (u16, u16, Imm) {
                match self { $(Op::$name => ($pops, $pushes, Imm::$imm),)* }
            }
        }
    };
}
ops! {
    Undefined = 0, 0, 1, None, "Pushes undefined.";
    True = 1, 0, 1, None, "Pushes true.";
    False = 2, 0, 1, None, "Pushes false.";
    Small = 3, 0, 1, Any, "Pushes `imm` as a signed integer.";
    Int = 4, 0, 1, Constant, "Pushes an integer constant.";
    Float = 5, 0, 1, Constant, "Pushes a float constant.";
    Str = 6, 0, 1, Str, "Pushes a string constant.";
    External = 7, 0, 1, External, "Pushes the value of an external variable.";
    Filesize = 8, 0, 1, None, "Pushes the length of the scanned data.";
    Entrypoint = 9, 0, 1, None, "Pushes the file offset of the entry point.";
    Load = 10, 0, 1, None, "Pushes local `b`.";
    Store = 11, 1, 0, None, "Pops into local `b`.";
    Pop = 12, 1, 0, None, "Drops the top.";

    Add = 16, 2, 1, None, "Sum; integers wrap.";
    Sub = 17, 2, 1, None, "Difference; integers wrap.";
    Mul = 18, 2, 1, None, "Product; integers wrap.";
    Div = 19, 2, 1, None, "Quotient; undefined for an integer zero divisor.";
    Mod = 20, 2, 1, None, "Remainder; undefined for a zero divisor.";
    Neg = 21, 1, 1, None, "Negation.";
    BitAnd = 22, 2, 1, None, "Bitwise and.";
    BitOr = 23, 2, 1, None, "Bitwise or.";
    BitXor = 24, 2, 1, None, "Bitwise exclusive or.";
    BitNot = 25, 1, 1, None, "Bitwise complement.";
    Shl = 26, 2, 1, None, "Left shift; 0 for 64 and more, undefined for negative counts.";
    Shr = 27, 2, 1, None, "Right shift; as for left shift.";
    Eq = 28, 2, 1, None, "Equal.";
    Ne = 29, 2, 1, None, "Not equal.";
    Lt = 30, 2, 1, None, "Less.";
    Le = 31, 2, 1, None, "Less or equal.";
    Gt = 32, 2, 1, None, "Greater.";
    Ge = 33, 2, 1, None, "Greater or equal.";
    Contains = 34, 2, 1, None, "Substring.";
    IContains = 35, 2, 1, None, "Substring, letter case ignored.";
    StartsWith = 36, 2, 1, None, "Prefix.";
    IStartsWith = 37, 2, 1, None, "Prefix, letter case ignored.";
    EndsWith = 38, 2, 1, None, "Suffix.";
    IEndsWith = 39, 2, 1, None, "Suffix, letter case ignored.";
    IEquals = 40, 2, 1, None, "Equal, letter case ignored.";
    Matches = 41, 1, 1, Regex, "Whether a regular expression matches somewhere in the string.";

    Not = 48, 1, 1, None, "Truth negated; undefined stays.";
    Truth = 49, 1, 1, None, "True or false; undefined is false.";
    ToBool = 50, 1, 1, None, "True or false; undefined stays.";
    Defined = 51, 1, 1, None, "Whether the top is not undefined.";
    AndElse = 52, 1, 0, Target, "If the top is not true, leaves false and continues at the target, where one more value is expected; else drops it.";
    OrElse = 53, 1, 0, Target, "If the top is true, leaves true and continues at the target, where one more value is expected; else drops it.";

    Match = 64, 0, 1, Pattern, "Whether the pattern matched.";
    MatchAt = 65, 1, 1, Pattern, "Whether it matched at the offset on the stack.";
    MatchIn = 66, 2, 1, Pattern, "Whether a match starts in the range on the stack.";
    Count = 67, 0, 1, Pattern, "Number of matches.";
    CountIn = 68, 2, 1, Pattern, "Number of matches that start in the range.";
    Offset = 69, 1, 1, Pattern, "Offset of the match with the one-based index on the stack.";
    Length = 70, 1, 1, Pattern, "Its length.";
    OfPatterns = 71, 0, 1, PatternSet, "Whether as many patterns of the set matched as quantifier `a` says; `b` is an [`Anchor`].";
    OfRules = 72, 0, 1, RuleSet, "Whether as many rules of the set matched as quantifier `a` says.";
    Rule = 73, 0, 1, Reference, "Whether the rule matched.";
    ReadInt = 74, 1, 1, None, "Integer at the offset on the stack; `a` is the width in bytes, plus 16 if signed, plus 32 if big-endian.";

    Module = 80, 0, 1, Module, "Pushes the fields of a module.";
    Field = 81, 1, 1, Field, "Field of a structure.";
    Index = 82, 2, 1, None, "Element of an array or map.";
    Call = 83, 0, 1, Function, "Calls a function with the top `a` values.";
    RegexArg = 84, 0, 1, Regex, "Pushes a regular expression, as an argument.";

    LoopRange = 96, 2, 0, None, "Starts loop `b` over the range on the stack, quantifier `a`.";
    LoopList = 97, 0, 0, Any, "Starts loop `b` over the top `imm` values, quantifier `a`.";
    LoopItems = 98, 1, 0, None, "Starts loop `b` over the array or map on the stack, quantifier `a`.";
    LoopPatterns = 99, 0, 0, PatternSet, "Starts loop `b` over the pattern indices of a set, quantifier `a`.";
    LoopNext = 100, 0, 0, Target, "Puts the next item of loop `b` into locals `a` (and the one after, for maps); at the end leaves the result and continues at the target, where one more value is expected.";
    LoopStep = 101, 1, 0, Target, "Counts the body's result for loop `b` and continues at the target.";
}

/// With a pattern instruction: the index is in local `b`.
pub const FROM_SLOT: u8 = 1;

/// How many of a set must hold; in operand `a`. `Count` and `Percent` take their number from the stack, below everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the variants are the language's words")]
pub enum Quantifier {
    All = 0,
    Any = 1,
    None = 2,
    Count = 3,
    Percent = 4,
}

impl Quantifier {
    /// The quantifier with this number.
    pub fn new(q: u8) -> Option<Self> {
        [Self::All, Self::Any, Self::None, Self::Count, Self::Percent].into_iter().find(|&k| k as u8 == q)
    }

    /// How many values it takes from the stack.
    pub fn operands(self) -> u16 {
        u16::from(matches!(self, Self::Count | Self::Percent))
    }
}

/// Where the patterns of an `of` must match; in operand `b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Anchor {
    /// Anywhere.
    Anywhere = 0,
    /// At the offset on the stack.
    At = 1,
    /// In the range on the stack.
    In = 2,
}

impl Anchor {
    /// The anchor with this number; it takes as many values from the stack.
    pub fn new(anchor: u16) -> Option<Self> {
        [Self::Anywhere, Self::At, Self::In].into_iter().find(|&k| k as u16 == anchor)
    }
}
