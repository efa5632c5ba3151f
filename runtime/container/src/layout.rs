//! Names of the files in a release directory, shared by those who write it and those who read it.

use std::path::Path;

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

/// Name of the patch from the release with this serial.
pub fn patch_file_name(serial: u64) -> String {
    format!("from-{serial}.zst")
}

/// The serial in the name of a patch; `None` for other files.
pub fn patch_serial(path: &Path) -> Option<u64> {
    let file_name = path.file_name()?.to_str()?;
    let serial = file_name.strip_prefix("from-")?.strip_suffix(".zst")?.parse().ok()?;
    (patch_file_name(serial) == file_name).then_some(serial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_patches_are_told_from_others() {
        for serial in [0, 7, u64::MAX] {
            assert_eq!(patch_serial(&Path::new("release").join(patch_file_name(serial))), Some(serial));
        }
        for other in ["from-.zst", "from-+7.zst", "from-07.zst", "from-7.zst.tmp", "from-7", "image.zst"] {
            assert_eq!(patch_serial(Path::new(other)), None, "{other}");
        }
    }
}
