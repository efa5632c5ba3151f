//! Building a release: from an image and plain facts about it to the note, the payload, the patches, the container
//! and the release directory. What the facts claim about bytes is computed here from the bytes.

use std::path::{Path, PathBuf};

use hallmark_container::{
    Compiler, Counts, Digest, EngineVersion, FormatVersion, FullPayload, PatchPayload, Previous, ReleaseNote,
    Section, SignedNote, SizedDigest, Source, encode, layout,
};

use crate::{Error, SecretKey, SourceManifest, compress, compress_patch, file, sign_note};

/// The facts of a release that its image does not tell by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseInfo {
    /// Database name.
    pub db: String,
    /// Serial; higher than that of every release before.
    pub serial: u64,
    /// Format of the image.
    pub image_format: FormatVersion,
    /// Oldest engine that can run it.
    pub engine_min: EngineVersion,
    /// Unix seconds, as the source states them; 0 if it does not.
    pub source_date: u64,
    /// Unix seconds after which the release is stale, if ever.
    pub expires: Option<u64>,
    /// The source manifest.
    pub source: Source,
    /// The compiler that made the image.
    pub compiler: Compiler,
    /// Digest of the compile options.
    pub options: Digest,
    /// Sections of the image in file order, kinds ascending.
    pub sections: Vec<SectionInfo>,
    /// How much was compiled.
    pub counts: Counts,
    /// Releases to make patches from. The one with the highest serial is the release before this one.
    pub bases: Vec<Base>,
}

/// A release that a patch starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Its serial.
    pub serial: u64,
    /// Its image.
    pub image: Vec<u8>,
}

/// Where a section lies in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionInfo {
    /// Section kind.
    pub kind: u32,
    /// Its name.
    pub name: String,
    /// Offset in the image.
    pub offset: u64,
    /// Length without padding.
    pub bytes: u64,
}

/// A packed release: note, payload and patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    note: SignedNote,
    payload: Vec<u8>,
    patches: Vec<Patch>,
}

/// What makes the image of a release out of that of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Serial of the earlier one.
    pub serial: u64,
    /// One Zstandard frame, see [`compress_patch`].
    pub bytes: Vec<u8>,
}

impl Release {
    /// Compresses `image` and writes the note, without signatures.
    pub fn pack(info: ReleaseInfo, image: &[u8], rulemap: Option<&[u8]>, level: i32) -> Result<Self, Error> {
        let mut cuts = Vec::with_capacity(info.sections.len());
        let mut sections = Vec::with_capacity(info.sections.len());
        let mut end = 0;
        for SectionInfo { kind, name, offset, bytes } in info.sections {
            let range = usize::try_from(offset).ok().zip(usize::try_from(bytes).ok());
            let found = range
                .filter(|(start, _)| *start >= end)
                .and_then(|(start, len)| Some((start, image.get(start..start.checked_add(len)?)?)));
            let Some((start, content)) = found else {
                return Err(Error::SectionRange { name, offset, bytes });
            };
            end = start + content.len();
            cuts.push(start);
            sections.push(Section { kind, name, content: SizedDigest::of(content) });
        }
        let packed = compress(image, &cuts, level)?;
        let (prev, lines, patches) = patches(&info.bases, info.serial, image, level)?;
        let release = ReleaseNote {
            db: info.db,
            serial: info.serial,
            image_format: info.image_format,
            engine_min: info.engine_min,
            source_date: info.source_date,
            expires: info.expires,
            source: info.source,
            compiler: info.compiler,
            options: info.options,
            image: SizedDigest::of(image),
            sections,
            rulemap: rulemap.map(SizedDigest::of),
            counts: info.counts,
            prev,
            payload: FullPayload { content: SizedDigest::of(&packed.bytes), window_log: packed.window_log },
            patches: lines,
        };
        let note = SignedNote::unsigned(&release).map_err(|source| Error::Release { source })?;
        Ok(Self { note, payload: packed.bytes, patches })
    }

    /// Adds the key's signature line.
    pub fn sign(&mut self, key: &SecretKey) -> Result<(), Error> {
        self.note = sign_note(&self.note, key)?;
        Ok(())
    }

    /// The note with the signatures so far.
    pub fn note(&self) -> &SignedNote {
        &self.note
    }

    /// The compressed image.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The patches, by ascending serial.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// The bytes of the `.hmk` file.
    pub fn container(&self) -> Result<Vec<u8>, Error> {
        encode(&self.note.to_bytes(), b"", &self.payload).map_err(|source| Error::Release { source })
    }

