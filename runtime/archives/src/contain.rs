//! The border to decoders of others.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::why::Why;

/// Calls into a decoder. None is known to panic in a release build on any input, and all are fuzzed here; should one do
/// so nevertheless, its archive is damaged and the scan goes on.
pub(crate) fn contain<T>(call: impl FnOnce() -> T) -> Result<T, Why> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Why::damaged("its decoder gave up"))
}
