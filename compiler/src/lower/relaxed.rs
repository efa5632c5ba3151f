//! Where the syntax of YARA's regular expressions is not that of `regex-syntax`: `\<` and `\>` are characters, and with
//! `--relaxed-re-syntax` escapes and braces without a meaning stand for themselves.

use std::borrow::Cow;

/// A regular expression rewritten in strict syntax, and where its bytes came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strict<'r> {
    /// The expression.
    pub(super) text: Cow<'r, str>,
    /// Places in `text`, ascending, and what to add to an offset at or beyond them to get one in the original.
    shifts: Vec<(usize, isize)>,
}

impl<'r> Strict<'r> {
    /// Rewrites an expression: without the backslash of `\<` and `\>`, and when `relaxed`, of unknown escapes; then also
    /// with one before braces that repeat nothing.
    pub(super) fn new(text: &'r str, relaxed: bool) -> Self {
        if !relaxed && !text.contains("\\<") && !text.contains("\\>") {
            return Strict { text: Cow::Borrowed(text), shifts: Vec::new() };
        }
        let mut writer = Writer {
            from: text,
            relaxed,
            at: 0,
            text: String::with_capacity(text.len()),
            shifts: Vec::new(),
        };
        writer.run();
        Strict { text: Cow::Owned(writer.text), shifts: writer.shifts }
    }

    /// Offset in the original of an offset in `text`.
    pub(super) fn origin(&self, offset: usize) -> usize {
        let before = self.shifts.partition_point(|&(at, _)| at <= offset);
        let shift =
            before.checked_sub(1).and_then(|last| self.shifts.get(last)).map_or(0, |&(_, shift)| shift);
        offset.saturating_add_signed(shift)
    }
}

struct Writer<'r> {
    from: &'r str,
    relaxed: bool,
    /// How far `from` has been read.
    at: usize,
    text: String,
    shifts: Vec<(usize, isize)>,
}

impl Writer<'_> {
    fn run(&mut self) {
        // How many classes are open, and whether a repetition has something to repeat.
        let (mut depth, mut repeatable) = (0usize, false);
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => {
                    self.escape(depth > 0);
                    repeatable = true;
                }
                b'[' => {
                    self.copy(class_opening(self.rest().as_bytes()));
                    depth += 1;
                }
                b']' if depth > 0 => {
                    self.copy(1);
                    depth -= 1;
                    repeatable = true;
                }
                b'{' if depth == 0 && self.relaxed && !(repeatable && is_repetition(self.rest())) => {
                    self.text.push('\\');
                    self.note();
                    self.copy(1);
                    repeatable = true;
                }
                b'(' if depth == 0 => {
                    repeatable = false;
                    let flags = flags(self.rest());
                    self.copy(flags.max(1));
                }
                b'|' if depth == 0 => {
                    repeatable = false;
                    self.copy(1);
                }
                _ => {
                    self.copy(1);
                    repeatable = true;
                }
            }
        }
    }

    /// Writes an escape, without its backslash if it means nothing.
    fn escape(&mut self, in_class: bool) {
        match self.peek(1) {
            // Neither strict nor relaxed syntax has the word ends that `regex-syntax` means by these.
            Some(b'<' | b'>') => self.drop_one(),
            Some(byte) if self.relaxed && !is_escape(byte, in_class) => self.drop_one(),
            _ => self.copy(1),
        }
        let letter = self.peek(0);
        self.copy(1);
        let braced = match letter {
            Some(b'x' | b'u' | b'U' | b'p' | b'P') => self.peek(0) == Some(b'{'),
            Some(b'b') => ["{start", "{end"].iter().any(|name| self.rest().starts_with(name)),
            _ => false,
        };
        if braced {
            self.copy(self.rest().find('}').map_or(0, |end| end + 1));
        }
    }

    fn rest(&self) -> &str {
        self.from.get(self.at..).unwrap_or_default()
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.from.as_bytes().get(self.at + ahead).copied()
    }

    /// Writes at least this many bytes, to the end of a character.
    fn copy(&mut self, len: usize) {
        let mut end = (self.at + len).min(self.from.len());
        while !self.from.is_char_boundary(end) {
            end += 1;
        }
        self.text.push_str(self.from.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    fn drop_one(&mut self) {
        self.at += 1;
        self.note();
    }

    /// What is written next is what is read next.
    fn note(&mut self) {
        let at = self.text.len();
        self.shifts.push((at, self.at as isize - at as isize));
    }
}

/// Length of what sets flags, such as `(?i)`, or begins a group, such as `(?i` of `(?i:`.
fn flags(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("(?") else { return 0 };
    let letters = rest.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'-').count();
    2 + letters + usize::from(rest.as_bytes().get(letters) == Some(&b')'))
}

