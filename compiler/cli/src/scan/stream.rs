//! Scanning what is not held in memory: streams, and the memory of processes. Input: a reader or a process. Output: what
//! was found, with the digest of all that was read where it is asked for.

use std::io::{self, Read};

use hallmark_image::Image;
use hallmark_runtime::Scanner;
use sha2::{Digest as _, Sha256};

use super::findings::Findings;
use super::reading::{INTERRUPTED, cannot_read};
use super::worker::Request;
use crate::escape;

/// Scans what a reader gives.
///
/// # Errors
/// Why nothing was scanned.
pub fn scan(
    scanner: &mut Scanner<'_>,
    request: &Request,
    image: &Image<'_>,
    from: impl Read,
    room: &mut usize,
) -> Result<Findings, String> {
    let mut digest = request.sha256.then(Sha256::new);
    let mut failed = None;
    let reader = Noting { from, digest: digest.as_mut(), failed: &mut failed };
    let scanned = scanner.max_bytes(request.max_size).scan_stream(reader);
    let mut found = match scanned {
        Ok(report) => request.findings(image, &report, room),
        Err(_) if request.interrupt.is_set() => return Err(INTERRUPTED.to_owned()),
        Err(error) => return Err(failed.map_or_else(|| format!("not scanned: {error}"), cannot_read)),
    };
    found.sha256 = digest.map(|digest| escape::hex(&digest.finalize()));
    Ok(found)
}

/// Scans the memory of a process.
///
/// # Errors
/// Why nothing was scanned.
pub fn scan_process(
    scanner: &mut Scanner<'_>,
    request: &Request,
    image: &Image<'_>,
    pid: u32,
    room: &mut usize,
) -> Result<Findings, String> {
    let scanned = scanner.max_bytes(request.max_memory).scan_process(pid);
    let report = scanned.map_err(|error| format!("not scanned: {error}"))?;
    // What a process holds has no digest.
    Ok(Findings { sha256: None, ..request.findings(image, &report, room) })
}

/// Keeps what a scan does not: the digest, and the system's error.
struct Noting<'n, R> {
    from: R,
    digest: Option<&'n mut Sha256>,
    failed: &'n mut Option<io::Error>,
}

impl<R: Read> Read for Noting<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.from.read(into) {
            Ok(count) => {
                if let Some(digest) = &mut self.digest {
                    digest.update(into.get(..count).unwrap_or_default());
                }
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                *self.failed = Some(error);
                Err(kind.into())
            }
        }
    }
}
