//! One module a command: its arguments and what it does.

pub mod audit;
pub mod build;
pub mod check;
pub mod cosign;
pub mod delta;
pub mod diff;
pub mod dump;
pub mod fmt;
pub mod inspect;
pub mod install;
pub mod key;
pub mod scan;
pub mod scan_worker;
pub mod self_test;
pub mod sign;
pub mod status;
pub mod try_out;
pub mod verify;
