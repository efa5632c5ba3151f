//! Scanners: one for each thread, used again and again.

use std::ffi::{c_char, c_void};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hallmark_runtime::{ExternalValue, Scanner};

use crate::border::{bytes, exclusive, give, path, shared, take_back, text};
use crate::cancel::hmk_cancel;
use crate::database::hmk_database;
use crate::error::{Failure, guard, hmk_status};
use crate::report::{Kept, hmk_report};

/// Scans with a database, one thread at a time; another thread needs another scanner.
pub struct hmk_scanner {
    // Dropped before what it refers to.
    scanner: Scanner<'static>,
    cancel: Option<Arc<AtomicBool>>,
    kept: Kept,
    report: Option<hmk_report>,
}

/// Makes a scanner. It has to be freed by hmk_scanner_free, before or after its database.
///
/// # Safety
/// `database` is not freed yet; `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_new(
    database: *const hmk_database,
    out: *mut *mut hmk_scanner,
) -> hmk_status {
    guard(|| {
        let make = || {
            // SAFETY: as the caller promises.
            let scanner = unsafe { shared(database) }?.database.scanner();
            Ok(hmk_scanner { scanner, cancel: None, kept: Kept::default(), report: None })
        };
        // SAFETY: as the caller promises.
        unsafe { give(out, make) }
    })
}

/// Frees a scanner and its report. Null is allowed.
///
/// # Safety
/// `scanner` is null or was made by hmk_scanner_new, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_free(scanner: *mut hmk_scanner) {
    // SAFETY: as the caller promises.
    unsafe { take_back(scanner) }
}

/// Changes what a scanner is to do.
///
/// # Safety
/// `scanner` is null, or a scanner that no other thread uses.
unsafe fn set(
    scanner: *mut hmk_scanner,
    change: impl for<'s> FnOnce(&'s mut Scanner<'static>) -> &'s mut Scanner<'static>,
) -> hmk_status {
    guard(|| {
        // SAFETY: as the caller promises.
        change(&mut unsafe { exclusive(scanner) }?.scanner);
        Ok(())
    })
}

/// Gives up a scan after so many milliseconds.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_timeout(scanner: *mut hmk_scanner, milliseconds: u64) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { set(scanner, |s| s.deadline(Duration::from_millis(milliseconds))) }
}

/// Gives up a scan after so many steps of verifiers and conditions, which unlike time are repeatable.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_max_steps(scanner: *mut hmk_scanner, steps: u64) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { set(scanner, |s| s.max_steps(steps)) }
}

/// Does not scan data longer than this; its report is incomplete.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_max_bytes(scanner: *mut hmk_scanner, max: u64) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { set(scanner, |s| s.max_bytes(max)) }
}

/// Leaves out further matches of a pattern where conditions only ask whether there is one. Off at first.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_fast(scanner: *mut hmk_scanner, on: bool) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { set(scanner, |s| s.fast(on)) }
}

/// Lists all matches of every pattern of the rules that match, even of those that the conditions did not need. Takes
/// precedence over hmk_scanner_fast. Off at first.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_strings(scanner: *mut hmk_scanner, on: bool) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { set(scanner, |s| s.strings(on)) }
}

/// Gives a scanner a switch that ends its scans. It keeps the one it was given last.
///
/// # Safety
/// Neither is freed yet, and no other thread uses the scanner.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_cancel(
    scanner: *mut hmk_scanner,
    cancel: *const hmk_cancel,
) -> hmk_status {
    guard(|| {
        // SAFETY: as the caller promises.
        let (scanner, cancel) = unsafe { (exclusive(scanner)?, shared(cancel)?) };
        let switch = Arc::clone(&cancel.0);
        // SAFETY: the scanner's handle shares the switch until it has another one, and drops the scanner first.
        let lasting = unsafe { &*Arc::as_ptr(&switch) };
        scanner.scanner.cancel(lasting);
        scanner.cancel = Some(switch);
        Ok(())
    })
}

/// Gives an external variable a value, in all scans from now on.
///
/// # Safety
/// `scanner` is null, or a scanner that no other thread uses; `name` is null or ends with a zero.
unsafe fn define(
    scanner: *mut hmk_scanner,
    name: *const c_char,
    value: impl FnOnce() -> Result<ExternalValue, Failure>,
) -> hmk_status {
    guard(|| {
        // SAFETY: as the caller promises.
        let (scanner, name) = unsafe { (exclusive(scanner)?, text(name, "the name of the variable")?) };
        scanner.scanner.define(name, value()?)?;
        Ok(())
    })
}

/// Gives an external variable an integer, in all scans from now on.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it; `name` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_define_integer(
    scanner: *mut hmk_scanner,
    name: *const c_char,
    value: i64,
) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { define(scanner, name, || Ok(ExternalValue::Int(value))) }
}

/// Gives an external variable a float, in all scans from now on.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it; `name` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_define_float(
    scanner: *mut hmk_scanner,
    name: *const c_char,
    value: f64,
) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { define(scanner, name, || Ok(ExternalValue::Float(value))) }
}

