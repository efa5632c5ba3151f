//! Scanning: candidates, confirmation, verification and conditions.