    /// Writes the release directory, which must be empty or not exist yet, and returns the path of the container.
    pub fn write_directory(
        &self,
        directory: &Path,
        manifest: &SourceManifest,
        rulemap: Option<&[u8]>,
    ) -> Result<PathBuf, Error> {
        let release = self.note.release();
        if manifest.source() != release.source {
            return Err(Error::Companion { file: layout::SOURCE_MANIFEST });
        }
        if rulemap.map(SizedDigest::of) != release.rulemap {
            return Err(Error::Companion { file: layout::RULE_MAP });
        }
        file::create_directory(directory)?;
        let mut entries = std::fs::read_dir(directory).map_err(|e| Error::io("list", directory, &e))?;
        if entries.next().is_some() {
            return Err(Error::NotEmpty { path: directory.to_owned() });
        }
        let write = |name: &str, bytes: &[u8]| file::write_new(&directory.join(name), bytes, 0o644);
        let container = layout::container_file_name(&release.db, release.serial);
        write(layout::SOURCE_MANIFEST, manifest.text().as_bytes())?;
        if let Some(rulemap) = rulemap {
            write(layout::RULE_MAP, rulemap)?;
        }
        write(layout::IMAGE_PAYLOAD, &self.payload)?;
        for patch in &self.patches {
            write(&layout::patch_file_name(patch.serial), &patch.bytes)?;
        }
        write(&container, &self.container()?)?;
        // Last: a directory without a note is no release.
        write(layout::RELEASE_NOTE, &self.note.to_bytes())?;
        Ok(directory.join(container))
    }
}

/// The `prev` line, the `payload patch` lines and the patches from `bases` to `image`.
fn patches(bases: &[Base], serial: u64, image: &[u8], level: i32) -> Result<Patches, Error> {
    let mut prev: Option<Previous> = None;
    let (mut lines, mut patches) = (Vec::<PatchPayload>::new(), Vec::<Patch>::new());
    for base in bases {
        let from = Digest::of(&base.image);
        if base.serial >= serial {
            return Err(Error::BaseSerial { base: base.serial, serial });
        }
        if lines.iter().any(|line| line.from == from) || patches.iter().any(|p| p.serial == base.serial) {
            return Err(Error::BaseTwice { serial: base.serial });
        }
        if prev.is_none_or(|prev| prev.serial < base.serial) {
            prev = Some(Previous { serial: base.serial, image: from });
        }
        let packed = compress_patch(&base.image, image, level)?;
        let content = SizedDigest::of(&packed.bytes);
        lines.push(PatchPayload { from, content, window_log: packed.window_log });
        patches.push(Patch { serial: base.serial, bytes: packed.bytes });
    }
    lines.sort_unstable_by_key(|line| line.from);
    patches.sort_unstable_by_key(|patch| patch.serial);
    Ok((prev, lines, patches))
}

type Patches = (Option<Previous>, Vec<PatchPayload>, Vec<Patch>);

#[cfg(test)]
pub(crate) mod tests {
    use hallmark_container::{Container, Demand, Policy, open, verify_note};

    use super::*;

    pub(crate) const RULEMAP: &[u8] = b"{\"rules\":[]}\n";

    pub(crate) fn image() -> Vec<u8> {
        let mut image = vec![0; 3 * 4096];
        image[..8].copy_from_slice(b"HMKIMG\0\x01");
        image[4096..4396].fill(7);
        image[8192..].fill(9);
        image
    }

    pub(crate) fn manifest() -> SourceManifest {
        SourceManifest::new([("a.yar", b"rule a { condition: true }".as_slice())]).unwrap()
    }

    pub(crate) fn info() -> ReleaseInfo {
        let section =
            |kind, name: &str, offset, bytes| SectionInfo { kind, name: name.into(), offset, bytes };
        ReleaseInfo {
            db: "example.org/core".into(),
            serial: 3,
            image_format: FormatVersion { major: 1, minor: 0 },
            engine_min: EngineVersion { major: 0, minor: 1, patch: 0 },
            source_date: 0,
            expires: None,
            source: manifest().source(),
            compiler: Compiler {
                name: "hallmark".into(),
                version: "0.1.0".into(),
                digest: Digest::of(b"compiler"),
            },
            options: Digest::of(b""),
            sections: vec![section(1, "strings", 4096, 300), section(3, "prefilter", 8192, 4096)],
            counts: Counts { rules: 1, patterns: 0, rejected: 0 },
            bases: Vec::new(),
        }
    }

    pub(crate) fn key() -> SecretKey {
        SecretKey::from_seed("example.org/build", &[5; 32]).unwrap()
    }

