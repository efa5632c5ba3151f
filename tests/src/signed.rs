//! Releases signed for tests: two keys, a policy that wants both, and whatever image is given.

use hallmark_compiler::Compilation;
use hallmark_container::{
    Compiler, Counts, Digest, EngineVersion, FormatVersion, Policy, ReleaseNote, SignedNote,
};
use hallmark_image::{Image, header};
use hallmark_publish::{
    DEFAULT_LEVEL, Release, ReleaseInfo, SecretKey, SectionInfo, SourceManifest, sign_note,
};

/// Name of the database.
pub const DB: &str = "example.org/core";

/// The key of whoever builds.
pub fn builder() -> SecretKey {
    key("example.org/build", 1)
}

/// The key of whoever rebuilds.
pub fn auditor() -> SecretKey {
    key("auditor.example/rebuild", 2)
}

/// A key that is the same for the same name and number.
pub fn key(name: &str, number: u8) -> SecretKey {
    SecretKey::from_seed(name, &[number; 32]).expect("a valid name")
}

/// Both keys are needed.
pub fn policy_for(db: &str) -> Policy {
    let text = format!(
        "db {db}\nsigner build {}\nsigner audit {}\ngroup both all build audit\nquorum both\n",
        builder().public(),
        auditor().public()
    );
    Policy::parse(text.as_bytes()).expect("a policy")
}

/// The manifest of the sources, without settings.
pub fn manifest(compilation: &Compilation) -> SourceManifest {
    let sources = compilation.sources.iter().map(|source| (source.name.as_str(), source.text.as_slice()));
    SourceManifest::new(sources).expect("names that can be listed")
}

/// The release that `compilation` gives, with what does not come from it made up.
pub fn pack(compilation: &Compilation, serial: u64, rulemap: Option<&[u8]>, keys: &[SecretKey]) -> Release {
    let bytes = compilation.image.as_deref().expect("rules that compile");
    let image = Image::parse(bytes).expect("the image just made");
    let section = |(kind, record): (hallmark_image::SectionKind, &header::SectionRecord)| SectionInfo {
        kind: kind as u32,
        name: kind.name().to_owned(),
        offset: record.offset.get(),
        bytes: record.len.get(),
    };
    let info = ReleaseInfo {
        sections: image.sections().map(section).collect(),
        options: Digest::from_bytes(image.header().options_digest),
        counts: Counts {
            rules: compilation.stats.rules.into(),
            patterns: compilation.stats.patterns.into(),
            rejected: 0,
        },
        source: manifest(compilation).source(),
        image_format: FormatVersion { major: header::FORMAT_MAJOR, minor: header::FORMAT_MINOR },
        db: DB.into(),
        serial,
        engine_min: EngineVersion { major: 0, minor: 1, patch: 0 },
        compiler: Compiler { name: "hallmark".into(), version: "0.1.0".into(), digest: Digest::of(b"") },
        source_date: 0,
        expires: None,
        bases: Vec::new(),
    };
    let mut release = Release::pack(info, bytes, rulemap, DEFAULT_LEVEL).expect("facts that make a note");
    keys.iter().for_each(|key| release.sign(key).expect("a line more"));
    release
}

/// A note that says what `release` says, with a line by each key.
pub fn note(release: &ReleaseNote, keys: &[SecretKey]) -> SignedNote {
    let unsigned = SignedNote::unsigned(release).expect("a release that can be read back");
    keys.iter().fold(unsigned, |note, key| sign_note(&note, key).expect("a line more"))
}
