//! Bytes against bytes: under a mask, under a xor key, between words.

use std::borrow::Cow;

/// Bytes of a pattern and which of their bits count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Masked<'a> {
    pub value: &'a [u8],
    /// As long as `value`, or empty when all bits count.
    pub mask: &'a [u8],
}

impl<'a> Masked<'a> {
    /// Whether `data` starts with these bytes, each of `data` xored with `key`.
    pub fn is_prefix(&self, data: &[u8], key: u8) -> bool {
        let Some(head) = data.get(..self.value.len()) else { return false };
        match (self.mask.is_empty(), key) {
            (true, 0) => head == self.value,
            (true, _) => head.iter().zip(self.value).all(|(d, v)| d ^ key == *v),
            (false, _) => {
                head.iter().zip(self.value).zip(self.mask).all(|((d, v), m)| (d ^ key ^ v) & m == 0)
            }
        }
    }

    /// The longest row of bytes all of whose bits count, and its offset.
    pub fn longest_exact(&self) -> Option<(usize, &'a [u8])> {
        if self.mask.is_empty() {
            return Some((0, self.value));
        }
        let mut best = 0..0;
        let mut from = 0usize;
        for row in self.mask.split(|&mask| mask != 0xFF) {
            let to = from.saturating_add(row.len());
            if row.len() > best.len() {
                best = from..to;
            }
            from = to.saturating_add(1);
        }
        Some((best.start, self.value.get(best)?)).filter(|(_, bytes)| !bytes.is_empty())
    }

    /// The position of a byte of which all bits count.
    pub fn fixed_byte(&self) -> Option<(usize, u8)> {
        let fixed = self.value.iter().enumerate().find(|(i, _)| self.mask.get(*i).is_none_or(|&m| m == 0xFF));
        fixed.map(|(i, &b)| (i, b))
    }
}

/// Whether no letter or digit touches `start..end`; characters are two bytes if `wide`, and xored with `key`.
pub(crate) fn is_full_word(data: &[u8], start: usize, end: usize, wide: bool, key: u8) -> bool {
    let before = |n: usize| start.checked_sub(n).and_then(|i| data.get(i)).map(|b| b ^ key);
    let after = |n: usize| end.checked_add(n).and_then(|i| data.get(i)).map(|b| b ^ key);
    let word = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    if wide {
        let touches_before = before(1) == Some(0) && word(before(2));
        let touches_after = after(1) == Some(0) && word(after(0));
        !touches_before && !touches_after
    } else {
        !word(before(1)) && !word(after(0))
    }
}

/// ASCII letters in lower case, without a copy where there are no capitals.
pub(crate) fn lower(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_keys() {
        let masked = Masked { value: &[0x40, 0x05], mask: &[0xF0, 0xFF] };
        assert!(masked.is_prefix(&[0x4F, 0x05, 1], 0));
        assert!(!masked.is_prefix(&[0x4F], 0) && !masked.is_prefix(&[0x3F, 5], 0));
        assert_eq!(masked.fixed_byte(), Some((1, 5)));
        let plain = Masked { value: b"ab", mask: &[] };
        assert!(plain.is_prefix(&[b'a' ^ 7, b'b' ^ 7], 7) && plain.is_prefix(b"abc", 0));
        assert!(!plain.is_prefix(b"abc", 7));
    }

    #[test]
    fn words_end_at_other_characters() {
        assert!(is_full_word(b"ab", 0, 2, false, 0));
        assert!(is_full_word(b"_ab ", 1, 3, false, 0), "an underscore is no letter here");
        assert!(!is_full_word(b"xab", 1, 3, false, 0) && !is_full_word(b"ab1", 0, 2, false, 0));
        assert!(!is_full_word(b"x\0a\0", 2, 4, true, 0) && !is_full_word(b"a\0x\0", 0, 2, true, 0));
        assert!(is_full_word(b"xxa\0x", 2, 4, true, 0), "not two-byte characters");
        let keyed: Vec<u8> = b"xab".iter().map(|b| b ^ 9).collect();
        assert!(!is_full_word(&keyed, 1, 3, false, 9));
    }
}
