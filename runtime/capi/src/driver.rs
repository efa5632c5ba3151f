//! For tests only: calls the functions of the library as bytes say, in any order that the header allows.
//!
//! Input: images, which may be hostile, and bytes that are instructions, arguments and data. The callers' promises are
//! kept: handles are those that the library gave and that were not freed, or null; strings end with a zero; data are as
//! long as said. Everything that the library promises in return is checked.

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "it tests"
)]

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

use crate::border::hmk_str;
use crate::cancel::{hmk_cancel, hmk_cancel_free, hmk_cancel_new, hmk_cancel_set};
use crate::database::{
    hmk_database, hmk_database_digest, hmk_database_fallback, hmk_database_free, hmk_database_from_image,
    hmk_database_open,
};
use crate::error::{hmk_last_error, hmk_status};
use crate::report::{hmk_meta_kind, hmk_report, hmk_why};
use crate::scanner::{
    hmk_read, hmk_scan_bytes, hmk_scan_file, hmk_scan_stream, hmk_scanner, hmk_scanner_cancel,
    hmk_scanner_define_boolean, hmk_scanner_define_float, hmk_scanner_define_integer,
    hmk_scanner_define_string, hmk_scanner_fast, hmk_scanner_free, hmk_scanner_max_bytes,
    hmk_scanner_max_steps, hmk_scanner_new, hmk_scanner_strings, hmk_scanner_timeout, hmk_scanner_window,
};

/// Handles of each kind that there are at a time.
const SLOTS: usize = 3;

/// Calls at most, so that an input takes no longer than others.
const MAX_CALLS: usize = 60;

/// Most steps of a scan.
const STEPS: u64 = 20_000;

/// Names of variables, some of which images have.
static NAMES: [&CStr; 6] = [c"outside", c"word", c"share", c"flag", c"", c"\xFF"];

/// Paths that are no database; the first can be scanned, the second not, and of the last there is no end.
static PATHS: [&CStr; 6] = [c"/proc/self/cmdline", c"/", c"/does/not/exist", c"\xFF", c"", c"/dev/zero"];

/// Does what `bytes` say.
///
/// # Panics
/// The library broke a promise.
pub fn drive(images: &[Vec<u8>], bytes: &[u8]) {
    let mut driver = Driver {
        images,
        input: bytes,
        databases: [null_mut(); SLOTS],
        scanners: [null_mut(); SLOTS],
        cancels: [null_mut(); SLOTS],
    };
    for _ in 0..MAX_CALLS {
        if driver.input.is_empty() {
            break;
        }
        driver.call();
    }
}

struct Driver<'b> {
    images: &'b [Vec<u8>],
    input: &'b [u8],
    // Null, or not freed yet.
    databases: [*mut hmk_database; SLOTS],
    scanners: [*mut hmk_scanner; SLOTS],
    cancels: [*mut hmk_cancel; SLOTS],
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        for slot in 0..SLOTS {
            // SAFETY: null, or not freed yet and not used again.
            unsafe {
                hmk_database_free(self.databases[slot]);
                hmk_scanner_free(self.scanners[slot]);
                hmk_cancel_free(self.cancels[slot]);
            }
        }
    }
}

