//! What looking into one file may cost, and the caps that are not the caller's to choose, each with its reason.

/// What looking into one file may cost, whatever is in it and however deep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Archives within archives, the file itself included, 32 at most. Five: a ZIP in a tar in a gzip in a 7z, and one to
    /// spare.
    pub depth: u32,
    /// Members of all archives together.
    pub members: u64,
    /// Bytes of one member; of a longer one, its beginning is looked at.
    pub member_bytes: u64,
    /// Bytes of all members together, those of archives within archives included.
    pub total_bytes: u64,
    /// Bytes of all members together for each byte of the file, once they are more than [`RATIO_FREE`]. Deflate comes to
    /// 1,032 at most, and only where all is alike.
    pub ratio: u64,
    /// Bytes that decoders may take beside the members: dictionaries, and the tables of 7z archives. Reading those takes
    /// at least 150 MiB of it, as compressed ones have a dictionary of 1 MiB, and could unpack to as much.
    pub memory: u64,
}

impl Default for Limits {
    /// Five deep, 100,000 members, 256 MiB each, 1 GiB together, a ratio of 1,000, and 512 MiB for decoders.
    fn default() -> Self {
        Limits {
            depth: 5,
            members: 100_000,
            member_bytes: 256 << 20,
            total_bytes: 1 << 30,
            ratio: 1_000,
            memory: 512 << 20,
        }
    }
}

/// What no caller can go beyond with [`Limits::depth`]: each archive takes some of the stack.
pub(crate) const MAX_DEPTH: u32 = 32;

/// Bytes that come out of any file before the ratio matters: small files of one byte over and over are no attack.
pub(crate) const RATIO_FREE: u64 = 16 << 20;

/// Bytes that are unpacked, or read, between two looks at the clock: under a millisecond even of LZMA.
pub(crate) const CHUNK: usize = 64 << 10;

/// Capacity of a buffer that is kept for the next member.
pub(crate) const KEEP_BUFFER: usize = 16 << 20;

/// Bytes of a member's name that are kept. Systems allow 4,096 of a path; ZIP has room for 65,535, which reports of
/// 100,000 members would add up to gigabytes.
pub(crate) const MAX_NAME: usize = 4_096;

/// Things that were not looked at and are told one by one; after these, only that there are more.
pub(crate) const MAX_LEFT_OUT: u64 = 1_000;

/// Bytes of tables that the reader of 7z archives makes of one byte of a header, at most: a file without a name takes
/// one byte there and about a hundred here.
pub(crate) const SEVENZ_TABLES: u64 = 128;

/// The share of the memory left that the dictionaries of a 7z archive may take: the decoder stays open while what it
/// unpacked is looked at, and archives in there need some too.
pub(crate) const SEVENZ_DICTIONARIES: u64 = 4;

/// Bytes of named values before a member of a tar archive that are read: names, and times of some hundred bytes.
pub(crate) const MAX_TAR_VALUES: usize = 1 << 20;

/// Entries of a compound file's directory that are read for each member that may be looked at: half of them are storages,
/// and entries that are not used.
pub(crate) const ENTRIES_PER_MEMBER: u64 = 4;

/// Storages within storages of a compound file that are named in the path of a stream.
pub(crate) const MAX_STORAGES: usize = 32;

/// Bytes of one block of a cabinet, unpacked.
pub(crate) const MAX_CAB_BLOCK: usize = 1 << 15;
