//! Images that are wrong although their digests are right: what a signer with bad intentions, or a bug of the compiler,
//! could hand out. [`samples`] are valid ones, [`fields`] says where their numbers are, [`Forger`] changes them, and
//! [`judge`] says what has to hold for whatever can still be parsed.

mod fields;
mod forger;
mod judge;
mod samples;

pub use fields::{Field, fields};
pub use forger::{Forger, digested, laid_out, sections};
pub use judge::{Answer, STEPS, judge, scan_whole};
pub use samples::{DATA, Sample, sampler, samples};