    pub(crate) fn release() -> Release {
        Release::pack(info(), &image(), Some(RULEMAP), 3).unwrap()
    }

    #[test]
    fn what_is_packed_opens_under_its_policy() {
        let mut release = release();
        release.sign(&key()).unwrap();
        let text = format!("db example.org/core\nsigner build {}\nquorum build\n", key().public());
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let bytes = release.container().unwrap();
        let decoded =
            open(Container::parse(&bytes).unwrap(), Demand::Quorum(&policy)).unwrap().decode().unwrap();
        assert_eq!(decoded.bytes(), image());
        let note = decoded.note().release();
        assert_eq!(note.sections[0].content, SizedDigest::of(&image()[4096..4396]));
        assert_eq!(note.rulemap, Some(SizedDigest::of(RULEMAP)));
        let again = Release::pack(info(), &image(), Some(RULEMAP), 3).unwrap();
        assert_eq!(again.payload(), release.payload());
    }

    #[test]
    fn facts_that_do_not_fit_the_image_are_refused() {
        for (offset, bytes) in [(0, 4097), (8192, 4097), (u64::MAX, 1), (4395, 1)] {
            let mut info = info();
            info.sections[1].offset = offset;
            info.sections[1].bytes = bytes;
            assert!(matches!(
                Release::pack(info, &image(), None, 3),
                Err(Error::SectionRange { name, .. }) if name == "prefilter"
            ));
        }
        let mut renamed = info();
        renamed.db = "..".into();
        assert!(matches!(Release::pack(renamed, &image(), None, 3), Err(Error::Release { .. })));
    }

    #[test]
    fn a_release_directory_has_its_files_and_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out/release");
        let container = release().write_directory(&path, &manifest(), Some(RULEMAP)).unwrap();
        assert_eq!(container, path.join("example.org_core-3.hmk"));
        let mut names: Vec<_> = std::fs::read_dir(&path)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["SHA256SUMS", "example.org_core-3.hmk", "image.zst", "release.note", "rulemap.json"]
        );
        assert_eq!(zstd::decode_all(std::fs::File::open(path.join("image.zst")).unwrap()).unwrap(), image());
        let again = release().write_directory(&path, &manifest(), Some(RULEMAP));
        assert_eq!(again, Err(Error::NotEmpty { path: path.clone() }));
        let elsewhere = dir.path().join("other");
        let without = release().write_directory(&elsewhere, &manifest(), None);
        assert_eq!(without, Err(Error::Companion { file: "rulemap.json" }));
        let other = SourceManifest::new([("b.yar", b"".as_slice())]).unwrap();
        let swapped = release().write_directory(&elsewhere, &other, Some(RULEMAP));
        assert_eq!(swapped, Err(Error::Companion { file: "SHA256SUMS" }));
        assert!(!elsewhere.exists());
    }

    #[test]
    fn patches_are_in_the_note_and_beside_it() {
        let old = |seed: u8| {
            let mut image = image();
            image[5000] = seed;
            image
        };
        let bases = |list: &[(u64, u8)]| {
            let bases = list.iter().map(|&(serial, seed)| Base { serial, image: old(seed) });
            Release::pack(ReleaseInfo { bases: bases.collect(), ..info() }, &image(), None, 19)
        };
        let release = bases(&[(1, 1), (2, 2)]).unwrap();
        let note = release.note().release();
        assert_eq!(note.prev, Some(Previous { serial: 2, image: Digest::of(&old(2)) }));
        assert_eq!(bases(&[(2, 2), (1, 1)]).unwrap(), release);
        let dir = tempfile::tempdir().unwrap();
        release.write_directory(dir.path(), &manifest(), None).unwrap();
        for (serial, seed) in [(1, 1), (2, 2)] {
            let patch = std::fs::read(dir.path().join(layout::patch_file_name(serial))).unwrap();
            let line = note.patch_from(Digest::of(&old(seed))).unwrap();
            assert!(note.patches_of(SizedDigest::of(&patch)).any(|other| other == line));
            let verified = verify_note(&release.note().to_bytes(), Demand::Tolerant(None)).unwrap();
            let decoded = verified.patch(line.from, &patch).unwrap().apply(&old(seed)).unwrap();
            assert_eq!(decoded.bytes(), image());
        }
        assert_eq!(bases(&[(3, 1)]), Err(Error::BaseSerial { base: 3, serial: 3 }));
        assert_eq!(bases(&[(1, 1), (1, 2)]), Err(Error::BaseTwice { serial: 1 }));
        assert_eq!(bases(&[(1, 1), (2, 1)]), Err(Error::BaseTwice { serial: 2 }));
    }
}
