//! The options of `scan` about archives.

use hallmark_runtime::ArchiveLimits;

/// Whether to look into archives, and how far.
#[derive(Debug, clap::Args)]
pub struct ArchiveArgs {
    /// Also scan what lies in archives: ZIP, gzip, xz, tar, 7z, cabinets and compound files (OLE), and those within them;
    /// what could not be looked at is listed as incomplete
    #[arg(long)]
    archives: bool,

    /// Archives within archives that are looked into, the file itself included
    #[arg(long, value_name = "N", requires = "archives", default_value_t = ArchiveLimits::default().depth)]
    archive_depth: u32,

    /// Members of one file, those of archives within it included
    #[arg(long, value_name = "N", requires = "archives", default_value_t = ArchiveLimits::default().members)]
    archive_members: u64,

    /// Bytes of one member; of a longer one, the beginning is scanned
    #[arg(long, value_name = "BYTES", requires = "archives", default_value_t = ArchiveLimits::default().member_bytes)]
    archive_member_size: u64,

    /// Bytes of all members of one file together
    #[arg(long, value_name = "BYTES", requires = "archives", default_value_t = ArchiveLimits::default().total_bytes)]
    archive_size: u64,

    /// Bytes of all members for each byte of the file, once they are more than 16 MiB
    #[arg(long, value_name = "N", requires = "archives", default_value_t = ArchiveLimits::default().ratio)]
    archive_ratio: u64,

    /// Bytes of memory that decoders may take for one file, beside its members
    #[arg(long, value_name = "BYTES", requires = "archives", default_value_t = ArchiveLimits::default().memory)]
    archive_memory: u64,
}

impl ArchiveArgs {
    /// How far to look into archives, if at all.
    pub fn limits(&self) -> Option<ArchiveLimits> {
        self.archives.then_some(ArchiveLimits {
            depth: self.archive_depth,
            members: self.archive_members,
            member_bytes: self.archive_member_size,
            total_bytes: self.archive_size,
            ratio: self.archive_ratio,
            memory: self.archive_memory,
        })
    }
}
