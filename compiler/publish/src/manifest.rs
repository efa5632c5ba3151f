//! The source manifest: one line per source file as coreutils' `sha256sum` writes it, sorted by name. Its digest is
//! what the release note calls `source`; `sha256sum -c SHA256SUMS` checks it without any of our programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hallmark_container::{Digest, Source};

use crate::Error;

/// The sorted list of all source files with their digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceManifest {
    text: String,
    source: Source,
}

impl SourceManifest {
    /// Lists `files`, given by name relative to the source directory (`/` between parts) and content.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, Error> {
        let mut sorted = BTreeMap::new();
        for (name, content) in files {
            let refused = |why| Err(Error::SourceName { name: name.to_owned(), why });
            if name.bytes().any(|b| matches!(b, b'\n' | b'\r' | b'\\' | 0)) {
                return refused("names with line breaks or backslashes cannot be listed in SHA256SUMS");
            }
            if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
                return refused("not a plain relative path");
            }
            if sorted.insert(name, content).is_some() {
                return refused("listed twice");
            }
        }
        let mut text = String::new();
        let mut bytes = 0u64;
        for (name, content) in &sorted {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{}  {name}", Digest::of(content).hex());
            bytes += content.len() as u64;
        }
        let source = Source { digest: Digest::of(text.as_bytes()), files: sorted.len() as u64, bytes };
        Ok(Self { text, source })
    }

    /// The text of `SHA256SUMS`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The `source` line of the release note.
    pub fn source(&self) -> Source {
        self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_files_does_not_matter() {
        let files: [(&str, &[u8]); 3] = [("b.yar", b"rule b"), ("a/z.yar", b"rule z"), ("a.yar", b"")];
        let manifest = SourceManifest::new(files).unwrap();
        let mut reversed = files;
        reversed.reverse();
        assert_eq!(SourceManifest::new(reversed).unwrap(), manifest);
        assert_eq!((manifest.source().files, manifest.source().bytes), (3, 12));
        let names: Vec<_> = manifest.text().lines().map(|line| &line[66..]).collect();
        assert_eq!(names, ["a.yar", "a/z.yar", "b.yar"]);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.yar\n";
        assert!(manifest.text().starts_with(empty));
        assert_eq!(manifest.source().digest, Digest::of(manifest.text().as_bytes()));
    }

    #[test]
    fn names_that_coreutils_would_escape_are_refused() {
        for name in ["a\nb", "a\\b", "a\rb", "/a", "a//b", "../a", "a/./b", ""] {
            assert!(
                matches!(SourceManifest::new([(name, b"".as_slice())]), Err(Error::SourceName { .. })),
                "{name:?}"
            );
        }
        let twice = [("a", b"".as_slice()), ("a", b"")];
        assert!(SourceManifest::new(twice).is_err());
    }
}
