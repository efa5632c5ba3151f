//! From C's pointers to Rust's references and back.

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::error::{Failure, guard};

/// Text of known length, not terminated by a zero. UTF-8 unless it comes out of a scanned file.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct hmk_str {
    /// First byte; not null, even if there is none.
    pub data: *const c_char,
    /// Number of bytes.
    pub len: usize,
}

impl hmk_str {
    /// Valid as long as `bytes` is.
    pub fn of(bytes: &[u8]) -> Self {
        hmk_str { data: bytes.as_ptr().cast(), len: bytes.len() }
    }
}

/// What a handle of C's points to.
///
/// # Safety
/// `handle` is null or points to a valid `T` that nothing else changes while the result is used.
pub unsafe fn shared<'a, T>(handle: *const T) -> Result<&'a T, Failure> {
    // SAFETY: as the caller promises.
    unsafe { handle.as_ref() }.ok_or_else(|| Failure::argument("a handle is null"))
}

/// What a handle of C's points to, to be changed.
///
/// # Safety
/// `handle` is null or points to a valid `T` that nothing else uses while the result is used.
pub unsafe fn exclusive<'a, T>(handle: *mut T) -> Result<&'a mut T, Failure> {
    // SAFETY: as the caller promises.
    unsafe { handle.as_mut() }.ok_or_else(|| Failure::argument("a handle is null"))
}

/// Gives C a handle, which it has to free.
///
/// # Safety
/// `out` is null or may be written.
pub unsafe fn give<T>(out: *mut *mut T, make: impl FnOnce() -> Result<T, Failure>) -> Result<(), Failure> {
    // SAFETY: as the caller promises.
    let out = unsafe { out.as_mut() }.ok_or_else(|| Failure::argument("the place for the result is null"))?;
    // So that what is freed after a failure is nothing.
    *out = std::ptr::null_mut();
    *out = Box::into_raw(Box::new(make()?));
    Ok(())
}

/// Takes a handle back and drops it.
///
/// # Safety
/// `handle` is null or was given by [`give`], and is not used again.
pub unsafe fn take_back<T>(handle: *mut T) {
    guard(|| {
        if !handle.is_null() {
            // SAFETY: `give` made it of a box, and the caller promises that this happens once.
            drop(unsafe { Box::from_raw(handle) });
        }
        Ok(())
    });
}

/// Bytes of C's.
///
/// # Safety
/// `data` is null or has `len` bytes that nothing changes while the result is used.
pub unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() || isize::try_from(len).is_err() {
        return Err(Failure::argument("the data are null, or longer than memory can be"));
    }
    // SAFETY: not null, no longer than a slice may be, and otherwise as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// A string of C's.
///
/// # Safety
/// `text` is null or ends with a zero, and nothing changes it while the result is used.
pub unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str, Failure> {
    // SAFETY: as the caller promises.
    let text = unsafe { c_string(text, what) }?;
    text.to_str().map_err(|_| Failure::argument(&format!("{what} is not UTF-8")))
}

/// A path of C's, which may be any bytes.
///
/// # Safety
/// As for [`text`].
pub unsafe fn path<'a>(path: *const c_char, what: &str) -> Result<&'a Path, Failure> {
    // SAFETY: as the caller promises.
    let path = unsafe { c_string(path, what) }?;
    Ok(Path::new(OsStr::from_bytes(path.to_bytes())))
}

/// # Safety
/// As for [`text`].
unsafe fn c_string<'a>(text: *const c_char, what: &str) -> Result<&'a CStr, Failure> {
    if text.is_null() {
        return Err(Failure::argument(&format!("{what} is null")));
    }
    // SAFETY: not null, and otherwise as the caller promises.
    Ok(unsafe { CStr::from_ptr(text) })
}
