//! The attackers of `docs/threat-model.md` who bring or touch files, each held off by a named error: the store is the
//! same byte for byte, and the database in force still opens and detects.

mod bombs;
mod clock;
mod disk;
mod endpoint;
mod local;
mod mirror;
mod races;
