//! Where a member lies.

use std::fmt;

/// Where a member lies: its name in the archive it is in, after the names of the archives around it, outermost first.
/// Empty for the file itself.
///
/// Names are bytes as the archive has them (those of 7z and compound files, which are UTF-16, as UTF-8): they may hold
/// anything, and are cut after 4,096 bytes. They are no paths of the file system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct InnerPath(Vec<Vec<u8>>);

impl InnerPath {
    /// The names, outermost first.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        self.0.iter().map(Vec::as_slice)
    }

    /// Whether it is the file itself.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, name: &[u8]) {
        let kept = name.get(..crate::limits::MAX_NAME).unwrap_or(name);
        self.0.push(kept.to_vec());
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }
}

/// For people: names joined with `!`, and bytes that could be taken for something else escaped.
impl fmt::Display for InnerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names().enumerate() {
            if index > 0 {
                f.write_str("!")?;
            }
            for chunk in name.utf8_chunks() {
                for ch in chunk.valid().chars() {
                    match ch {
                        '\\' => f.write_str("\\\\")?,
                        '!' => f.write_str("\\x21")?,
                        // What moves a terminal, or turns the direction of text.
                        '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                            write!(f, "{}", ch.escape_unicode())?;
                        }
                        ch if ch.is_ascii_control() => write!(f, "\\x{:02X}", u32::from(ch))?,
                        ch if ch.is_control() => write!(f, "{}", ch.escape_unicode())?,
                        ch => write!(f, "{ch}")?,
                    }
                }
                for byte in chunk.invalid() {
                    write!(f, "\\x{byte:02X}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(names: &[&[u8]]) -> InnerPath {
        InnerPath(names.iter().map(|name| name.to_vec()).collect())
    }

    #[test]
    fn paths_cannot_forge_lines_or_separators() {
        assert_eq!(path(&[b"a.zip", b"b/c"]).to_string(), "a.zip!b/c");
        assert_eq!(
            path(&[b"a!b", "\u{e9}\n\\".as_bytes(), b"\xff\0"]).to_string(),
            "a\\x21b!é\\x0A\\\\!\\xFF\\x00"
        );
        assert_eq!(path(&["\u{202e}gpj.exe\u{9b}".as_bytes()]).to_string(), "\\u{202e}gpj.exe\\u{9b}");
        assert_eq!(path(&[]).to_string(), "");
    }

    #[test]
    fn names_are_cut() {
        let mut long = InnerPath::default();
        long.push(&[b'x'; 70_000]);
        assert_eq!(long.names().next().map(<[u8]>::len), Some(crate::limits::MAX_NAME));
        long.pop();
        assert!(long.is_empty());
    }
}
