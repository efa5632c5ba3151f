//! Names of the files in a release directory, shared by those who write it and those who read it.

/// The signed release note.
pub const RELEASE_NOTE: &str = "release.note";

/// The payload that holds the whole image.
pub const IMAGE_PAYLOAD: &str = "image.zst";

/// The source manifest, in the format of coreutils' `sha256sum`.
pub const SOURCE_MANIFEST: &str = "SHA256SUMS";

/// Which source made which rule.
pub const RULE_MAP: &str = "rulemap.json";

/// Extension of a container.
pub const CONTAINER_EXTENSION: &str = "hmk";

/// Name of the container of a release: `<db>-<serial>.hmk`, with `_` for `/` in the database's name.
pub fn container_file_name(db: &str, serial: u64) -> String {
    format!("{}-{serial}.{CONTAINER_EXTENSION}", db.replace('/', "_"))
}