impl<'b> Driver<'b> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.input.split_first() else { return 0 };
        self.input = rest;
        byte
    }

    fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    fn below(&mut self, many: usize) -> usize {
        usize::from(self.byte()) % many
    }

    fn data(&mut self) -> &'b [u8] {
        let len = (usize::from(self.byte()) * 4).min(self.input.len());
        let (data, rest) = self.input.split_at(len);
        self.input = rest;
        data
    }

    /// A name or path, or null.
    fn text(&mut self, of: &[&'static CStr]) -> *const c_char {
        let choice = self.below(of.len() + 1);
        of.get(choice).map_or(null(), |text| text.as_ptr())
    }

    fn call(&mut self) {
        let (what, slot, other) = (self.below(22), self.below(SLOTS), self.below(SLOTS));
        let (database, scanner, cancel) = (self.databases[slot], self.scanners[slot], self.cancels[slot]);
        // SAFETY: handles are null or not freed yet, texts and data as said in each case, and nothing runs beside this.
        unsafe {
            match what {
                0 | 1 => self.load(slot),
                2 => self.open(slot),
                3..=5 => self.scanner(slot, other),
                6 => {
                    hmk_database_free(database);
                    self.databases[slot] = null_mut();
                }
                7 => {
                    hmk_scanner_free(scanner);
                    self.scanners[slot] = null_mut();
                }
                8 => {
                    hmk_cancel_free(cancel);
                    self.cancels[slot] = null_mut();
                    check(hmk_cancel_new(&raw mut self.cancels[slot]), true);
                }
                9 => {
                    let on = self.byte() & 3 == 0;
                    check(hmk_cancel_set(cancel, on), !cancel.is_null());
                }
                10 => {
                    let good = !scanner.is_null() && !self.cancels[other].is_null();
                    check(hmk_scanner_cancel(scanner, self.cancels[other]), good);
                }
                11 => {
                    let steps = self.number() % STEPS;
                    check(hmk_scanner_max_steps(scanner, steps), !scanner.is_null());
                }
                12 => {
                    let max = self.number() % 2000;
                    check(hmk_scanner_max_bytes(scanner, max), !scanner.is_null());
                }
                13 => {
                    let (on, fast) = (self.byte(), self.byte());
                    check(hmk_scanner_strings(scanner, on & 1 != 0), !scanner.is_null());
                    check(hmk_scanner_fast(scanner, fast & 1 != 0), !scanner.is_null());
                }
                14 => self.define(scanner),
                15..=17 => self.scan_bytes(scanner),
                18 => self.scan_stream(scanner),
                19 => self.scan_file(scanner),
                20 => self.describe(database),
                _ => {
                    #[cfg(target_os = "linux")]
                    {
                        let mut report = null();
                        // There is no such process.
                        failed(crate::scanner::hmk_scan_process(scanner, u32::MAX, &raw mut report));
                        assert!(report.is_null());
                    }
                    failed(hmk_scan_bytes(scanner, null(), 0, null_mut()));
                    failed(hmk_database_from_image(null(), 0, null_mut()));
                }
            }
        }
    }

    unsafe fn load(&mut self, slot: usize) {
        let (which, cut) = (self.below(self.images.len() + 1), self.byte());
        let image = self.images.get(which).map_or(&[][..], Vec::as_slice);
        let image = if cut < 16 { &image[..image.len() * usize::from(cut) / 16] } else { image };
        // SAFETY: as the caller promises; the image is as long as it is, and nothing else has the handle freed here.
        unsafe {
            hmk_database_free(self.databases[slot]);
            let status = hmk_database_from_image(image.as_ptr(), image.len(), &raw mut self.databases[slot]);
            check(status, !self.databases[slot].is_null());
        }
    }

    unsafe fn open(&mut self, slot: usize) {
        let (path, policy, flags) = (self.text(&PATHS[..5]), self.text(&PATHS), u32::from(self.byte()) & 7);
        // SAFETY: as the caller promises; texts end with a zero or are null.
        unsafe {
            hmk_database_free(self.databases[slot]);
            failed(hmk_database_open(path, policy, flags, &raw mut self.databases[slot]));
        }
        assert!(self.databases[slot].is_null());
    }

    unsafe fn scanner(&mut self, slot: usize, database: usize) {
        let database = self.databases[database];
        // SAFETY: as the caller promises.
        unsafe {
            hmk_scanner_free(self.scanners[slot]);
            let status = hmk_scanner_new(database, &raw mut self.scanners[slot]);
            check(status, !database.is_null());
            let scanner = self.scanners[slot];
            assert_eq!(scanner.is_null(), database.is_null());
            // Without these a hostile image takes as long as it likes, and each stream a lot of memory.
            check(hmk_scanner_max_steps(scanner, STEPS), !scanner.is_null());
            check(hmk_scanner_timeout(scanner, 10_000), !scanner.is_null());
            check(hmk_scanner_window(scanner, 0), !scanner.is_null());
        }
    }

    unsafe fn define(&mut self, scanner: *mut hmk_scanner) {
        let name = self.text(&NAMES);
        let (kind, number, data) = (self.below(4), self.number(), self.data());
        // SAFETY: as the caller promises; names end with a zero or are null, data are as long as they are.
        let status = unsafe {
            match kind {
                0 => hmk_scanner_define_integer(scanner, name, number as i64),
                1 => hmk_scanner_define_float(scanner, name, f64::from_bits(number)),
                2 => hmk_scanner_define_boolean(scanner, name, number & 1 != 0),
                _ => hmk_scanner_define_string(scanner, name, data.as_ptr().cast(), data.len()),
            }
        };
        assert!(status != hmk_status::HMK_OK || !scanner.is_null() && !name.is_null());
        look(status);
    }

    unsafe fn scan_bytes(&mut self, scanner: *mut hmk_scanner) {
        let (null_data, data) = (self.byte() == 0, self.data());
        let pointer = if null_data { null() } else { data.as_ptr() };
        let mut report = null();
        // SAFETY: as the caller promises; the data are as long as said, or null, which is refused.
        let status = unsafe { hmk_scan_bytes(scanner, pointer, data.len(), &raw mut report) };
        check(status, !scanner.is_null() && (!null_data || data.is_empty()));
        if !report.is_null() {
            // SAFETY: no call with the scanner was made since.
            unsafe { read(&*report, Some(data)) };
        }
        assert_eq!(report.is_null(), status != hmk_status::HMK_OK);
    }

    unsafe fn scan_stream(&mut self, scanner: *mut hmk_scanner) {
        let (manner, most, data) = (self.below(8), usize::from(self.byte()) + 1, self.data());
        let mut stream = Stream { rest: data, most, manner };
        let mut report = null();
        let read_function: hmk_read = if manner == 7 { None } else { Some(read_stream) };
        // SAFETY: as the caller promises; the context is a `Stream`, which nothing else uses.
        let status =
            unsafe { hmk_scan_stream(scanner, read_function, (&raw mut stream).cast(), &raw mut report) };
        look(status);
        if !report.is_null() {
            // SAFETY: no call with the scanner was made since.
            unsafe { read(&*report, Some(data)) };
        }
        assert_eq!(report.is_null(), status != hmk_status::HMK_OK);
        assert!(manner != 7 || report.is_null(), "without a function to read");
    }

    unsafe fn scan_file(&mut self, scanner: *mut hmk_scanner) {
        let path = self.text(&PATHS);
        let mut report = null();
        // SAFETY: as the caller promises; paths end with a zero or are null.
        let status = unsafe { hmk_scan_file(scanner, path, &raw mut report) };
        let good = !scanner.is_null() && path == PATHS[0].as_ptr();
        check(status, good);
        if !report.is_null() {
            // SAFETY: no call with the scanner was made since.
            unsafe { read(&*report, None) };
        }
        assert_eq!(report.is_null(), !good);
    }

    unsafe fn describe(&mut self, database: *const hmk_database) {
        // SAFETY: as the caller promises.
        let (digest, fallback) = unsafe { (hmk_database_digest(database), hmk_database_fallback(database)) };
        assert!(fallback.is_null(), "it came from no store");
        assert_eq!(digest.is_null(), database.is_null());
        if !digest.is_null() {
            // SAFETY: it ends with a zero and is valid as long as the database.
            let digest = unsafe { CStr::from_ptr(digest) };
            assert!(digest.to_bytes().starts_with(b"sha256:") && digest.count_bytes() == 71);
        }
    }
}

