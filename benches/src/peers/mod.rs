//! The side-by-side measurement. [`run`] is the list of its parts:
//!
//! | part | module |
//! |---|---|
//! | which engines there are, and how they are called | `find`, `engine`, `process` |
//! | rules, and each engine's share of them | `rules`, `split`, `mutate` |
//! | files | `corpus`, `wheels`, `sets` |
//! | rounds, figures and matches | `turns`, `stats`, `matches`, `measure`, `memory`, `store`, `hyperscan` |
//! | a whole measurement | `compare`, `scaling` |
//! | what is written | `report`, `drawings`, `growth`, `table`, `plot` |

pub mod args;
mod compare;
mod corpus;
mod drawings;
mod engine;
mod find;
mod growth;
mod hyperscan;
mod matches;
mod measure;
mod memory;
mod mutate;
mod plot;
mod process;
mod report;
mod rules;
mod scaling;
mod sets;
mod split;
mod stats;
mod store;
mod table;
mod turns;
mod wheels;

use std::io::Write as _;

use args::{Command, PeersCommand};

/// What a measurement came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every engine found the same.
    Agree,
    /// An engine found something else than YARA-X or, where that has no answer, than Hallmark.
    Differ,
    /// Hallmark could not do what the others did; the report says why.
    Failed,
}

/// Does what the command line asks for.
///
/// # Errors
/// The measurement could not be made: what is missing, or what failed.
pub fn run(command: &Command) -> anyhow::Result<Outcome> {
    let Command::Peers(command) = command;
    match command {
        PeersCommand::Corpus(args) => {
            for set in corpus::make(args)? {
                let (files, bytes) = (table::grouped(set.files.len() as u64), table::grouped(set.bytes));
                progress(&format!("{}: {files} files, {bytes} bytes, sha256:{}", set.name, set.digest));
            }
            Ok(Outcome::Agree)
        }
        PeersCommand::Run(args) => compare::run(args),
        PeersCommand::Scaling(args) => scaling::run(args),
    }
}

/// Writes a line to standard error. A closed standard error is nothing to stop for.
pub fn progress(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "peers: {line}");
}
