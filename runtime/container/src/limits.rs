//! Every limit of the crate, each with its reason.

/// Longest release note text, signatures not counted: 60 KiB leaves a log entry (at most 64 KiB) room to spare.
pub const MAX_NOTE_TEXT: usize = 60 * 1024;

/// Longest note with its signatures, as stored in a container.
pub const MAX_SIGNED_NOTE: usize = 64 * 1024;

/// Longest log proof in a container: a checkpoint with witness lines and an inclusion proof is a few KiB.
pub const MAX_PROOF: usize = 64 * 1024;

/// Longest compressed payload. A 12,000-rule image is about 10 MiB packed.
pub const MAX_PAYLOAD: u64 = 256 * 1024 * 1024;

/// Longest image a note may announce; bounds what a decoder allocates, whoever signed.
pub const MAX_IMAGE: u64 = 1024 * 1024 * 1024;

/// Smallest window exponent the Zstandard format can express.
pub const MIN_WINDOW_LOG: u8 = 10;

/// Largest window exponent accepted: 128 MiB, the most stock `zstd -d` decodes without being asked.
pub const MAX_WINDOW_LOG: u8 = 27;

/// Most signature lines looked at in one note; bounds signature checks on hostile input.
pub const MAX_SIGNATURES: usize = 32;

/// Longest signature blob in a line, key id included; room for the post-quantum types of the note format.
pub const MAX_SIGNATURE: usize = 5 * 1024;

/// Longest key, signer, group or database name.
pub const MAX_NAME: usize = 128;

/// Most sections a note may list; the image frame has room for 60.
pub const MAX_SECTIONS: usize = 60;

/// Most Zstandard frames in a payload: one for the image header and one a section, rounded up.
pub const MAX_FRAMES: usize = 64;

/// Most patch payloads in one note.
pub const MAX_PATCHES: usize = 64;

/// Longest policy file.
pub const MAX_POLICY: usize = 64 * 1024;

/// Most signers in a policy.
pub const MAX_SIGNERS: usize = 64;

/// Most groups in a policy; also bounds how deep groups nest.
pub const MAX_GROUPS: usize = 64;
