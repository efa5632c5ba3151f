//! From untrusted bytes to a decoded image, in the only order there is: judge the note, compare the payload's
//! digest, decode under the note's limits, compare the image's digest. Each step leaves a token that only it can
//! make and that the next one takes.

use crate::{
    Container, Demand, Digest, EngineVersion, Error, FormatVersion, ReleaseNote, SignedNote, Verdict, payload,
};

/// Judges the note of a container and compares its payload with it.
pub fn open<'a>(container: Container<'a>, demand: Demand<'_>) -> Result<Verified<'a>, Error> {
    verify_note(container.note(), demand)?.payload(container.payload())
}

/// Judges a note, given its canonical bytes.
pub fn verify_note(bytes: &[u8], demand: Demand<'_>) -> Result<VerifiedNote, Error> {
    let note = SignedNote::parse(bytes)?;
    let verdict = demand.judge(&note)?;
    Ok(VerifiedNote { note, verdict })
}

/// A note that passed its demand. Made only by [`verify_note`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNote {
    note: SignedNote,
    verdict: Verdict,
}

impl VerifiedNote {
    /// What the note says.
    pub fn release(&self) -> &ReleaseNote {
        self.note.release()
    }

    /// The note with its signatures.
    pub fn signed(&self) -> &SignedNote {
        &self.note
    }

    /// How it was judged.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Refuses a release that asks for a newer engine or another image format than the caller's.
    pub fn check_engine(&self, engine: EngineVersion, format: FormatVersion) -> Result<(), Error> {
        let ReleaseNote { engine_min, image_format, .. } = *self.release();
        if image_format.major != format.major || image_format.minor > format.minor {
            return Err(Error::ImageFormat { need: image_format, have: format });
        }
        if engine_min > engine {
            return Err(Error::EngineTooOld { need: engine_min, have: engine });
        }
        Ok(())
    }

    /// Compares a payload with the note; the next step is [`Verified::decode`].
    pub fn payload(self, payload: &[u8]) -> Result<Verified<'_>, Error> {
        let promised = self.release().payload.content;
        if payload.len() as u64 != promised.bytes {
            return Err(Error::PayloadLength { want: promised.bytes, have: payload.len() as u64 });
        }
        let have = Digest::of(payload);
        if have != promised.digest {
            return Err(Error::PayloadDigest { want: promised.digest, have });
        }
        Ok(Verified { note: self, payload })
    }

    /// Compares an uncompressed image, such as a mapped one, with the note.
    pub fn check_image(&self, image: &[u8]) -> Result<(), Error> {
        let promised = self.release().image;
        if image.len() as u64 != promised.bytes {
            return Err(Error::ImageLength { want: promised.bytes, have: image.len() as u64 });
        }
        let have = Digest::of(image);
        if have != promised.digest {
            return Err(Error::ImageDigest { want: promised.digest, have });
        }
        Ok(())
    }
}

/// A payload that is the one its judged note promises. Made only by [`open`] and [`VerifiedNote::payload`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    note: VerifiedNote,
    payload: &'a [u8],
}

impl Verified<'_> {
    /// The judged note.
    pub fn note(&self) -> &VerifiedNote {
        &self.note
    }

    /// Decompresses the payload and compares the image with the note.
    pub fn decode(self) -> Result<DecodedImage, Error> {
        let ReleaseNote { image, payload, .. } = self.note.release();
        let bytes = payload::decode(self.payload, image.bytes, payload.window_log)?;
        self.note.check_image(&bytes)?;
        Ok(DecodedImage { note: self.note, bytes })
    }
}

/// Image bytes that are the ones a judged note promises. Made only by [`Verified::decode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedImage {
    note: VerifiedNote,
    bytes: Vec<u8>,
}

impl DecodedImage {
    /// The judged note.
    pub fn note(&self) -> &VerifiedNote {
        &self.note
    }

    /// The image.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives up the token for its parts.
    pub fn into_parts(self) -> (VerifiedNote, Vec<u8>) {
        (self.note, self.bytes)
    }
}
