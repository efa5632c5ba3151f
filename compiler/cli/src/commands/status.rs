//! `hallmark status`: what a store holds, and whether it can be used.

use std::path::{Path, PathBuf};

use hallmark_image::Image;
use hallmark_store::{
    DatabaseInfo, Entry, GuardState, LoadPolicy, LoadedDatabase, MAX_CRASHES, State, guard_state,
    open_current, store_state,
};
use serde_json::{Value, json};

use super::audit::rfc3339;
use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output::{self, Format};
use crate::trust::{EXPIRED, now, refused, staleness};

/// Show a store: the database in force, the one before it, and whether the checks of a load succeed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark status --store /var/lib/hallmark
  hallmark status --store /var/lib/hallmark --format json

Exit code: 0 good, 1 the database in force cannot be used or is stale, 2 usage or no store.")]
pub struct Args {
    /// Store directory
    #[arg(long, value_name = "DIR")]
    store: PathBuf,

    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let state = match store_state(&args.store) {
        Ok(state) => state,
        Err(error) => return refused(error),
    };
    let status = Status::new(&args.store, state);
    match args.format {
        Format::Text => output::print(&status.text(&args.store))?,
        Format::Json => output::print_json(&status.json(&args.store))?,
    }
    if let Some(warning) =
        status.in_use.as_ref().and_then(|in_use| in_use.clock).filter(|&said| said != EXPIRED)
    {
        complain(&format!("warning: {warning}"));
    }
    let Some(problem) = &status.problem else { return Ok(Outcome::Good) };
    complain(&format!("refused: {problem}"));
    Ok(Outcome::Refused)
}

struct Status {
    state: State,
    /// Of the current image; or why it is not known.
    guard: Result<GuardState, String>,
    in_use: Option<InUse>,
    problem: Option<String>,
}

/// The database that a scan would use.
struct InUse {
    serial: Option<u64>,
    image: String,
    expires: Option<u64>,
    /// What the clock says against it.
    clock: Option<&'static str>,
    self_tests: usize,
    fallback: Option<String>,
}

impl Status {
    fn new(store: &Path, state: State) -> Self {
        let mut self_tests = 0;
        let accept = |bytes: &[u8]| {
            let image = Image::parse_undigested(bytes).map_err(|error| error.to_string())?;
            self_tests = image.self_tests().len();
            Ok(())
        };
        // The stored policy judges, as it does when an agent loads the database.
        let opened = open_current(store, &LoadPolicy::default(), accept);
        let (in_use, problem) = match opened {
            Err(error) => (None, Some(error.to_string())),
            Ok(LoadedDatabase { info, .. }) => {
                let in_use = InUse::new(&info, self_tests);
                let problem = in_use.problem();
                (Some(in_use), problem)
            }
        };
        let guard = guard_state(store, &state.current.image).map_err(|error| error.to_string());
        Self { state, guard, in_use, problem }
    }

    fn text(&self, store: &Path) -> String {
        let State { db, floor, current, previous } = &self.state;
        let mut text = format!("store {}\ndb {db}\nfloor {floor}\n", escape::path(store));
        let entry = |name: &str, entry: &Entry| format!("{name} serial {} {}\n", entry.serial, entry.image);
        text += &entry("current", current);
        text += &previous.iter().map(|previous| entry("previous", previous)).collect::<String>();
        if let Some(in_use) = &self.in_use {
            let expires = in_use.expires.map_or_else(|| "never".to_owned(), rfc3339);
            let serial = in_use.serial.map_or_else(String::new, |serial| format!(" serial {serial}"));
            text += &format!("in use{serial} {}\n", in_use.image);
            text += &format!("expires {expires}{}\n", if in_use.is_stale() { " (stale)" } else { "" });
            text += &format!("self-tests {}\n", in_use.self_tests);
        }
        text += &format!("guard {}\n", self.guard_words());
        text + &format!("state {}\n", self.word())
    }

    fn guard_words(&self) -> String {
        match &self.guard {
            Err(why) => format!("unknown: {why}"),
            Ok(GuardState { finished: true, .. }) => "a scan has finished".to_owned(),
            Ok(guard) if guard.is_refused() => {
                format!("refused: {} crashes before a first finished scan", guard.crashes)
            }
            Ok(guard) => format!("no scan has finished yet, {} of {MAX_CRASHES} crashes", guard.crashes),
        }
    }

    fn word(&self) -> &'static str {
        if self.problem.is_some() { "bad" } else { "good" }
    }

    fn json(&self, store: &Path) -> Value {
        let entry = |entry: &Entry| json!({"serial": entry.serial, "image": entry.image.to_string()});
        let guard = match &self.guard {
            Ok(guard) => json!({
                "finished": guard.finished, "crashes": guard.crashes, "most": MAX_CRASHES, "refused": guard.is_refused(),
            }),
            Err(why) => json!({"unknown": why}),
        };
        let in_use = self.in_use.as_ref().map(|in_use| {
            json!({
                "serial": in_use.serial, "image": in_use.image, "expires": in_use.expires, "stale": in_use.is_stale(),
                "self_tests": in_use.self_tests, "fallback": in_use.fallback,
            })
        });
        json!({
            "store": escape::path(store),
            "db": self.state.db,
            "floor": self.state.floor,
            "current": entry(&self.state.current),
            "previous": self.state.previous.as_ref().map(entry),
            "in_use": in_use,
            "guard": guard,
            "state": self.word(),
            "problem": self.problem,
        })
    }
}

impl InUse {
    fn new(info: &DatabaseInfo, self_tests: usize) -> Self {
        let release = info.note.as_ref().map(|note| note.release());
        Self {
            serial: release.map(|release| release.serial),
            image: info.digest.to_string(),
            expires: release.and_then(|release| release.expires),
            clock: release.and_then(|release| staleness(release, now())),
            self_tests,
            fallback: info.fallback.as_ref().map(ToString::to_string),
        }
    }

    fn is_stale(&self) -> bool {
        self.clock == Some(EXPIRED)
    }

    fn problem(&self) -> Option<String> {
        match &self.fallback {
            Some(why) => Some(format!("the database before the current one is in use: {why}")),
            None => self.is_stale().then(|| EXPIRED.to_owned()),
        }
    }
}
