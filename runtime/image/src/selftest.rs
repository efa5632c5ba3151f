//! Self-tests: inputs that a database carries, and the rules each of them must match. Input: the bytes of their
//! section. Output: [`SelfTests`], whose inputs lie in the section and whose rules exist.

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::image::{Image, RuleId};
use crate::limits::{MAX_SELF_TEST_BYTES, MAX_SELF_TEST_RULES, MAX_SELF_TESTS};
use crate::record::{Slice, rule_flags};

/// Start of the section; the tests, the ids of rules and the blob follow.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct SelfTestsHeader {
    /// Number of tests.
    pub tests: U32,
    /// Number of rule ids, those of all tests together.
    pub rules: U32,
    /// Length of the blob.
    pub blob_len: U32,
}

/// One input and how many rules are named for it.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct SelfTestRecord {
    /// The input, in the blob.
    pub input: Slice,
    /// Number of rules it must match, taken in order from the list of ids; with none it must match nothing at all.
    pub rules: U32,
}

/// The self-tests of an image.
#[derive(Debug, Clone, Copy)]
pub struct SelfTests<'a> {
    records: &'a [SelfTestRecord],
    rules: &'a [U32],
    blob: &'a [u8],
}

/// One input and the rules it must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfTest<'a> {
    /// What is scanned.
    pub input: &'a [u8],
    /// Ids of rules that must match it, ascending; others may match too. Without any, no rule may match.
    rules: &'a [U32],
}

impl<'a> SelfTests<'a> {
    /// The tests in `bytes`, if they are exactly as long as the header says.
    pub(crate) fn view(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = SelfTestsHeader::ref_from_prefix(bytes).ok()?;
        let (records, rest) =
            <[SelfTestRecord]>::ref_from_prefix_with_elems(rest, header.tests.get() as usize).ok()?;
        let (rules, blob) = <[U32]>::ref_from_prefix_with_elems(rest, header.rules.get() as usize).ok()?;
        (blob.len() == header.blob_len.get() as usize).then_some(Self { records, rules, blob })
    }

    /// Number of tests.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the database carries none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The tests, in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = SelfTest<'a>> + use<'a> {
        let (mut rules, blob) = (self.rules, self.blob);
        self.records.iter().map(move |record| {
            let (own, rest) = rules.split_at_checked(record.rules.get() as usize).unwrap_or_default();
            rules = rest;
            SelfTest { input: record.input.of(blob), rules: own }
        })
    }

    pub(crate) fn prove(&self, image: &Image<'_>) -> Result<(), &'static str> {
        if self.records.len() > MAX_SELF_TESTS || self.rules.len() > MAX_SELF_TEST_RULES {
            return Err("more self-tests, or rules named by them, than there may be");
        }
        if self.blob.len() > MAX_SELF_TEST_BYTES {
            return Err("the inputs of self-tests are too long");
        }
        let named: u64 = self.records.iter().map(|record| u64::from(record.rules.get())).sum();
        if named != self.rules.len() as u64 {
            return Err("rules named by self-tests are not as many as their list has");
        }
        if self.records.iter().any(|record| record.input.checked(self.blob).is_none()) {
            return Err("an input leaves the blob");
        }
        for test in self.iter() {
            if !test.rules.is_sorted_by(|a, b| a.get() < b.get()) {
                return Err("rules named by a self-test do not ascend");
            }
            for id in test.rules() {
                let header = image.unit_header(id).ok_or("a self-test names a rule that does not exist")?;
                if header.flags.get() & rule_flags::PRIVATE != 0 {
                    return Err("a self-test names a private rule");
                }
            }
        }
        Ok(())
    }
}

impl<'a> SelfTest<'a> {
    /// Rules that must match the input, by ascending id; others may match too. Without any, no rule may match.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = RuleId> + use<'a> {
        self.rules.iter().map(|id| RuleId::new(id.get()))
    }
}
