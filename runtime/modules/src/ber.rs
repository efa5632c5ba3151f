//! A tolerant reader of ASN.1's basic encoding rules, which signatures use more freely than the distinguished ones.

use const_oid::ObjectIdentifier;

use crate::limits::MAX_BER_DEPTH;
use crate::reader::Reader;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const TELETEX_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

const CONSTRUCTED: u8 = 0x20;
const CONTEXT: u8 = 0x80;

/// The tag of an element `[n]`, `n` below 31, that holds other elements.
pub(crate) const fn context(n: u8) -> u8 {
    CONTEXT | CONSTRUCTED | n
}

/// The tag of an element `[n]`, `n` below 31, that holds a value.
pub(crate) const fn context_value(n: u8) -> u8 {
    CONTEXT | n
}

/// One element.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    /// The identifier byte; numbers above 30 are not told apart.
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// With tag and length.
    pub(crate) whole: &'a [u8],
}

/// Reads a sequence of elements.
#[derive(Clone, Copy)]
pub(crate) struct Ber<'a> {
    reader: Reader<'a>,
}

impl<'a> Ber<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Ber { reader: Reader::new(data) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reader.rest().is_empty()
    }

    /// The next element, whatever it is; `None`, and nothing read, if there is no whole one.
    pub(crate) fn next(&mut self) -> Option<Element<'a>> {
        let mut ahead = self.reader;
        let element = element(&mut ahead, MAX_BER_DEPTH)?;
        self.reader = ahead;
        Some(element)
    }

    /// The content of the next element if its tag is `tag`; otherwise nothing is read.
    pub(crate) fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let element = ahead.next().filter(|e| e.tag == tag)?;
        *self = ahead;
        Some(element.content)
    }

    /// The elements in the next element if its tag is `tag`.
    pub(crate) fn open(&mut self, tag: u8) -> Option<Ber<'a>> {
        self.content(tag).map(Ber::new)
    }

    /// The next element as an object identifier.
    pub(crate) fn oid(&mut self) -> Option<ObjectIdentifier> {
        self.content(OID).and_then(|bytes| ObjectIdentifier::from_bytes(bytes).ok())
    }

    /// The next element as a small integer.
    pub(crate) fn small_integer(&mut self) -> Option<i32> {
        let bytes = self.content(INTEGER)?;
        let (first, rest) = bytes.split_first()?;
        if rest.len() > 3 {
            return None;
        }
        Some(rest.iter().fold(i32::from(*first as i8), |n, &b| (n << 8) | i32::from(b)))
    }

    /// The object identifier of the next element, an `AlgorithmIdentifier`.
    pub(crate) fn algorithm(&mut self) -> Option<ObjectIdentifier> {
        self.open(SEQUENCE)?.oid()
    }
}

/// Reads an element; `depth` bounds the search for ends within ends.
fn element<'a>(reader: &mut Reader<'a>, depth: u32) -> Option<Element<'a>> {
    let start = reader.rest();
    let tag = reader.u8()?;
    if tag & 0x1f == 0x1f {
        while reader.u8()? & 0x80 != 0 {}
    }
    let content = match reader.u8()? {
        0x80 if tag & CONSTRUCTED != 0 => until_end(reader, depth.checked_sub(1)?)?,
        0x80 => return None,
        short if short < 0x80 => reader.take(short.into())?,
        long => {
            let bytes = reader.take(usize::from(long & 0x7f))?;
            let length = bytes.iter().try_fold(0usize, |n, &b| n.checked_mul(256)?.checked_add(b.into()))?;
            reader.take(length)?
        }
    };
    let read = start.len().checked_sub(reader.rest().len())?;
    Some(Element { tag, content, whole: start.get(..read)? })
}

/// The content of an element of unknown length: all elements before one of two zero bytes.
fn until_end<'a>(reader: &mut Reader<'a>, depth: u32) -> Option<&'a [u8]> {
    let start = reader.rest();
    loop {
        let rest = reader.rest();
        if rest.starts_with(&[0, 0]) {
            reader.skip(2)?;
            return start.get(..start.len().checked_sub(rest.len())?);
        }
        element(reader, depth)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_form() {
        let read = |bytes: &'static [u8]| Ber::new(bytes).next().map(|e| (e.tag, e.content, e.whole.len()));
        assert_eq!(read(&[4, 2, 7, 8, 9]), Some((4, &[7, 8][..], 4)));
        assert_eq!(read(&[4, 0x81, 1, 7]), Some((4, &[7][..], 4)));
        assert_eq!(read(&[4, 0x83, 0, 0, 1, 7]), Some((4, &[7][..], 6)));
        assert_eq!(read(&[0x30, 0x80, 4, 1, 7, 0, 0, 9]), Some((0x30, &[4, 1, 7][..], 7)));
        assert_eq!(read(&[0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0]), Some((0x30, &[0x30, 0x80, 0, 0][..], 8)));
        assert_eq!(read(&[0x1f, 0x81, 1, 1, 7]), Some((0x1f, &[7][..], 5)));
    }

    #[test]
    fn cut_and_endless_elements_are_refused() {
        for bytes in
            [&[][..], &[4], &[4, 1], &[4, 0x81], &[4, 0x80, 0, 0], &[0x30, 0x80, 4, 1, 7, 0], &[0x1f, 0x81]]
        {
            assert!(Ber::new(bytes).next().is_none(), "{bytes:?}");
        }
        assert!(Ber::new(&[4, 0xff].repeat(100)).next().is_none());
        assert!(Ber::new(&[0x30, 0x80].repeat(100_000)).next().is_none());
    }

    #[test]
    fn integers_keep_their_sign() {
        let read = |bytes: &'static [u8]| Ber::new(bytes).small_integer();
        assert_eq!(read(&[2, 1, 1]), Some(1));
        assert_eq!(read(&[2, 2, 0xff, 0xfe]), Some(-2));
        assert_eq!(read(&[2, 4, 0x7f, 0xff, 0xff, 0xff]), Some(i32::MAX));
        assert_eq!(read(&[2, 5, 0, 0, 0, 0, 1]), None);
        assert_eq!(read(&[2, 0]), None);
    }
}
