//! What the tests of the whole system share.
//!
//! Behaviour is data: a [`Case`] is rules, an input and the expected answer, one JSON object a line. [`run`] judges it
//! the way a user would meet it: compile, write the image, parse the image's bytes again, scan, look at the report.
//! [`RulePack`] is the project's own rules with their cases, and [`reference`] holds slow and obvious
//! implementations that the engine is compared with: a [`Trial`] does that, over what [`generate`] makes up or
//! [`fuzz`] changes. [`signed`] makes releases that a policy of two keys accepts, [`forge`] images that are
//! wrong although their digests are right.

#![forbid(unsafe_code)]

mod case;
pub mod forge;
pub mod fuzz;
pub mod generate;
mod known;
mod pack;
pub mod reference;
mod rulesets;
mod run;
pub mod signed;
mod summary;
mod trial;

pub use case::{Case, Expect, MatchRow, read_cases};
pub use known::KnownDifferences;
pub use pack::{PackCase, RulePack};
pub use rulesets::rule_files;
pub use run::{NoIncludes, Outcome, TIME_LIMIT, compile_text, run, run_bounded};
pub use summary::Summary;
pub use trial::{Trial, Verdict};
