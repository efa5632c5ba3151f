//! What kind of archive some bytes are.

use memchr::memmem;

use crate::bytes::Numbers as _;
use crate::tarball;

/// Bytes at the end of a file in which a ZIP archive must end: its last record with the longest comment.
const ZIP_END: usize = 22 + 65_535;

/// A kind of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// ZIP, and what is made of it: Office documents, Java and Android packages, extensions.
    Zip,
    /// One file in gzip.
    Gzip,
    /// One file in xz.
    Xz,
    /// Tar.
    Tar,
    /// 7z.
    SevenZip,
    /// Windows cabinet.
    Cabinet,
    /// Compound file: documents of older Office versions, installers of Windows, messages of Outlook.
    Compound,
    /// Known by its first bytes, and not read here: its name.
    Foreign(&'static str),
}

/// Kinds by their first bytes.
const BEGINNINGS: [(&[u8], Kind); 16] = [
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"PK\x07\x08PK\x03\x04", Kind::Zip),
    (b"PK00PK\x03\x04", Kind::Zip),
    (b"\x1f\x8b\x08", Kind::Gzip),
    (b"\xfd7zXZ\0", Kind::Xz),
    (b"7z\xbc\xaf\x27\x1c", Kind::SevenZip),
    (b"MSCF\0\0\0\0", Kind::Cabinet),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::Compound),
    (b"Rar!\x1a\x07", Kind::Foreign("RAR")),
    (b"\x28\xb5\x2f\xfd", Kind::Foreign("Zstandard")),
    (b"\x04\x22\x4d\x18", Kind::Foreign("LZ4")),
    (b"LZIP\x01", Kind::Foreign("lzip")),
    (b"\x1f\x9d", Kind::Foreign("compress")),
    (b"ISc(", Kind::Foreign("InstallShield cabinet")),
    (b"**ACE**", Kind::Foreign("ACE")),
];

impl Kind {
    /// The kind of these bytes, if they are an archive: by how they begin, or because a ZIP archive ends with them, as
    /// those that unpack themselves do.
    pub fn of(data: &[u8]) -> Option<Kind> {
        if let Some(&(_, kind)) = BEGINNINGS.iter().find(|(beginning, _)| data.starts_with(beginning)) {
            return Some(kind);
        }
        if data.starts_with(b"BZh") && data.part(4, 6) == Some(b"1AY&SY") {
            return Some(Kind::Foreign("bzip2"));
        }
        if tarball::is_header(data) {
            return Some(Kind::Tar);
        }
        ends_as_zip(data).then_some(Kind::Zip)
    }
}

/// Whether there is a last record of a ZIP archive, with a directory of entries before it.
fn ends_as_zip(data: &[u8]) -> bool {
    let end = data.get(data.len().saturating_sub(ZIP_END)..).unwrap_or_default();
    let Some(at) = memmem::rfind(end, b"PK\x05\x06") else { return false };
    let size = end.u32_at(at.saturating_add(12)).map_or(0, |size| crate::bytes::size(u64::from(size)));
    let at = data.len().saturating_sub(end.len()).saturating_add(at);
    let directory = at.checked_sub(size).and_then(|start| data.get(start..at));
    directory.is_some_and(|directory| directory.starts_with(b"PK\x01\x02"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_bytes() {
        assert_eq!(Kind::of(b"PK\x03\x04"), Some(Kind::Zip));
        assert_eq!(Kind::of(b"BZh91AY&SY"), Some(Kind::Foreign("bzip2")));
        assert_eq!(Kind::of(b"BZh is no archive"), None);
        assert_eq!(Kind::of(b""), None);
        assert_eq!(Kind::of(&[0; 2000]), None);
        let directory = [b"MZ stub".as_slice(), b"PK\x01\x02", &[0; 42]].concat();
        let end = [b"PK\x05\x06".as_slice(), &[0; 8], &46u32.to_le_bytes(), &[0; 6]].concat();
        assert_eq!(Kind::of(&[directory, end.clone()].concat()), Some(Kind::Zip));
        assert_eq!(Kind::of(&end.repeat(3)), Some(Kind::Zip), "an empty archive");
        assert_eq!(Kind::of(&[b"MZ".as_slice(), &end].concat()), None);
    }
}