/// Whether a backslash before this means something.
fn is_escape(byte: u8, in_class: bool) -> bool {
    match byte {
        b'b' | b'B' | b'A' | b'z' => !in_class,
        b'a' | b'f' | b't' | b'n' | b'r' | b'v' | b'x' | b'u' | b'U' => true,
        b'd' | b'D' | b's' | b'S' | b'w' | b'W' | b'p' | b'P' => true,
        b'0'..=b'9' => true,
        _ => !byte.is_ascii_alphabetic() && byte.is_ascii(),
    }
}

/// Length of what begins a class: the bracket, `^`, and hyphens and a closing bracket that are meant literally.
fn class_opening(text: &[u8]) -> usize {
    let mut len = 1;
    if text.get(len) == Some(&b'^') {
        len += 1;
    }
    let hyphens = text.iter().skip(len).take_while(|&&byte| byte == b'-').count();
    len += hyphens;
    if hyphens == 0 && text.get(len) == Some(&b']') {
        len += 1;
    }
    len
}

/// Whether a text that begins with a brace begins with a counted repetition.
fn is_repetition(text: &str) -> bool {
    let Some((inside, _)) = text.get(1..).and_then(|rest| rest.split_once('}')) else { return false };
    let number = |text: &str| {
        let text = text.trim();
        if text.is_empty() { Some(None) } else { text.parse::<u32>().ok().map(Some) }
    };
    match inside.split_once(',') {
        None => matches!(number(inside), Some(Some(_))),
        Some((min, max)) => match (number(min), number(max)) {
            (Some(min), Some(Some(max))) => min.unwrap_or(0) <= max,
            (Some(Some(_)), Some(None)) => true,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_and_escapes() {
        let cases = [
            ("ab{", "ab\\{"),
            ("ab{}", "ab\\{}"),
            ("ab{1,3}c", "ab{1,3}c"),
            ("ab{,3}c", "ab{,3}c"),
            ("ab{5,3}c", "ab\\{5,3}c"),
            ("{1}a|{x", "\\{1}a|\\{x"),
            ("a\\Zb\\.c", "aZb\\.c"),
            ("[{]x[\\b]", "[{]x[b]"),
            ("[]{]{2}", "[]{]{2}"),
            ("(?:a){2}(?P<n>b){", "(?:a){2}(?P<n>b)\\{"),
            ("é\\é{", "éé\\{"),
            ("\\x{41}\\b{start}\\p{L}a{", "\\x{41}\\b{start}\\p{L}a\\{"),
            ("a(?i){2}(?s:b){2}\\<", "a(?i)\\{2}(?s:b){2}<"),
            ("\\", "\\"),
        ];
        for (relaxed, strict) in cases {
            assert_eq!(Strict::new(relaxed, true).text, strict, "{relaxed}");
        }
    }

    #[test]
    fn word_ends_are_characters() {
        assert_eq!(Strict::new("\\\\<a\\>{[\\<]\\Z", false).text, "\\\\<a>{[<]\\Z");
    }

    #[test]
    fn offsets_lead_back() {
        let strict = Strict::new("a\\Zb{c(", true);
        assert_eq!(strict.text, "aZb\\{c(");
        assert_eq!([0, 1, 2, 4, 5, 6].map(|at| strict.origin(at)), [0, 2, 3, 4, 5, 6]);
    }
}
