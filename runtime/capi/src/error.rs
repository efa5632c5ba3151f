//! How a call ended, and the words for it.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a call ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum hmk_status {
    /// It did what it says.
    HMK_OK = 0,
    /// An argument is null, no UTF-8 or out of range.
    HMK_INVALID_ARGUMENT = 1,
    /// The database or policy can't be read, is damaged, or is not trusted.
    HMK_REFUSED = 2,
    /// The file, stream or process to scan can't be read.
    HMK_IO = 3,
    /// The database has no such external variable, or it has another type.
    HMK_NO_SUCH_VARIABLE = 4,
    /// A bug in this library. Free the handle that was used and report it.
    HMK_INTERNAL = 5,
}

/// Why a call failed.
#[derive(Debug)]
pub struct Failure {
    status: hmk_status,
    message: String,
}

impl Failure {
    pub fn new(status: hmk_status, message: impl ToString) -> Self {
        Failure { status, message: message.to_string() }
    }

    pub fn argument(message: &str) -> Self {
        Failure::new(hmk_status::HMK_INVALID_ARGUMENT, message)
    }
}

impl From<hallmark_runtime::Error> for Failure {
    fn from(error: hallmark_runtime::Error) -> Self {
        use hallmark_runtime::Error;
        let status = match error {
            Error::Io { .. } | Error::NotAFile { .. } | Error::Stream { .. } | Error::Process { .. } => {
                hmk_status::HMK_IO
            }
            Error::External(_) => hmk_status::HMK_NO_SUCH_VARIABLE,
            _ => hmk_status::HMK_REFUSED,
        };
        Failure::new(status, error)
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Runs what a function of the border does. No panic gets past it.
pub fn guard(call: impl FnOnce() -> Result<(), Failure>) -> hmk_status {
    let failure = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return hmk_status::HMK_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure::new(hmk_status::HMK_INTERNAL, describe(panic.as_ref())),
    };
    // Without the zeros that C would take for its end.
    let bytes: Vec<u8> = failure.message.bytes().filter(|&byte| byte != 0).collect();
    let message = CString::new(bytes).unwrap_or_default();
    // While a thread ends there is no place for it any more, and nobody who could ask.
    let _ = LAST.try_with(|last| last.replace(message));
    failure.status
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("bug in libhallmark: {}", text.unwrap_or("it panicked"))
}

/// What went wrong in the last call of this thread that failed: what, where and what to do, in UTF-8. Empty if none
/// failed yet. Valid until the next call of this thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn hmk_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// The version of the library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn hmk_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}
