//! A tolerant reader of ASN.1's basic encoding rules, which signatures use more freely than the distinguished ones.

use const_oid::ObjectIdentifier;

use crate::limits::MAX_BER_DEPTH;
use crate::reader::Reader;

pub(crate) const BOOLEAN: u8 = 0x01;
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
/// The bits of a tag that tell what a type's number means.
const CLASS: u8 = 0xc0;
/// The bits of a tag that are its number.
const NUMBER: u8 = 0x1f;

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

/// Reads a sequence of elements. Of a tag counts what the peers look at: the number, and of numbers that a context gives a
/// meaning also that.
#[derive(Clone, Copy)]
pub(crate) struct Ber<'a> {
    reader: Reader<'a>,
    /// Elements of unknown length within each other, 0 if every element has to state its length.
    depth: u32,
}

impl<'a> Ber<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Ber { reader: Reader::new(data), depth: MAX_BER_DEPTH }
    }

    /// Elements that all state their length, as the distinguished rules want it.
    pub(crate) fn definite(data: &'a [u8]) -> Self {
        Ber { reader: Reader::new(data), depth: 0 }
    }

    /// What follows in the same manner: `rest` is the end of what is not read yet.
    pub(crate) fn after(&self, rest: &'a [u8]) -> Self {
        Ber { reader: Reader::new(rest), depth: self.depth }
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.reader.rest()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reader.rest().is_empty()
    }

    /// The next element, whatever it is; `None`, and nothing read, if there is no whole one.
    pub(crate) fn next(&mut self) -> Option<Element<'a>> {
        let mut ahead = self.reader;
        let element = element(&mut ahead, self.depth)?;
        self.reader = ahead;
        Some(element)
    }

    /// The content of the next element if its tag is `tag`; otherwise nothing is read.
    pub(crate) fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let element = ahead.next().filter(|e| is_tag(e.tag, tag))?;
        *self = ahead;
        Some(element.content)
    }

    /// The elements in the next element if its tag is `tag`.
    pub(crate) fn open(&mut self, tag: u8) -> Option<Ber<'a>> {
        self.content(tag).map(|content| Ber { reader: Reader::new(content), depth: self.depth })
    }

    /// Passes over tag and length of the next element if its tag has this number; what is in it comes next.
    pub(crate) fn enter(&mut self, number: u8) -> Option<()> {
        let mut ahead = self.reader;
        let (tag, _) = head(&mut ahead)?;
        if tag & NUMBER != number {
            return None;
        }
        self.reader = ahead;
        Some(())
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
        ObjectIdentifier::from_bytes(self.encoded_algorithm()?).ok()
    }

    /// The same as it stands; it may be none.
    pub(crate) fn encoded_algorithm(&mut self) -> Option<&'a [u8]> {
        let mut fields = self.open(SEQUENCE)?;
        let algorithm = fields.content(OID)?;
        // Parameters, if there are any.
        if fields.is_empty() || fields.next().is_some() { Some(algorithm) } else { None }
    }
}

/// Whether `tag` will do for `wanted`: if its number is the same, and it belongs to a context as that does.
pub(crate) fn is_tag(tag: u8, wanted: u8) -> bool {
    let of_context = |tag: u8| tag & CLASS == CONTEXT;
    tag & NUMBER == wanted & NUMBER && (of_context(tag) || !of_context(wanted))
}

/// Reads tag and length; `None` for a length that is not known.
fn head(reader: &mut Reader<'_>) -> Option<(u8, Option<usize>)> {
    let tag = reader.u8()?;
    if tag & NUMBER == NUMBER {
        while reader.u8()? & 0x80 != 0 {}
    }
    let length = match reader.u8()? {
        0x80 if tag & CONSTRUCTED != 0 => None,
        0x80 | 0xff => return None,
        short if short < 0x80 => Some(short.into()),
        long => {
            let bytes = reader.take(usize::from(long & 0x7f))?;
            let add = |n: usize, &b: &u8| n.checked_mul(256)?.checked_add(b.into());
            Some(bytes.iter().try_fold(0, add)?)
        }
    };
    Some((tag, length))
}

/// Reads an element; `depth` bounds the search for ends within ends.
fn element<'a>(reader: &mut Reader<'a>, depth: u32) -> Option<Element<'a>> {
    let start = reader.rest();
    let (tag, length) = head(reader)?;
    let content = match length {
        Some(length) => reader.take(length)?,
        None => until_end(reader, depth.checked_sub(1)?)?,
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
    fn tags_are_told_apart_by_number_and_context() {
        for (tag, wanted, expected) in [
            (SEQUENCE, SEQUENCE, true),
            (0x10, SEQUENCE, true),
            (0xf0, SEQUENCE, true),
            (SET, SEQUENCE, false),
            (context(1), context(1), true),
            (context_value(1), context(1), true),
            (0x01, context(1), false),
            (0xa2, INTEGER, true),
        ] {
            assert_eq!(is_tag(tag, wanted), expected, "{tag:#x} for {wanted:#x}");
        }
    }

    #[test]
    fn lengths_have_to_be_stated_where_the_rules_are_strict() {
        let bytes = [0x30, 0x80, 4, 1, 7, 0, 0];
        assert!(Ber::new(&bytes).open(SEQUENCE).is_some());
        assert!(Ber::definite(&bytes).open(SEQUENCE).is_none());
        let nested = [[0x30, 7].as_slice(), &bytes].concat();
        let mut inner = Ber::definite(&nested).open(SEQUENCE).unwrap();
        assert!(inner.next().is_none());
        assert_eq!(inner.enter(0x10), Some(()));
        assert_eq!(inner.rest(), [4, 1, 7, 0, 0]);
    }

    #[test]
    fn algorithms_with_and_without_parameters() {
        let read = |bytes: &'static [u8]| Ber::new(bytes).encoded_algorithm();
        assert_eq!(read(&[0x30, 4, 6, 2, 0x2a, 3]), Some(&[0x2a, 3][..]));
        assert_eq!(read(&[0x30, 6, 6, 2, 0x2a, 3, 5, 0]), Some(&[0x2a, 3][..]));
        assert_eq!(read(&[0x30, 6, 6, 2, 0x2a, 3, 5, 9]), None);
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
