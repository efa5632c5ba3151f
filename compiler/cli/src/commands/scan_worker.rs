//! `hallmark scan-worker`: the confined side of `hallmark scan --sandbox`. Not for users: it takes a database and open files
//! from a socket that is its standard input.

use crate::outcome::Outcome;
use crate::scan::serve;

/// Runs the command.
pub fn run() -> anyhow::Result<Outcome> {
    serve()?;
    Ok(Outcome::Good)
}
