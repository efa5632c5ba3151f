//! Bytes of files and names, made printable.

use std::ffi::OsStr;
use std::fmt::Write as _;

/// Printable ASCII as it is, a backslash doubled, any other byte as `\xHH`: one spelling for each byte string.
pub fn bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                // Writing to a String can't fail.
                let _ = write!(out, "\\x{byte:02X}");
            }
        }
    }
    out
}

/// A path for a line of text: as it is, but control characters (which could forge lines, or steer a terminal) are
/// written as `\xHH`. Bytes that are not UTF-8 stay as they are.
pub fn path_bytes(path: &OsStr) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for &byte in path.as_encoded_bytes() {
        match byte.is_ascii_control() {
            true => out.extend_from_slice(format!("\\x{byte:02X}").as_bytes()),
            false => out.push(byte),
        }
    }
    out
}

/// The same for messages, which are UTF-8: other bytes become U+FFFD.
pub fn path(path: impl AsRef<OsStr>) -> String {
    String::from_utf8_lossy(&path_bytes(path.as_ref())).into_owned()
}

/// A name in an archive as text: UTF-8 as it is, but a backslash doubled and any other byte as `\xHH`, so that each name has
/// one spelling and none is that of another. Control characters stay: this is for JSON, which has its own way with them.
pub fn name(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        out.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    out
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A size with a binary unit, for people.
pub fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// A number of things, for people.
pub fn count(n: impl Into<u64>, thing: &str) -> String {
    match n.into() {
        1 => format!("1 {thing}"),
        n => format!("{n} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn bytes_have_one_spelling() {
        assert_eq!(bytes(b"a \"~\\\x00\n\xFF"), r#"a "~\\\x00\x0A\xFF"#);
    }

    #[test]
    fn paths_cannot_forge_lines() {
        assert_eq!(path("a\nEICAR /b"), "a\\x0AEICAR /b");
        assert_eq!(path_bytes(OsStr::from_bytes(b"\xE9t\xE9\x1B")), b"\xE9t\xE9\\x1B");
        assert_eq!(path("été"), "été");
    }

    #[test]
    fn names_have_one_spelling() {
        assert_eq!(name("é!\n/a".as_bytes()), "é!\n/a");
        assert_eq!(name(b"\xFFa"), "\\xFFa");
        assert_eq!(name(b"\\xFFa"), "\\\\xFFa");
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!(count(1u32, "rule"), "1 rule");
        assert_eq!(count(0u64, "rule"), "0 rules");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(32 << 20), "32.0 MiB");
    }
}
