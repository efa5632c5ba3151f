//! Ending scans from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::border::{give, shared, take_back};
use crate::error::{guard, hmk_status};

/// A switch that ends scans, which any thread may turn.
pub struct hmk_cancel(pub(crate) Arc<AtomicBool>);

/// Makes a switch that is off.
///
/// # Safety
/// `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_cancel_new(out: *mut *mut hmk_cancel) -> hmk_status {
    // SAFETY: as the caller promises.
    guard(|| unsafe { give(out, || Ok(hmk_cancel(Arc::default()))) })
}

/// Turns a switch on or off. On ends the running scans of all scanners that have it, within some milliseconds, and
/// keeps them from scanning; their reports are incomplete. May be called while they scan, from any thread.
///
/// # Safety
/// `cancel` was made by hmk_cancel_new and is not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_cancel_set(cancel: *const hmk_cancel, on: bool) -> hmk_status {
    guard(|| {
        // SAFETY: as the caller promises; what is changed is atomic.
        unsafe { shared(cancel) }?.0.store(on, Ordering::Relaxed);
        Ok(())
    })
}

/// Frees a switch; scanners that have it keep its position. Null is allowed.
///
/// # Safety
/// `cancel` is null or was made by hmk_cancel_new, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hmk_cancel_free(cancel: *mut hmk_cancel) {
    // SAFETY: as the caller promises.
    unsafe { take_back(cancel) }
}
