//! Every bound the format has, with its reason.

/// Largest image accepted: four times the largest public rule set's, and well inside what a 32-bit offset addresses.
pub const MAX_IMAGE_LEN: u64 = 1 << 31;
/// Sections that fit the 4 KiB header.
pub const MAX_SECTIONS: usize = 60;
/// Sections start on pages, so that a mapping can be shared and patched page by page.
pub const SECTION_ALIGN: u64 = 4096;
/// Rule slots in one page of the rule table: a page's units share one base offset, so an added rule moves few others.
pub const SLOTS_PER_PAGE: usize = 32;
/// Entries in one 512-byte atom page.
pub const ENTRIES_PER_PAGE: usize = 50;
/// Deepest evaluation stack of a condition; conditions nest at most as deep as the parser allows.
pub const MAX_STACK: u16 = 1024;
/// Most local variables of a condition.
pub const MAX_LOCALS: u16 = 256;
/// Deepest nesting of loops in a condition.
pub const MAX_LOOPS: u16 = 16;
/// Most states of one regular expression program; beyond it a counted repetition is refused at compile time.
pub const MAX_PROGRAM_STATES: u32 = 65_536;
/// Most pieces of a chained hex pattern.
pub const MAX_PIECES: u32 = 4_096;
/// Largest offset of an atom within its pattern (it is stored in 16 bits).
pub const MAX_ATOM_OFFSET: usize = 65_535;
/// Most bits of an atom that are open, such as those of one byte: it is searched for as every string that it can be.
pub const MAX_OPEN_BITS: u32 = 8;
/// Ranges of starts up to this long are tried place by place rather than searched for.
pub const SHORT_RANGE: usize = 1024;
/// Most arguments of a module function.
pub const MAX_ARGS: u8 = 16;
/// Most self-tests. They are all run at each installation, which is to take no longer than a second or two.
pub const MAX_SELF_TESTS: usize = 256;
/// Most rules that all self-tests together name: some for each.
pub const MAX_SELF_TEST_RULES: usize = 4096;
/// Most bytes of all inputs of self-tests together: they are sent to every endpoint with every release.
pub const MAX_SELF_TEST_BYTES: usize = 1 << 20;
/// Bytes of a stream that can always be seen again: its first ones, and those of a match wherever it lies.
pub const STREAM_KEEPS: u64 = 1 << 15;
