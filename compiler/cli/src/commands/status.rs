//! `hallmark status`: what a store holds, and whether it can be used.

use std::path::PathBuf;

use hallmark_image::Image;
use hallmark_store::{LoadPolicy, open_current, store_state};

use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::trust::{EXPIRED, now, refused, staleness};

/// Show a store: the database in force, the one before it, and whether the checks of a load succeed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallmark status --store /var/lib/hallmark

Exit code: 0 good, 1 the database in force cannot be used or is stale, 2 usage or no store.")]
pub struct Args {
    /// Store directory
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let state = match store_state(&args.store) {
        Ok(state) => state,
        Err(error) => return refused(error),
    };
    let mut text = format!(
        "store {}\ndb {}\nfloor {}\ncurrent serial {} {}\n",
        escape::path(&args.store),
        state.db,
        state.floor,
        state.current.serial,
        state.current.image
    );
    if let Some(previous) = &state.previous {
        text.push_str(&format!("previous serial {} {}\n", previous.serial, previous.image));
    }
    let accept = |bytes: &[u8]| Image::parse_undigested(bytes).map(drop).map_err(|error| error.to_string());
    // The stored policy judges, as it does when an agent loads the database.
    let problem = match open_current(&args.store, &LoadPolicy::default(), accept) {
        Err(error) => Some(error.to_string()),
        Ok(loaded) => match (&loaded.info.fallback, &loaded.info.note) {
            (Some(reason), _) => Some(format!("the database before the current one is in use: {reason}")),
            (None, Some(note)) => match staleness(note.release(), now()) {
                Some(EXPIRED) => Some(EXPIRED.to_owned()),
                warning => {
                    warning.iter().for_each(|warning| complain(&format!("warning: {warning}")));
                    None
                }
            },
            (None, None) => None,
        },
    };
    text.push_str(&format!("state {}\n", if problem.is_some() { "bad" } else { "good" }));
    output::print(&text)?;
    let Some(problem) = problem else { return Ok(Outcome::Good) };
    complain(&format!("refused: {problem}"));
    Ok(Outcome::Refused)
}
