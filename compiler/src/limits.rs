//! Every limit of the compiler, each with its reason.

/// Largest source file. Spans are 32-bit offsets, and a syntax tree takes several times the size of its text.
pub const MAX_SOURCE_BYTES: usize = 256 << 20;

/// Errors reported for one file; after as many that concern its syntax the rest of it is left unread. A file with more
/// is not a rule file, or has one cause that the first hundred show as well as ten thousand would.
pub const MAX_ERRORS_PER_FILE: usize = 100;

/// Warnings reported for one file; those beyond are summed up in one.
pub const MAX_WARNINGS_PER_FILE: usize = 100;

/// How deep parentheses, prefix operators and loops may nest in a condition, and alternatives in a hex pattern. The
/// parser recurses once a level, which takes up to 9 KiB without optimisation and has to fit a 2 MiB stack twice; real
/// rules stay below 20.
pub const MAX_NESTING: u32 = 100;

/// Greatest height of an expression tree. Chains such as `a + b + c` lean to the left without nesting, yet later
/// stages, and dropping the tree, recurse through them. (`and` and `or` chains are flat and count once.)
pub const MAX_EXPR_HEIGHT: u32 = 600;

/// Operands and operators of one condition. Each takes some 300 bytes in all stages together; a rule of the most patterns
/// can still compare each of them.
pub const MAX_EXPR_NODES: u32 = 1 << 19;

/// Members of all sets of one condition, such as `($a*)`: with many patterns and many sets their number grows with the
/// square of the rule. Real rules have some thousand.
pub const MAX_SET_MEMBERS: usize = 1 << 20;

/// Members of sets for each pattern of a rule that are not counted as excess, and the excess of all rules together:
/// many rules of many sets each are bounded as one is.
pub const FREE_SET_MEMBERS: usize = 16;
/// See [`FREE_SET_MEMBERS`].
pub const MAX_EXCESS_MEMBERS: usize = 1 << 23;

/// Rules that are checked before the excess of their sets is looked at.
pub const CHECKED_AT_ONCE: usize = 1 << 10;

/// Longest name for which a similar one is looked for; comparing takes the product of the lengths.
pub const MAX_SUGGESTED_NAME: usize = 64;

/// Names that an unknown one is compared with: every error of a file may be about one.
pub const MAX_NAMES_COMPARED: usize = 64;

/// Patterns of one rule: ten times what the largest real rule has, and an index fits well below 32 bits.
pub const MAX_PATTERNS: usize = 100_000;

/// Namespaces of one database: the image numbers them in 16 bits, and a namespace for each of the largest public rule
/// set's files takes less than a tenth of them.
pub const MAX_NAMESPACES: usize = 1 << 16;

/// How deep includes may nest; each level holds a stack frame, and real sets use two.
pub const MAX_INCLUDE_DEPTH: usize = 16;

/// Included files of one compilation.
pub const MAX_INCLUDES: usize = 10_000;

// Lowering of patterns.

/// Longest regular expression. It takes a state for nearly every byte, and [`hallmark_image::limits::MAX_PROGRAM_STATES`]
/// is as much; syntax trees take about a hundred bytes for each.
pub const MAX_REGEX_BYTES: usize = 64 << 10;

/// Classes of an expression in Unicode mode (`(?u)`): each may have some 700 ranges.
pub const MAX_UNICODE_CLASSES: usize = 256;

/// Items into which a regular expression is taken apart to look for atoms; what exceeds it is kept whole. Offsets of
/// atoms go no further.
pub const MAX_ITEMS: usize = 64 << 10;

/// Longest fixed jump of a hex pattern that becomes wildcards instead of a gap: compared faster than found again.
pub const MAX_INLINE_JUMP: u32 = 32;

/// Bytes of a run in which atoms are looked for: their places in it are stored in a byte, and rarer ones than the best
/// of 30 are seldom found further on.
pub const MAX_RUN: usize = 128;

/// Bytes of all programs together, and of texts with `xor` under each of their keys, as far as one pattern has more than
/// [`FREE_PROGRAM_BYTES`]. A line of text can become a program of the largest size, which takes some milliseconds.
pub const MAX_PROGRAM_BYTES: usize = 20 << 20;

/// Bytes of a pattern that are not counted: most real ones have less.
pub const FREE_PROGRAM_BYTES: usize = 4 << 10;

/// Runs of one variant. Lists of some thousand words are searched for; what has more alternatives is slow.
pub const MAX_RUNS_PER_VARIANT: usize = 16_384;

/// Bytes of any kind that may lie between the start of a match and its atom when their number varies. Each candidate
/// is tried with all starts among them, and files can be made in which all of them are starts.
pub const MAX_BACKWARD_GAP: u32 = 256;

/// What searching for a pair of bytes may cost, in nanoseconds a megabyte: about what it takes to try the
/// pattern at every position.
pub const MAX_PAIR_COST: f64 = 1_000_000.0;

/// Pieces of the outline of a program: two or three leave few of the places where its atom stands by chance.
pub const MAX_OUTLINE_PIECES: usize = 4;

/// Longest gap in the outline of a program. A longer one is walked for about as long as the program would be.
pub const MAX_OUTLINE_GAP: u32 = 256;

// Planning.

/// What searching for the triggers of one rule may cost, in nanoseconds a megabyte. A rule whose triggers are dearer is
/// evaluated for every file that its gate admits, which is cheaper than to have all files searched for it.
pub const MAX_TRIGGER_COST: f64 = 500_000.0;

// Warnings.

/// How often the loops of a condition may run for each file without a warning: it takes the better part of a second.
pub const MAX_QUIET_ITERATIONS: u64 = 1_000_000;

// Formatting.

/// Levels by which the formatter indents a line at most. Deeper ones are no easier to read, and a file of nothing but
/// brackets and line breaks would become a hundred times as long.
pub const MAX_INDENT_LEVELS: usize = 16;
