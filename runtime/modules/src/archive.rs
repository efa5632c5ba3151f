//! ZIP archives: what their central directory lists, and what single files in them hold.

use tinyzip::{Archive as Directory, Compression, Entry as Listed, Error};

use crate::limits::MAX_ZIP_ENTRIES;
use crate::reader::range;

/// An archive in some bytes, which may begin before it and end behind it.
pub(crate) struct Archive<'a> {
    data: &'a [u8],
    directory: Directory<&'a [u8]>,
}

/// An entry of the central directory.
pub(crate) struct Entry {
    /// As it stands there.
    pub(crate) path: Vec<u8>,
    /// The number of the compression method.
    pub(crate) method: u16,
    /// In bytes, as it says.
    pub(crate) size: u64,
    /// In bytes, as it says.
    pub(crate) compressed_size: u64,
}

impl<'a> Archive<'a> {
    /// Looks for the end of a central directory.
    pub(crate) fn open(data: &'a [u8]) -> Option<Self> {
        Some(Archive { data, directory: Directory::open(data).ok()? })
    }

    /// The entries up to the first one that doesn't parse.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        let mut buffer = vec![0; usize::from(u16::MAX)];
        self.listed().map_while(move |entry| {
            let entry = entry?;
            Some(Entry {
                path: entry.read_path(&mut buffer).ok()?.to_vec(),
                method: method(&entry),
                size: entry.uncompressed_size(),
                compressed_size: entry.compressed_size(),
            })
        })
    }

    /// Whether all entries parse.
    pub(crate) fn is_whole(&self) -> bool {
        self.directory.entry_count() <= MAX_ZIP_ENTRIES as u64 && self.listed().all(|entry| entry.is_some())
    }

    /// What the file of this path holds, the last one if there are several; `None` if that is more than `max` bytes or
    /// doesn't have the checksum it should have.
    pub(crate) fn read(&self, path: &str, max: usize) -> Option<Vec<u8>> {
        let entry = self.listed().flatten().filter(|entry| entry.path_is(path).unwrap_or(false)).last()?;
        let place = entry.data_range().ok()?.data_range;
        let packed = range(self.data, place.start, place.end.checked_sub(place.start)?)?;
        let bytes = match entry.compression().ok()? {
            Compression::Stored if packed.len() > max => return None,
            Compression::Stored => packed.to_vec(),
            Compression::Deflated => miniz_oxide::inflate::decompress_to_vec_with_limit(packed, max).ok()?,
        };
        (crc32fast::hash(&bytes) == entry.crc32()).then_some(bytes)
    }

    fn listed(&self) -> impl Iterator<Item = Option<Listed<'_, &'a [u8]>>> {
        self.directory.entries().take(MAX_ZIP_ENTRIES).map(Result::ok)
    }
}

fn method(entry: &Listed<'_, &[u8]>) -> u16 {
    match entry.compression() {
        Ok(known) => known.raw(),
        Err(Error::UnsupportedCompression(method)) => method,
        Err(_) => u16::MAX,
    }
}

#[cfg(test)]
pub(crate) mod sample {
    //! Archives made for tests.

    use miniz_oxide::deflate::compress_to_vec;

    /// An archive of these files, deflated.
    pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (path, content) in files {
            let packed = compress_to_vec(content, 1);
            let start = u32::try_from(out.len()).unwrap();
            // Version, flags, method, time and date.
            let mut common = b"\x14\0\0\0\x08\0\0\0\0\0".to_vec();
            for number in [crc32fast::hash(content) as usize, packed.len(), content.len()] {
                common.extend(u32::try_from(number).unwrap().to_le_bytes());
            }
            common.extend([u16::try_from(path.len()).unwrap(), 0].iter().flat_map(|n| n.to_le_bytes()));
            out.extend([b"PK\x03\x04", common.as_slice(), path.as_bytes(), &packed].concat());
            // No comment, the first disk, no attributes.
            directory
                .extend([b"PK\x01\x02\x14\0", common.as_slice(), &[0; 10], &start.to_le_bytes()].concat());
            directory.extend(path.as_bytes());
        }
        let count = u16::try_from(files.len()).unwrap().to_le_bytes();
        let [size, start] = [directory.len(), out.len()].map(|n| u32::try_from(n).unwrap().to_le_bytes());
        let end = [b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &start, b"\0\0"].concat();
        [out, directory, end].concat()
    }
}
