//! What is measured of every engine: compiling, opening, scanning a set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use hallmark_runtime::{Database, LoadPolicy};

use super::engine::{Engine, Kind, Rules};
use super::hyperscan::Hyperscan;
use super::matches::{Matches, Verdict};
use super::process::{Runner, Words};
use super::progress;
use super::rules::Prepared;
use super::sets::Set;
use super::stats::{Spread, net_of_open};
use super::store::Store;
use super::turns::{Answer, Job, Sample, Series, take_turns};

/// Name of the row of scanning without a process or a file.
pub const IN_MEMORY: &str = "hallmark, in memory";

/// One row of a table of scans.
#[derive(Debug, Clone)]
pub struct Row {
    /// Engine, or lane.
    pub name: String,
    /// Seconds of the whole process.
    pub whole: Option<Spread>,
    /// Seconds without opening the rules; of lanes that are no process, what was timed.
    pub net: Option<Spread>,
    /// Largest resident set in KiB.
    pub peak_kib: Option<u64>,
    /// Pairs of file and rule, or literals, that were found.
    pub found: Option<u64>,
    /// Whether the same was found as by the engine of [`reference`].
    pub verdict: Verdict,
    /// Why there are no figures.
    pub problem: Option<String>,
}

/// One row of the table of compilers.
#[derive(Debug, Clone)]
pub struct CompileRow {
    /// Seconds and memory.
    pub series: Series,
    /// Size of what was written, in bytes.
    pub bytes: Option<u64>,
}

/// Compiles the rules with each engine. Hallmark's compiler uses threads; it has a row with one and a row with all.
pub fn compile(prepared: &[Prepared], rounds: usize, scratch: &Path, runner: &Runner) -> Vec<CompileRow> {
    let cores = cores();
    let mut outputs = Vec::new();
    let mut jobs = Vec::new();
    for one in prepared {
        let engine = &one.engine;
        let threads: &[usize] = if engine.kind == Kind::Hallmark && cores > 1 { &[1, cores] } else { &[1] };
        for &threads in threads {
            let name = if threads == 1 {
                engine.kind.to_string()
            } else {
                format!("{}, {threads} threads", engine.kind)
            };
            let output = scratch.join(format!("{}-{threads}.measured", engine.kind));
            let words = engine.compile(&one.files, &output, threads);
            outputs.push(output.clone());
            let run = move || {
                // boreal does not overwrite.
                let _ = std::fs::remove_file(&output);
                let done = runner.must(&words, &[0])?;
                Ok(Sample { seconds: done.seconds, peak_kib: done.peak_kib, answer: Answer::Nothing })
            };
            jobs.push(Job { name, run: Box::new(run) });
        }
    }
    let series = take_turns("compile", rounds, jobs);
    let size = |path: PathBuf| path.metadata().ok().map(|meta| meta.len());
    series
        .into_iter()
        .zip(outputs)
        .map(|(series, output)| CompileRow { series, bytes: size(output) })
        .collect()
}

/// Opens the rules with each engine: scans a file of one byte. The rows of Hallmark's store and of its packed release
/// follow, if there is a store.
pub fn open(
    prepared: &[Prepared],
    store: Option<&Store>,
    tiny: &Path,
    rounds: usize,
    runner: &Runner,
) -> Vec<Series> {
    let mut jobs: Vec<Job<'_>> = prepared
        .iter()
        .map(|one| {
            opening(one.engine.kind.to_string(), one.engine.scan(&one.rules, tiny, 1), &one.engine, runner)
        })
        .collect();
    let hallmark = prepared.iter().find(|one| one.engine.kind == Kind::Hallmark);
    if let (Some(store), Some(one)) = (store, hallmark) {
        jobs.push(opening("hallmark, store".to_owned(), store.scan(tiny, 1), &one.engine, runner));
        jobs.push(opening("hallmark, packed".to_owned(), store.scan_packed(tiny, 1), &one.engine, runner));
    }
    take_turns("open", rounds, jobs)
}

fn opening<'a>(name: String, words: Words, engine: &'a Engine, runner: &'a Runner) -> Job<'a> {
    let run = move || {
        let done = runner.must(&words, engine.good_scan())?;
        Ok(Sample { seconds: done.seconds, peak_kib: done.peak_kib, answer: Answer::Nothing })
    };
    Job { name, run: Box::new(run) }
}

/// The median time of opening, by the name of the row.
pub fn open_times(rows: &[Series]) -> BTreeMap<String, f64> {
    let time = |row: &Series| Some((row.name.clone(), Spread::of(row.seconds.iter().copied())?.median));
    rows.iter().filter_map(time).collect()
}

/// Lanes that are measured with one thread beside the engines.
pub struct Lanes<'a> {
    /// Hallmark's own database, to scan files that lie in memory.
    pub in_memory: Option<&'a Database>,
    /// The literals alone.
    pub hyperscan: Option<&'a Hyperscan>,
    /// Where the lanes may write.
    pub scratch: &'a Path,
}

/// The database that Hallmark compiled, opened in this process; `None` if Hallmark is not among the engines.
///
/// # Errors
/// It can't be opened, although the command could.
pub fn database(prepared: &[Prepared]) -> anyhow::Result<Option<Database>> {
    let Some(one) = prepared.iter().find(|one| one.engine.kind == Kind::Hallmark) else { return Ok(None) };
    let Rules::Compiled(path) = &one.rules else { bail!("hallmark scans with sources") };
    Ok(Some(Database::open(path, &LoadPolicy::unsigned()).context("the database that was just built")?))
}

