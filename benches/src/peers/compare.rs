//! `peers run`: every engine on the same rules and files, and the report about it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

use super::args::{CommonArgs, RunArgs};
use super::engine::{Kind, Rules};
use super::find::{Found, find, install};
use super::hyperscan::Hyperscan;
use super::measure::{self, CompileRow, Lanes, Row};
use super::memory;
use super::process::{Runner, Words};
use super::rules::{Prepared, RuleSet, tiny_file};
use super::sets::{self, HUGE, Set};
use super::store::Store;
use super::turns::Series;
use super::{Outcome, progress, report};

/// What every measurement starts with: engines, a place for files, and how long a process may take.
pub struct Session {
    /// The engines.
    pub found: Found,
    /// Runs them.
    pub runner: Runner,
    /// Removed at the end.
    pub scratch: tempfile::TempDir,
    /// How many rounds.
    pub rounds: usize,
}

/// All that `peers run` found out.
pub struct Results {
    /// The engines, with their rules.
    pub prepared: Vec<Prepared>,
    /// What there is no figure of, and why.
    pub notes: Vec<String>,
    /// The rules given.
    pub rules: RuleSet,
    /// The files scanned.
    pub sets: Vec<Set>,
    /// How many rounds.
    pub rounds: usize,
    /// Compilers.
    pub compile: Vec<CompileRow>,
    /// Size of Hallmark's packed and signed release in bytes.
    pub packed_bytes: Option<u64>,
    /// Opening the rules.
    pub open: Vec<Series>,
    /// Scans, by set (its index) and threads.
    pub scans: Vec<(usize, usize, Vec<Row>)>,
    /// Memory of one and of several processes.
    pub memory: Vec<MemoryRow>,
    /// The literals that Hyperscan searched for.
    pub hyperscan: Option<Hyperscan>,
}

/// One row of the table of memory.
pub struct MemoryRow {
    /// Set that was scanned.
    pub set: String,
    /// Engine.
    pub name: String,
    /// How many processes.
    pub processes: usize,
    /// Of one process, and of all.
    pub one: memory::Memory,
    /// Of all processes together.
    pub all: memory::Memory,
}

/// Measures, and writes the report.
///
/// # Errors
/// Something that every engine needs is missing, or the report can't be written.
pub fn run(args: &RunArgs) -> anyhow::Result<Outcome> {
    let session = Session::start(&args.common)?;
    let (runner, rounds, scratch) = (&session.runner, session.rounds, session.scratch.path());
    let rules = RuleSet::read(&args.common.rules)?;
    let sets = sets::load(&args.common.corpus, &args.common.sets, args.common.quick, scratch)?;
    let mut notes = session.found.absent.clone();
    let prepared = session.prepare(&rules, scratch, &mut notes)?;
    let database = measure::database(&prepared)?;
    let store = noted(&mut notes, "hallmark's store", make_store(&prepared, scratch, runner)).flatten();
    let compiled =
        |file: &&super::rules::RuleFile| prepared.first().is_none_or(|one| one.files.contains(&file.path));
    progress("compiling literals with Hyperscan");
    let hyperscan = noted(
        &mut notes,
        "hyperscan",
        Hyperscan::prepare(rules.files.iter().filter(compiled), scratch, runner),
    );

    let compile = measure::compile(&prepared, rounds, scratch, runner);
    let open = measure::open(&prepared, store.as_ref(), &tiny_file(scratch)?, rounds, runner);
    let opens = measure::open_times(&open);
    let lanes = Lanes { in_memory: database.as_ref(), hyperscan: hyperscan.as_ref(), scratch };
    let mut scans = Vec::new();
    for (at, set) in sets.iter().enumerate() {
        for &threads in &thread_counts(&args.threads) {
            let rows = measure::scan(set, threads, &prepared, &lanes, &opens, rounds, runner)?;
            scans.push((at, threads, rows));
        }
    }
    let memory = shared_memory(&sets, &prepared, store.as_ref(), args.processes, &mut notes);
    let packed = store.as_ref().and_then(|store| store.container.metadata().ok()).map(|meta| meta.len());
    let results = Results {
        prepared,
        notes,
        rules,
        sets,
        rounds,
        compile,
        packed_bytes: packed,
        open,
        scans,
        memory,
        hyperscan,
    };
    report::write(&results, &args.common.out, runner)?;
    Ok(outcome(results.scans.iter().flat_map(|(_, _, rows)| rows)))
}

/// What rows of scans come to.
pub fn outcome<'a>(rows: impl Iterator<Item = &'a Row>) -> Outcome {
    let mut outcome = Outcome::Agree;
    for row in rows {
        if row.name.starts_with(Kind::Hallmark.name()) && row.problem.is_some() {
            return Outcome::Failed;
        }
        if row.verdict.differs() {
            outcome = Outcome::Differ;
        }
    }
    outcome
}

impl Session {
    /// Finds the engines, after installing them if that was asked for.
    ///
    /// # Errors
    /// There is no engine, or the folder for the report can't be made.
    pub fn start(args: &CommonArgs) -> anyhow::Result<Self> {
        // What can fail at the end of hours is tried at the beginning.
        std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
        let runner = Runner::new(args.limit()?)?;
        if !runner.measures_memory() {
            progress("GNU time is not on PATH (`apt-get install time`); resident sets are not measured");
        }
        if let (true, Some(folder)) = (args.install, &args.peers_dir) {
            install(folder)?;
        }
        let mut found = find(&args.only, args.peers_dir.as_deref(), args.hallmark.as_deref(), &runner)?;
        if found.engines.iter().all(|engine| engine.kind != Kind::YaraX) {
            found.absent.push(
                "answers are compared with Hallmark's, because yara-x, which decides, is not measured"
                    .to_owned(),
            );
        }
        found.absent.iter().for_each(|absent| progress(absent));
        let scratch =
            tempfile::Builder::new().prefix("hallmark-peers-").tempdir().context("no temporary folder")?;
        Ok(Session { found, runner, scratch, rounds: args.rounds() })
    }

