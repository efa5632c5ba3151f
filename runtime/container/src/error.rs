//! Everything that can be wrong with a note, key, policy or container, one variant per cause.

use crate::{Digest, EngineVersion, FormatVersion};

/// Why bytes were refused. Messages say what, where and, where there is something to do, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A size or count is over its limit; see [`crate::limits`].
    #[error("{what}: {value} is over the limit of {max}")]
    Limit {
        /// What was measured.
        what: &'static str,
        /// What was found.
        value: u64,
        /// What is allowed.
        max: u64,
    },

    /// A note holds bytes outside printable ASCII and newline.
    #[error("release note: byte {at} is not printable ASCII")]
    NoteNotAscii {
        /// Offset of the first such byte.
        at: usize,
    },
    /// The note ends before a required line.
    #[error("release note: ends at line {line}, where `{expected} …` was expected; the note is cut short")]
    NoteTruncated {
        /// 1-based line number.
        line: usize,
        /// First word of the line that should come here.
        expected: &'static str,
    },
    /// The first line is not the release context line.
    #[error("not a release note: the first line is not `hallmark-release/v1`")]
    NoteContext,
    /// A line of the note is not what the grammar has at this place.
    #[error("release note: line {line}: expected `{expected}`")]
    NoteLine {
        /// 1-based line number.
        line: usize,
        /// Shape of the line that should come here.
        expected: &'static str,
    },
    /// The bytes parse, but are not the one canonical spelling of their content.
    #[error(
        "release note: not in canonical form; spacing, number or order differs from what a signer writes"
    )]
    NoteNotCanonical,
    /// A signature line does not have the form `— name base64`.
    #[error("release note: signature line {line}: {why}")]
    SignatureLine {
        /// 1-based line number within the signature block.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },

    /// A verifier key is not `name+keyid+base64`.
    #[error("verifier key: {why}; expected `name+keyid+base64`")]
    KeyFormat {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A verifier key has an algorithm other than Ed25519.
    #[error("verifier key {name}: algorithm 0x{algorithm:02x} is not supported; only Ed25519 (0x01) is")]
    KeyAlgorithm {
        /// Name in the key.
        name: String,
        /// Algorithm byte.
        algorithm: u8,
    },
    /// The key id written in a verifier key is not the one its name and key give.
    #[error("verifier key {name}: the key id does not belong to this name and key; was it edited?")]
    KeyId {
        /// Name in the key.
        name: String,
    },
    /// A public key is of small order, not canonically encoded or not a point at all.
    #[error("verifier key {name}: weak or invalid Ed25519 public key, refused")]
    WeakKey {
        /// Name in the key.
        name: String,
    },

    /// A policy line has a keyword the grammar does not know.
    #[error("policy: line {line}: unknown keyword `{word}`; expected db, signer, group or quorum")]
    PolicyKeyword {
        /// 1-based line number.
        line: usize,
        /// The word found.
        word: String,
    },
    /// A policy line has its keyword but not its shape.
    #[error("policy: line {line}: expected `{expected}`")]
    PolicyLine {
        /// 1-based line number.
        line: usize,
        /// Shape of the line.
        expected: &'static str,
    },
    /// A policy file is not UTF-8 text.
    #[error("policy: not a text file")]
    PolicyNotText,
    /// A signer line's key was refused.
    #[error("policy: line {line}: {source}")]
    PolicyKey {
        /// 1-based line number.
        line: usize,
        /// Why the key was refused.
        source: Box<Error>,
    },
    /// A signer or group name is taken.
    #[error("policy: line {line}: the name `{name}` is already in use")]
    PolicyDuplicateName {
        /// 1-based line number.
        line: usize,
        /// The name.
        name: String,
    },
    /// One public key under two signers would count twice.
    #[error(
        "policy: line {line}: signers `{first}` and `{second}` have the same key; one key serves one role"
    )]
    PolicyDuplicateKey {
        /// 1-based line number.
        line: usize,
        /// Signer defined first.
        first: String,
        /// Signer defined now.
        second: String,
    },
    /// A name is used before a `signer` or `group` line defines it.
    #[error("policy: line {line}: `{name}` is not defined above this line")]
    PolicyUnknownName {
        /// 1-based line number.
        line: usize,
        /// The name.
        name: String,
    },
    /// A member of two groups would count twice.
    #[error("policy: line {line}: `{name}` is already a member of a group; it may count only once")]
    PolicyMemberTwice {
        /// 1-based line number.
        line: usize,
        /// The name.
        name: String,
    },
    /// A group's threshold is zero or more than its members.
    #[error(
        "policy: line {line}: threshold {threshold} is not between 1 and {members}, the number of members"
    )]
    PolicyThreshold {
        /// 1-based line number.
        line: usize,
        /// What the line asks for.
        threshold: u64,
        /// Number of members.
        members: usize,
    },
    /// `db` or `quorum` appears twice.
    #[error("policy: line {line}: a second `{keyword}` line")]
    PolicyRepeated {
        /// 1-based line number.
        line: usize,
        /// The keyword.
        keyword: &'static str,
    },
    /// `db` or `quorum` is missing.
    #[error("policy: no `{keyword}` line")]
    PolicyMissing {
        /// The keyword.
        keyword: &'static str,
    },

    /// The note is for another database than the policy.
    #[error("this is database `{have}`, but the policy is for `{want}`")]
    WrongDatabase {
        /// Name in the note.
        have: String,
        /// Name in the policy.
        want: String,
    },
    /// The note has no signature at all.
    #[error("the database is not signed; the policy needs {need}")]
    Unsigned {
        /// What the policy asks for.
        need: String,
    },
    /// A signature by a key of the policy does not verify.
    #[error("the signature of `{name}` does not verify: the note was altered or the signature forged")]
    BadSignature {
        /// Signer in the policy.
        name: String,
    },
    /// Valid signatures are present, but not enough of them.
    #[error("quorum not met: have {have}; the policy needs {need}")]
    QuorumNotMet {
        /// Signers that verified.
        have: String,
        /// What the policy asks for.
        need: String,
    },

    /// The magic of a container is missing.
    #[error("not a Hallmark container: the file does not start with its magic bytes")]
    NotAContainer,
    /// The container's version is not known to this program.
    #[error("container version {version} is not supported (this program reads version 1)")]
    ContainerVersion {
        /// Version found.
        version: u16,
    },
    /// A field that must be zero is not.
    #[error("container: {field} at byte {at} must be zero")]
    ContainerReserved {
        /// Field name.
        field: &'static str,
        /// Offset in the container.
        at: usize,
    },
    /// The container ends before one of its parts does.
    #[error("container: cut short in the {part}: needs {need} bytes, has {have}")]
    Truncated {
        /// Part of the container.
        part: &'static str,
        /// Total bytes needed up to the end of this part.
        need: u64,
        /// Bytes there are.
        have: u64,
    },
    /// Bytes follow the payload.
    #[error("container: {extra} bytes after the payload")]
    TrailingBytes {
        /// How many.
        extra: u64,
    },
    /// A part that must not be empty is.
    #[error("container: the {part} is empty")]
    EmptyPart {
        /// Part of the container.
        part: &'static str,
    },

    /// The release needs a newer engine.
    #[error("the database needs engine {need} or later, this is {have}; update the program")]
    EngineTooOld {
        /// Version in the note.
        need: EngineVersion,
        /// Version of this program.
        have: EngineVersion,
    },
    /// The image has another format than this engine reads.
    #[error("the database has image format {need}, this program reads {have}")]
    ImageFormat {
        /// Version in the note.
        need: FormatVersion,
        /// Version of this program.
        have: FormatVersion,
    },
    /// The payload's length is not the one in the note.
    #[error("payload: {have} bytes, the release note says {want}")]
    PayloadLength {
        /// Length in the note.
        want: u64,
        /// Length found.
        have: u64,
    },
    /// The payload is not the one that was signed.
    #[error("payload: {have}, the release note says {want}; damaged or swapped")]
    PayloadDigest {
        /// Digest in the note.
        want: Digest,
        /// Digest found.
        have: Digest,
    },
    /// The payload is not a plain sequence of Zstandard frames.
    #[error("payload: frame at byte {at}: {why}")]
    PayloadFrame {
        /// Offset in the payload.
        at: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A frame wants a larger window than the note allows.
    #[error("payload: frame at byte {at} needs a window of {need} bytes, the release note allows {max}")]
    WindowTooLarge {
        /// Offset in the payload.
        at: usize,
        /// Window in the frame.
        need: u64,
        /// Window in the note.
        max: u64,
    },
    /// The frames do not add up to the image the note announces.
    #[error("payload: decodes to {have} bytes, the release note says {want}")]
    ImageLength {
        /// Length in the note.
        want: u64,
        /// Length of all frames up to and including the one that disagrees.
        have: u64,
    },
    /// The Zstandard library refused a frame.
    #[error("payload: frame at byte {at}: cannot decompress: {why}")]
    Decompress {
        /// Offset in the payload.
        at: usize,
        /// The library's reason.
        why: String,
    },
    /// The image is not the one that was signed.
    #[error("image: {have}, the release note says {want}")]
    ImageDigest {
        /// Digest in the note.
        want: Digest,
        /// Digest found.
        have: Digest,
    },
    /// The release has no patch from an image.
    #[error("the release note has no patch from image {from}")]
    NoPatch {
        /// The image.
        from: Digest,
    },
    /// A patch is not one of the release's.
    #[error("patch: {have} is in no `payload patch` line of the release note; damaged or of another release")]
    UnknownPatch {
        /// Digest found.
        have: Digest,
    },
    /// A patch is to be applied to another image than it was made from.
    #[error("patch: it starts from image {want}, the one at hand is {have}")]
    PatchBase {
        /// Image in the note.
        want: Digest,
        /// Image found.
        have: Digest,
    },
    /// The image does not fit into memory.
    #[error("image: no memory for {bytes} bytes")]
    OutOfMemory {
        /// Size asked for.
        bytes: u64,
    },
}
