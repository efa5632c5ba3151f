//! From untrusted bytes to a decoded image, in the only order there is: judge the note, compare the payload's
//! digest, decode under the note's limits, compare the image's digest. Each step leaves a token that only it can
//! make and that the next one takes. A patch goes the same way, with the image that it starts from.

use crate::{
    Container, Demand, Digest, EngineVersion, Error, FormatVersion, PatchPayload, ReleaseNote, SignedNote,
    SizedDigest, Verdict, payload,
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
        compare(self.release().payload.content, payload)?;
        Ok(Verified { note: self, payload })
    }

    /// Compares a patch from the image `from` with the note, and its frame with what the note allows; the next step is
    /// [`VerifiedPatch::apply`].
    pub fn patch(self, from: Digest, patch: &[u8]) -> Result<VerifiedPatch<'_>, Error> {
        let line = *self.release().patch_from(from).ok_or(Error::NoPatch { from })?;
        compare(line.content, patch)?;
        payload::check_patch(patch, self.release().image.bytes, line.window_log)?;
        Ok(VerifiedPatch { note: self, line, patch })
    }

    /// The lines of a patch that was found beside the note: at least one. Its frame is compared with them too.
    pub fn known_patch(&self, patch: &[u8]) -> Result<Vec<PatchPayload>, Error> {
        let content = SizedDigest::of(patch);
        let lines: Vec<_> = self.release().patches_of(content).copied().collect();
        if lines.is_empty() {
            return Err(Error::UnknownPatch { have: content.digest });
        }
        for line in &lines {
            payload::check_patch(patch, self.release().image.bytes, line.window_log)?;
        }
        Ok(lines)
    }

    /// Compares an uncompressed image that was had otherwise, such as from an installation before.
    pub fn image(self, bytes: Vec<u8>) -> Result<DecodedImage, Error> {
        self.check_image(&bytes)?;
        Ok(DecodedImage { note: self, bytes })
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

/// Compares a payload with what the note says of it.
fn compare(promised: SizedDigest, payload: &[u8]) -> Result<(), Error> {
    let have = SizedDigest::of(payload);
    if have.bytes != promised.bytes {
        return Err(Error::PayloadLength { want: promised.bytes, have: have.bytes });
    }
    if have.digest != promised.digest {
        return Err(Error::PayloadDigest { want: promised.digest, have: have.digest });
    }
    Ok(())
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
        self.note.image(bytes)
    }
}

/// A patch that is the one its judged note promises. Made only by [`VerifiedNote::patch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPatch<'a> {
    note: VerifiedNote,
    line: PatchPayload,
    patch: &'a [u8],
}

impl VerifiedPatch<'_> {
    /// Makes the image out of `base`, the one that the patch starts from, and compares it with the note.
    pub fn apply(self, base: &[u8]) -> Result<DecodedImage, Error> {
        let have = Digest::of(base);
        if have != self.line.from {
            return Err(Error::PatchBase { want: self.line.from, have });
        }
        let image_len = self.note.release().image.bytes;
        let bytes = payload::decode_patch(self.patch, base, image_len, self.line.window_log)?;
        self.note.image(bytes)
    }
}

/// Image bytes that are the ones a judged note promises. Made only by [`Verified::decode`], [`VerifiedPatch::apply`]
/// and [`VerifiedNote::image`].
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
