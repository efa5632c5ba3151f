//! Every bound of a scan, with its reason.

/// Matches kept for one pattern: more than any analyst reads, and few enough that a file of one byte repeated cannot
/// fill the memory.
pub const MAX_MATCHES: usize = 1_000_000;
/// Atoms of patterns that are searched for together: about 200 MB. The patterns beyond are searched for one by one.
pub const MAX_DEMANDED: usize = 1 << 22;
/// Matches kept in one scan, all patterns together: about 200 MB.
pub const MAX_TOTAL_MATCHES: usize = 8_000_000;
/// Steps of verifiers and conditions between two looks at the clock: some tens of microseconds.
pub const CHECK_STEPS: u64 = 4096;
/// Steps that verifying one variant may take, for each byte of the data. Where earlier verifications tell what later
/// ones would find, hostile data take up to two hundred, and real files a fraction of one.
pub const VARIANT_STEPS_PER_BYTE: u64 = 256;
/// Steps that verifying one variant may take besides, so that small files are never cut short: some milliseconds.
pub const VARIANT_STEPS: u64 = 1 << 20;
/// Steps that all verifications together may take, for each byte of the data: two variants at their limit.
pub const SCAN_STEPS_PER_BYTE: u64 = 512;
/// Steps that all verifications together may take besides: some tens of milliseconds.
pub const SCAN_STEPS: u64 = 1 << 24;
/// Places of long runs of programs that are remembered to be met again, of about 200 bytes each; beyond it they are
/// forgotten.
pub const MAX_PLACES: usize = 1 << 18;
/// Places that were verified already and are remembered; beyond it they are forgotten and verified again.
pub const MAX_REMEMBERED: usize = 1 << 20;
/// Capacity that a reused buffer keeps from one scan to the next, in elements; a hostile file may have needed more.
pub const KEEP_CAPACITY: usize = 1 << 16;
/// Lists of matches that are kept from one scan to the next, and the capacity of each.
pub const KEEP_LISTS: usize = 1024;
/// See [`KEEP_LISTS`]; together they are about 25 MB at most.
pub const KEEP_MATCHES: usize = 1024;
/// Memories of variants that are kept from one scan to the next, so that small files allocate nothing.
pub const KEEP_MEMORIES: usize = 1 << 14;
/// See [`KEEP_MEMORIES`]; together they are about 8 MB at most.
pub const KEEP_SPANS: usize = 16;
/// Places of long runs for which the room is kept from one scan to the next: about 3 MB.
pub const KEEP_PLACES: usize = 1 << 14;
/// First bytes of a match that are kept of a stream, for those who want to see them.
pub const CAPTURE_EACH: usize = 512;
/// Bytes of all matches that are kept of a stream.
pub const CAPTURE_ALL: usize = 1 << 20;
/// Separate ranges of addresses that are told apart; beyond it they are taken for one.
pub const MAX_EXTENTS: usize = 1 << 16;
/// Bytes that are asked of a stream in one go, so that a wish to end the scan is seen soon.
pub const READ_BYTES: usize = 1 << 20;
/// Segments or sections of an ELF file that are read to map its entry point.
pub const MAX_ELF_RECORDS: usize = 4096;
