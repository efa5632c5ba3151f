//! Every bound of a scan, with its reason.

/// Matches kept for one pattern: more than any analyst reads, and few enough that a file of one byte repeated cannot
/// fill the memory.
pub const MAX_MATCHES: usize = 1_000_000;
/// Matches kept in one scan, all patterns together: about 200 MB.
pub const MAX_TOTAL_MATCHES: usize = 8_000_000;
/// Steps of verifiers and conditions between two looks at the clock: some tens of microseconds.
pub const CHECK_STEPS: u64 = 4096;
/// Places that were verified already and are remembered; beyond it they are forgotten and verified again.
pub const MAX_REMEMBERED: usize = 1 << 20;
/// Capacity that a reused buffer keeps from one scan to the next, in elements; a hostile file may have needed more.
pub const KEEP_CAPACITY: usize = 1 << 16;
/// Lists of matches that are kept from one scan to the next, and the capacity of each.
pub const KEEP_LISTS: usize = 1024;
/// See [`KEEP_LISTS`]; together they are about 25 MB at most.
pub const KEEP_MATCHES: usize = 1024;
/// Segments or sections of an ELF file that are read to map its entry point.
pub const MAX_ELF_RECORDS: usize = 4096;