/// A stream, and how it gives what it has.
struct Stream<'d> {
    rest: &'d [u8],
    most: usize,
    /// From 4 on it breaks a promise at its end.
    manner: usize,
}

unsafe extern "C" fn read_stream(context: *mut c_void, into: *mut u8, len: usize) -> isize {
    // SAFETY: `scan_stream` gave it.
    let stream = unsafe { &mut *context.cast::<Stream<'_>>() };
    let count = stream.rest.len().min(stream.most).min(len);
    let (now, rest) = stream.rest.split_at(count);
    stream.rest = rest;
    // SAFETY: as the library promises, so many bytes may be written.
    unsafe { into.copy_from_nonoverlapping(now.as_ptr(), count) };
    match (count, stream.manner) {
        (0, 4) => -1,
        (0, 5) => isize::MIN,
        (0, 6) => isize::MAX,
        _ => count as isize,
    }
}

/// A call that has to succeed exactly if its arguments are good.
fn check(status: hmk_status, good: bool) {
    assert_eq!(status == hmk_status::HMK_OK, good, "{status:?}: {:?}", message());
    look(status);
}

fn failed(status: hmk_status) {
    check(status, false);
}

/// What failed is described, and nothing is a bug.
fn look(status: hmk_status) {
    assert_ne!(status, hmk_status::HMK_INTERNAL, "{:?}", message());
    assert!(status == hmk_status::HMK_OK || !message().is_empty(), "{status:?} without a word");
}

fn message() -> String {
    // SAFETY: it ends with a zero and is valid until the next failure.
    let text = unsafe { CStr::from_ptr(hmk_last_error()) };
    text.to_str().expect("messages are UTF-8").to_owned()
}

/// Reads a report from end to end. Matches lie in `data`, where these are known.
unsafe fn read(report: &hmk_report, data: Option<&[u8]>) {
    // SAFETY: as the library promises, each pointer leads to as many as the number beside it says.
    unsafe {
        for rule in list(report.rules, report.rules_len) {
            bytes(&rule.name);
            bytes(&rule.rule_namespace);
            list(rule.tags, rule.tags_len).iter().for_each(|tag| _ = bytes(tag));
            for meta in list(rule.metas, rule.metas_len) {
                bytes(&meta.name);
                let is_text = meta.kind == hmk_meta_kind::HMK_META_STRING;
                assert!(is_text || bytes(&meta.string).is_empty());
            }
            for pattern in list(rule.patterns, rule.patterns_len) {
                bytes(&pattern.id);
                for found in list(pattern.matches, pattern.matches_len) {
                    let shown = bytes(&found.data);
                    assert_eq!(shown.len() as u64, found.length);
                    assert!((-1..=255).contains(&found.xor_key));
                    let range = found.offset as usize..(found.offset + found.length) as usize;
                    assert!(data.is_none_or(|data| data.get(range) == Some(shown)), "bytes of a match");
                }
            }
        }
        for missing in list(report.incomplete, report.incomplete_len) {
            assert!(!bytes(&missing.what).is_empty() && !bytes(&missing.reason).is_empty());
            assert_ne!(missing.why, hmk_why::HMK_WHY_OTHER);
        }
        list(report.messages, report.messages_len).iter().for_each(|message| _ = bytes(message));
    }
    assert!(report.steps <= STEPS);
    assert!(data.is_none_or(|data| report.bytes <= data.len() as u64));
}

unsafe fn list<'a, T>(first: *const T, count: usize) -> &'a [T] {
    assert!(!first.is_null() && first.is_aligned(), "a list of {count}");
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(first, count) }
}

unsafe fn bytes<'a>(text: &hmk_str) -> &'a [u8] {
    // SAFETY: as the caller promises.
    let bytes: &[u8] = unsafe { list(text.data.cast(), text.len) };
    // Read them all: a wrong pointer shows under valgrind, or by a crash.
    std::hint::black_box(bytes.iter().fold(0u8, |sum, &byte| sum ^ byte));
    bytes
}
