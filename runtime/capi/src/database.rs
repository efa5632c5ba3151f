//! Databases: opened once, shared by all scanners.

use std::ffi::{CString, c_char};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use hallmark_runtime::{Database, LoadPolicy, Policy};

use crate::border::{bytes, give, path, shared, take_back};
use crate::error::{Failure, guard, hmk_status};

/// Flag of hmk_database_open: take a database whose policy is not satisfied, and raw images. Signatures that are there
/// must still verify. For tests, and for a rule author's own machine.
pub const HMK_ALLOW_UNSIGNED: u32 = 1;

/// Flag of hmk_database_open: copy the database of a store into sealed memory instead of mapping its file.
pub const HMK_SEALED: u32 = 2;

/// A policy file is a page of text; nothing that is longer is one.
const MAX_POLICY: u64 = 1 << 20;

/// A database that is verified, mapped and proved. Any number of threads may use it.
pub struct hmk_database {
    pub(crate) database: Database,
    digest: CString,
    fallback: Option<CString>,
}

impl hmk_database {
    fn new(database: Database) -> Self {
        let c_string = |text: String| CString::new(text).unwrap_or_default();
        let digest = c_string(database.digest());
        let fallback = database.info().fallback.as_ref().map(|error| c_string(error.to_string()));
        hmk_database { database, digest, fallback }
    }
}

/// Opens a database: a store directory, a release directory, a .hmk file, or, with HMK_ALLOW_UNSIGNED, a raw image.
/// `policy` is the path of a policy file; null stands for the policy that a store was installed with. The database has
/// to be freed by hmk_database_free.
///
/// # Safety
/// `path` and `policy` end with a zero, or `policy` is null; `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_database_open(
    path: *const c_char,
    policy: *const c_char,
    flags: u32,
    out: *mut *mut hmk_database,
) -> hmk_status {
    guard(|| {
        let open = || {
            if flags & !(HMK_ALLOW_UNSIGNED | HMK_SEALED) != 0 {
                return Err(Failure::argument("unknown flags"));
            }
            // SAFETY: as the caller promises.
            let path = unsafe { self::path(path, "the path of the database") }?;
            let policy = if policy.is_null() {
                None
            } else {
                // SAFETY: as the caller promises.
                Some(read_policy(unsafe { self::path(policy, "the path of the policy") }?)?)
            };
            let has = |flag: u32| flags & flag != 0;
            let policy =
                LoadPolicy { policy, allow_unsigned: has(HMK_ALLOW_UNSIGNED), sealed: has(HMK_SEALED) };
            Ok(hmk_database::new(Database::open(path, &policy)?))
        };
        // SAFETY: as the caller promises.
        unsafe { give(out, open) }
    })
}

fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let refused = |why: &dyn ToString| {
        let message = format!("cannot use the policy {}: {}", path.display(), why.to_string());
        Failure::new(hmk_status::HMK_REFUSED, message)
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| refused(&error))?;
    file.take(MAX_POLICY).read_to_end(&mut text).map_err(|error| refused(&error))?;
    Policy::parse(&text).map_err(|error| refused(&error))
}

/// Makes a database of a raw image in memory, which is copied: for tests, and for databases embedded in a program.
/// Nobody's signature is asked for.
///
/// # Safety
/// `image` has `len` bytes; `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_database_from_image(
    image: *const u8,
    len: usize,
    out: *mut *mut hmk_database,
) -> hmk_status {
    guard(|| {
        // SAFETY: as the caller promises.
        let make = || Ok(hmk_database::new(Database::from_image_bytes(unsafe { bytes(image, len) }?)?));
        // SAFETY: as the caller promises.
        unsafe { give(out, make) }
    })
}

/// The identity of the database: "sha256:" and 64 hexadecimal digits. Valid as long as the database; null for null.
///
/// # Safety
/// `database` is null or not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_database_digest(database: *const hmk_database) -> *const c_char {
    // SAFETY: as the caller promises.
    unsafe { shared(database) }.map_or(std::ptr::null(), |database| database.digest.as_ptr())
}

/// Why a store gave the database before the one in force, or null if it didn't. An agent should raise an alarm. Valid as
/// long as the database.
///
/// # Safety
/// `database` is null or not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_database_fallback(database: *const hmk_database) -> *const c_char {
    // SAFETY: as the caller promises.
    let database = unsafe { shared(database) };
    database.ok().and_then(|database| database.fallback.as_ref()).map_or(std::ptr::null(), |why| why.as_ptr())
}

/// Frees a database; scanners that were made of it keep what they need. Null is allowed.
///
/// # Safety
/// `database` is null or was given by this library, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_database_free(database: *mut hmk_database) {
    // SAFETY: as the caller promises.
    unsafe { take_back(database) }
}