    /// Lets each engine compile the rules in `folder`. One that can't is left out, and a note says why.
    ///
    /// # Errors
    /// Hallmark can't compile them.
    pub fn prepare(
        &self,
        rules: &RuleSet,
        folder: &Path,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Vec<Prepared>> {
        let mut prepared = Vec::new();
        for engine in &self.found.engines {
            progress(&format!("preparing {}", engine.kind));
            match rules.prepare(engine, folder, &self.runner) {
                Ok(one) => prepared.push(one),
                Err(error) if engine.kind == Kind::Hallmark => return Err(error),
                Err(error) => {
                    let note = format!("{} is left out: {error:#}", engine.kind);
                    progress(&note);
                    notes.push(note);
                }
            }
        }
        Ok(prepared)
    }
}

/// The value, or a note that says why there is none.
fn noted<T>(notes: &mut Vec<String>, what: &str, result: anyhow::Result<T>) -> Option<T> {
    result
        .map_err(|error| {
            let note = format!("no figures of {what}: {error:#}");
            progress(&note);
            notes.push(note);
        })
        .ok()
}

fn make_store(prepared: &[Prepared], scratch: &Path, runner: &Runner) -> anyhow::Result<Option<Store>> {
    let Some(one) = prepared.iter().find(|one| one.engine.kind == Kind::Hallmark) else { return Ok(None) };
    progress("building, signing and installing a release");
    Store::make(&one.engine, &one.files, scratch, runner).map(Some)
}

fn thread_counts(asked: &[usize]) -> Vec<usize> {
    let mut counts = if asked.is_empty() { vec![1, measure::cores()] } else { asked.to_vec() };
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Memory while scanning the first set of several files, where the rules weigh most, and the huge one.
fn shared_memory(
    sets: &[Set],
    prepared: &[Prepared],
    store: Option<&Store>,
    processes: usize,
    notes: &mut Vec<String>,
) -> Vec<MemoryRow> {
    let several = sets.iter().find(|set| set.name != HUGE && set.files.len() > 1);
    let huge = sets.iter().find(|set| set.name == HUGE);
    let mut rows = Vec::new();
    for set in several.into_iter().chain(huge) {
        // Engines that read files instead of mapping them hold the largest one each.
        let largest = set.files.iter().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).max();
        let need_kib = largest.unwrap_or(0) / 1024 * processes as u64;
        if memory::available_kib().is_some_and(|available| available / 2 < need_kib) {
            notes.push(format!(
                "no memory of {processes} processes on {}: they might need too much",
                set.name
            ));
            continue;
        }
        for (name, command, rules) in commands(set, prepared, store) {
            progress(&format!("memory: 1 and {processes} processes on {}, {name}", set.name));
            let measured = memory::together(&command, 1, &rules)
                .and_then(|one| Ok((one, memory::together(&command, processes, &rules)?)));
            if let Some((one, all)) = noted(notes, &format!("memory of {name} on {}", set.name), measured) {
                rows.push(MemoryRow { set: set.name.clone(), name, processes, one, all });
            }
        }
    }
    rows
}

/// Name, command and rules' file of each engine; Hallmark's scans from the store.
fn commands(
    set: &Set,
    prepared: &[Prepared],
    store: Option<&Store>,
) -> Vec<(String, Words, std::path::PathBuf)> {
    let mut commands = BTreeMap::new();
    for one in prepared {
        let kind = one.engine.kind;
        let entry = match (kind, store, &one.rules) {
            (Kind::Hallmark, Some(store), _) => {
                let folder = store.folder.canonicalize().unwrap_or_else(|_| store.folder.clone());
                ("hallmark, store".to_owned(), store.scan(&set.folder, 1), folder)
            }
            (_, _, Rules::Compiled(file)) => {
                (kind.to_string(), one.engine.scan(&one.rules, &set.folder, 1), file.clone())
            }
            // Without a compiled file there is nothing to share; the memory is what compiling takes.
            (_, _, Rules::Sources(_)) => (
                kind.to_string(),
                one.engine.scan(&one.rules, &set.folder, 1),
                std::path::PathBuf::from("/nowhere"),
            ),
        };
        commands.insert(kind, entry);
    }
    commands.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::matches::Verdict;

    fn row(name: &str, verdict: Verdict, problem: Option<&str>) -> Row {
        let problem = problem.map(str::to_owned);
        Row { name: name.to_owned(), whole: None, net: None, peak_kib: None, found: None, verdict, problem }
    }

    #[test]
    fn differences_and_our_own_failures_decide() {
        let differs = || Verdict::Differs { missing: 1, extra: 0, examples: Vec::new() };
        let of = |rows: &[Row]| outcome(rows.iter());
        assert_eq!(
            of(&[row("hallmark", Verdict::Same, None), row("yara", Verdict::Same, Some("slow"))]),
            Outcome::Agree
        );
        assert_eq!(
            of(&[row("hallmark", Verdict::Same, None), row("yara", differs(), None)]),
            Outcome::Differ
        );
        assert_eq!(
            of(&[row("yara", differs(), None), row("hallmark", Verdict::Same, Some("x"))]),
            Outcome::Failed
        );
    }

    #[test]
    fn thread_counts_are_sorted_and_single() {
        assert_eq!(thread_counts(&[4, 1, 4]), [1, 4]);
        assert_eq!(thread_counts(&[])[0], 1);
    }
}