/// Scans a set with each engine, in rounds, and compares what they find.
///
/// # Errors
/// A file of the set can't be read, or a lane can't be set up.
pub fn scan(
    set: &Set,
    threads: usize,
    prepared: &[Prepared],
    lanes: &Lanes<'_>,
    opens: &BTreeMap<String, f64>,
    rounds: usize,
    runner: &Runner,
) -> anyhow::Result<Vec<Row>> {
    let mut jobs: Vec<Job<'_>> = prepared.iter().map(|one| scanning(one, set, threads, runner)).collect();
    if let (Some(database), 1) = (lanes.in_memory, threads) {
        jobs.push(in_memory(database, set)?);
    }
    if let (Some(hyperscan), 1) = (lanes.hyperscan, threads) {
        jobs.push(hyperscan.job(set, lanes.scratch, runner)?);
    }
    let what = format!("{}, {threads} thread{}", set.name, if threads == 1 { "" } else { "s" });
    let series = take_turns(&what, rounds, jobs);
    Ok(series.iter().map(|one| row(one, &series, prepared, opens)).collect())
}

fn scanning<'a>(one: &'a Prepared, set: &'a Set, threads: usize, runner: &'a Runner) -> Job<'a> {
    let engine = &one.engine;
    let words = engine.scan(&one.rules, &set.folder, threads);
    let run = move || {
        let done = runner.must(&words, engine.good_scan())?;
        let matches = Matches::parse(&done.stdout, &set.folder);
        Ok(Sample { seconds: done.seconds, peak_kib: done.peak_kib, answer: Answer::Matches(matches) })
    };
    Job { name: engine.kind.to_string(), run: Box::new(run) }
}

/// Files that were read before, scanned through the library by one thread. Only the scans are timed.
fn in_memory<'a>(database: &'a Database, set: &'a Set) -> anyhow::Result<Job<'a>> {
    let mut files = Vec::new();
    for path in &set.files {
        let data = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let below = path.strip_prefix(&set.folder).unwrap_or(path).to_string_lossy().into_owned();
        files.push((below, data));
    }
    let run = move || {
        let mut scanner = database.scanner();
        // As the peers are asked: which rules match, not where.
        scanner.fast(true);
        let mut matches = Matches::default();
        let mut seconds = 0.0;
        for (name, data) in &files {
            let started = Instant::now();
            let report = scanner.scan(data)?;
            seconds += started.elapsed().as_secs_f64();
            if !report.incomplete().is_empty() {
                bail!("{name} was not scanned completely");
            }
            report.matches().for_each(|rule| matches.insert(rule.rule(), name));
        }
        Ok(Sample { seconds, peak_kib: None, answer: Answer::Matches(matches) })
    };
    Ok(Job { name: IN_MEMORY.to_owned(), run: Box::new(run) })
}

fn row(one: &Series, all: &[Series], prepared: &[Prepared], opens: &BTreeMap<String, f64>) -> Row {
    let seconds = Spread::of(one.seconds.iter().copied());
    let (whole, net) = match opens.get(&one.name) {
        Some(&open) => {
            let net: Option<Vec<f64>> =
                one.seconds.iter().map(|&seconds| net_of_open(seconds, open)).collect();
            (seconds, Spread::of(net.unwrap_or_default()))
        }
        None if prepared.iter().any(|p| p.engine.kind.name() == one.name) => (seconds, None),
        None => (None, seconds),
    };
    let found = match &one.answer {
        Answer::Nothing => None,
        Answer::Matches(matches) => Some(matches.count() as u64),
        Answer::Literals(count) => Some(*count),
    };
    let verdict = verdict(one, all, prepared);
    if let Verdict::Differs { examples, .. } = &verdict {
        progress(&format!("{} finds something else: {}", one.name, examples.join(", ")));
    }
    Row {
        name: one.name.clone(),
        whole,
        net,
        peak_kib: one.peak_kib,
        found,
        verdict,
        problem: one.problem.clone(),
    }
}

fn verdict(one: &Series, all: &[Series], prepared: &[Prepared]) -> Verdict {
    let answers = |name: &str| {
        let series = all.iter().find(|series| series.name == name)?;
        if let Answer::Matches(matches) = &series.answer { Some(matches) } else { None }
    };
    let reference = reference(|name| answers(name).is_some());
    let (Answer::Matches(ours), Some(theirs)) = (&one.answer, answers(reference)) else {
        return Verdict::NotCompared;
    };
    if one.name == reference {
        return Verdict::NotCompared;
    }
    let name = if one.name == IN_MEMORY { Kind::Hallmark.name() } else { &one.name };
    let concerned = prepared.iter().filter(|p| [name, reference].contains(&p.engine.kind.name()));
    let dropped: BTreeSet<String> = concerned.flat_map(|p| p.dropped.iter().cloned()).collect();
    ours.beside(theirs, &dropped)
}

/// The engine that the others are compared with: YARA-X, or Hallmark where YARA-X has no answer (`answered` tells).
pub fn reference(answered: impl Fn(&str) -> bool) -> &'static str {
    if answered(Kind::YaraX.name()) { Kind::YaraX.name() } else { Kind::Hallmark.name() }
}

/// How many threads this machine runs at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
