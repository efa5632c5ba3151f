//! Framing of a `.hmk` container. Input: any bytes. Output: the borrowed parts, within their caps, with exact end of
//! file. Nothing in a frame is trusted; a [`Container`] says only where the parts are.
//!
//! ```text
//! 0x00 8  magic 89 48 4D 4B 0D 0A 1A 0A     0x08 u16 version = 1     0x0A u16 flags = 0
//! 0x0C u32 note_len (1..=65536)             0x10 u32 proof_len (0..=65536)
//! 0x14 u32 0                                0x18 u64 payload_len (1..=256 MiB)
//! 0x20 note | proof | payload, then end of file
//! ```

use crate::Error;
use crate::limits::{MAX_PAYLOAD, MAX_PROOF, MAX_SIGNED_NOTE};

/// First bytes of a container; like PNG's, they show text-mode and 7-bit damage.
const MAGIC: [u8; 8] = [0x89, b'H', b'M', b'K', 0x0D, 0x0A, 0x1A, 0x0A];
const VERSION: u16 = 1;
const HEADER_LEN: usize = 0x20;

/// The parts of a container, borrowed. Nothing in it is verified yet; [`crate::open`] is the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Container<'a> {
    note: &'a [u8],
    proof: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Container<'a> {
    /// Splits `bytes` into the parts of a container.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if !is_container(bytes) {
            return Err(Error::NotAContainer);
        }
        let mut reader = Reader { rest: bytes, at: 0 };
        reader.take(MAGIC.len() as u64, "header")?;
        let version = reader.u16()?;
        if version != VERSION {
            return Err(Error::ContainerVersion { version });
        }
        if reader.u16()? != 0 {
            return Err(Error::ContainerReserved { field: "flags", at: 0x0A });
        }
        let note_len = u64::from(reader.u32()?);
        let proof_len = u64::from(reader.u32()?);
        if reader.u32()? != 0 {
            return Err(Error::ContainerReserved { field: "reserved word", at: 0x14 });
        }
        let payload_len = reader.u64()?;
        check_lengths(note_len, proof_len, payload_len)?;
        let note = reader.take(note_len, "release note")?;
        let proof = reader.take(proof_len, "log proof")?;
        let payload = reader.take(payload_len, "payload")?;
        if !reader.rest.is_empty() {
            return Err(Error::TrailingBytes { extra: reader.rest.len() as u64 });
        }
        Ok(Self { note, proof, payload })
    }

    /// The same view over parts that are kept in separate files, as in a release directory.
    pub fn from_parts(note: &'a [u8], proof: &'a [u8], payload: &'a [u8]) -> Result<Self, Error> {
        check_lengths(note.len() as u64, proof.len() as u64, payload.len() as u64)?;
        Ok(Self { note, proof, payload })
    }

    /// The signed note, unverified.
    pub fn note(&self) -> &'a [u8] {
        self.note
    }

    /// The log proof, unverified; empty if there is none.
    pub fn proof(&self) -> &'a [u8] {
        self.proof
    }

    /// The compressed payload, unverified.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// Builds a container from its parts.
pub fn encode(note: &[u8], proof: &[u8], payload: &[u8]) -> Result<Vec<u8>, Error> {
    check_lengths(note.len() as u64, proof.len() as u64, payload.len() as u64)?;
    let mut out = Vec::with_capacity(HEADER_LEN.saturating_add(note.len()).saturating_add(payload.len()));
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&0u16.to_le_bytes());
    // The caps checked above are far below 4 GiB.
    out.extend_from_slice(&(note.len() as u32).to_le_bytes());
    out.extend_from_slice(&(proof.len() as u32).to_le_bytes());
    out.extend_from_slice(&0u32.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    out.extend_from_slice(note);
    out.extend_from_slice(proof);
    out.extend_from_slice(payload);
    Ok(out)
}

/// Whether `bytes` starts with the magic of a container.
pub fn is_container(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

fn check_lengths(note: u64, proof: u64, payload: u64) -> Result<(), Error> {
    let parts = [
        ("release note", note, MAX_SIGNED_NOTE as u64),
        ("log proof", proof, MAX_PROOF as u64),
        ("payload", payload, MAX_PAYLOAD),
    ];
    for (what, value, max) in parts {
        if value > max {
            return Err(Error::Limit { what, value, max });
        }
    }
    for (part, length) in [("release note", note), ("payload", payload)] {
        if length == 0 {
            return Err(Error::EmptyPart { part });
        }
    }
    Ok(())
}

/// Forward reader over the container.
struct Reader<'a> {
    rest: &'a [u8],
    at: u64,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: u64, part: &'static str) -> Result<&'a [u8], Error> {
        let truncated = Error::Truncated {
            part,
            need: self.at.saturating_add(len),
            have: self.at.saturating_add(self.rest.len() as u64),
        };
        let Some((taken, rest)) = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len))
        else {
            return Err(truncated);
        };
        self.rest = rest;
        self.at = self.at.saturating_add(len);
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N as u64, "header")?);
        Ok(out)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_survive_a_round_trip(
            note in prop::collection::vec(any::<u8>(), 1..200),
            proof in prop::collection::vec(any::<u8>(), 0..50),
            payload in prop::collection::vec(any::<u8>(), 1..200),
        ) {
            let bytes = encode(&note, &proof, &payload).unwrap();
            let container = Container::parse(&bytes).unwrap();
            prop_assert_eq!(container, Container::from_parts(&note, &proof, &payload).unwrap());
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Container::parse(&bytes);
            let mut framed = MAGIC.to_vec();
            framed.extend_from_slice(&bytes);
            let _ = Container::parse(&framed);
        }
    }

    #[test]
    fn every_header_field_is_checked() {
        let good = encode(b"note", b"", b"payload").unwrap();
        let with = |at: usize, value: &[u8]| {
            let mut bytes = good.clone();
            bytes[at..at + value.len()].copy_from_slice(value);
            Container::parse(&bytes).unwrap_err()
        };
        assert_eq!(with(3, b"k"), Error::NotAContainer);
        assert_eq!(with(0x08, &[2, 0]), Error::ContainerVersion { version: 2 });
        assert_eq!(with(0x0A, &[1, 0]), Error::ContainerReserved { field: "flags", at: 0x0A });
        assert_eq!(with(0x0C, &[0, 0, 0, 0]), Error::EmptyPart { part: "release note" });
        assert!(matches!(with(0x0C, &[1, 0, 1, 0]), Error::Limit { what: "release note", value: 65537, .. }));
        assert!(matches!(with(0x10, &[1, 0, 1, 0]), Error::Limit { what: "log proof", .. }));
        assert_eq!(with(0x14, &[0, 0, 0, 1]), Error::ContainerReserved { field: "reserved word", at: 0x14 });
        assert_eq!(with(0x18, &[6]), Error::TrailingBytes { extra: 1 });
        assert_eq!(with(0x18, &[8]), Error::Truncated { part: "payload", need: 44, have: 43 });
        assert!(matches!(with(0x18, &[0xFF; 8]), Error::Limit { what: "payload", .. }));
        assert_eq!(with(0x18, &[0]), Error::EmptyPart { part: "payload" });
    }
}