/// Gives an external variable a boolean, in all scans from now on.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it; `name` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_define_boolean(
    scanner: *mut hmk_scanner,
    name: *const c_char,
    value: bool,
) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { define(scanner, name, || Ok(ExternalValue::Bool(value))) }
}

/// Gives an external variable a string, which is copied, in all scans from now on.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it; `name` ends with a zero; `value` has `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_define_string(
    scanner: *mut hmk_scanner,
    name: *const c_char,
    value: *const c_char,
    len: usize,
) -> hmk_status {
    // SAFETY: as the caller promises.
    let value = || Ok(ExternalValue::Str(unsafe { bytes(value.cast(), len) }?.to_vec()));
    // SAFETY: as the caller promises.
    unsafe { define(scanner, name, value) }
}

/// Scans bytes. `report` gets what was found, see hmk_report for how long it is valid; on failure null.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it; `data` has `len` bytes, which nothing changes meanwhile;
/// `report` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scan_bytes(
    scanner: *mut hmk_scanner,
    data: *const u8,
    len: usize,
    report: *mut *const hmk_report,
) -> hmk_status {
    // SAFETY: as the caller promises.
    let data = || unsafe { bytes(data, len) };
    // SAFETY: as the caller promises.
    unsafe { scan(scanner, report, |scanner, kept| Ok(kept.keep(&scanner.scan(data()?)?))) }
}

/// Scans a regular file, which is read, not mapped. `report` gets what was found, see hmk_report for how long it is
/// valid; on failure null.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it; `path` ends with a zero; `report` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scan_file(
    scanner: *mut hmk_scanner,
    path: *const c_char,
    report: *mut *const hmk_report,
) -> hmk_status {
    // SAFETY: as the caller promises.
    let path = || unsafe { self::path(path, "the path to scan") };
    // SAFETY: as the caller promises.
    unsafe { scan(scanner, report, |scanner, kept| Ok(kept.keep(&scanner.scan_file(path()?)?))) }
}

/// Gives the next bytes of a stream: puts up to `len` of them, at least one, to `into` and answers how many; 0 at the end
/// of the stream, or a negative number if it cannot be read. `context` is what hmk_scan_stream was given.
pub type hmk_read = Option<unsafe extern "C" fn(context: *mut c_void, into: *mut u8, len: usize) -> isize>;

/// Keeps so many bytes of a stream, at least 1 MiB; 16 MiB if nothing else is said.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scanner_window(scanner: *mut hmk_scanner, bytes: usize) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { set(scanner, |s| s.window(bytes)) }
}

/// Scans what `read` gives, in bounded memory. A stream that fits into the window is scanned as a file is; of a longer
/// one the report says what could not be known. `report` gets what was found, see hmk_report for how long it is valid;
/// on failure null.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it, nor does `read`; `read` may be called with `context` on this
/// thread and does as it says; `report` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scan_stream(
    scanner: *mut hmk_scanner,
    read: hmk_read,
    context: *mut c_void,
    report: *mut *const hmk_report,
) -> hmk_status {
    let reader = || match read {
        Some(read) => Ok(CReader { read, context }),
        None => Err(Failure::argument("the function that reads is null")),
    };
    // SAFETY: as the caller promises.
    unsafe { scan(scanner, report, |scanner, kept| Ok(kept.keep(&scanner.scan_stream(reader()?)?))) }
}

/// Scans the memory of a process; offsets are addresses. `report` gets what was found, see hmk_report for how long it is
/// valid; on failure null. On Linux only.
///
/// # Safety
/// `scanner` is not freed yet, and no other thread uses it; `report` may be written.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_scan_process(
    scanner: *mut hmk_scanner,
    pid: u32,
    report: *mut *const hmk_report,
) -> hmk_status {
    // SAFETY: as the caller promises.
    unsafe { scan(scanner, report, |scanner, kept| Ok(kept.keep(&scanner.scan_process(pid)?))) }
}

/// A stream of C's.
struct CReader {
    read: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> isize,
    context: *mut c_void,
}

impl Read for CReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // SAFETY: `into` may be written as far as it goes, and otherwise as the caller of hmk_scan_stream promises.
        let count = unsafe { (self.read)(self.context, into.as_mut_ptr(), into.len()) };
        let count = usize::try_from(count).map_err(|_| io::Error::other("the function that reads failed"))?;
        if count > into.len() {
            return Err(io::Error::other("the function that reads gave more than was asked for"));
        }
        Ok(count)
    }
}

/// # Safety
/// `scanner` is null, or a scanner that no other thread uses; `report` is null or may be written.
unsafe fn scan(
    scanner: *mut hmk_scanner,
    report: *mut *const hmk_report,
    run: impl FnOnce(&mut Scanner<'static>, &mut Kept) -> Result<hmk_report, Failure>,
) -> hmk_status {
    guard(|| {
        // SAFETY: as the caller promises.
        let report = unsafe { report.as_mut() }
            .ok_or_else(|| Failure::argument("the place for the report is null"))?;
        *report = std::ptr::null();
        // SAFETY: as the caller promises.
        let handle = unsafe { exclusive(scanner) }?;
        let found = run(&mut handle.scanner, &mut handle.kept)?;
        *report = handle.report.insert(found);
        Ok(())
    })
}
