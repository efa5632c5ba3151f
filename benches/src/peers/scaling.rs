//! `peers scaling`: throughput for growing numbers of rules.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::args::ScalingArgs;
use super::compare::{Session, outcome};
use super::engine::Kind;
use super::measure::{self, Lanes, Row};
use super::mutate::Model;
use super::rules::{RuleFile, RuleSet, tiny_file};
use super::sets::{self, Set};
use super::split::{Whole, split};
use super::turns::Series;
use super::{Outcome, growth as growth_report, progress};
use hallmark_benches::random::Random;

/// Rules a file, so that no file is larger than what people write.
const RULES_PER_FILE: usize = 1000;

/// All that was found out about growing.
pub struct Growth {
    /// The sets that were scanned.
    pub sets: Vec<Set>,
    /// How many real rules stand alone; what goes beyond are copies.
    pub real: usize,
    /// How many rounds.
    pub rounds: usize,
    /// Names and versions of the engines.
    pub engines: Vec<(Kind, String)>,
    /// One step for each number of rules.
    pub steps: Vec<Step>,
    /// What there is no figure of, and why.
    pub notes: Vec<String>,
}

/// One number of rules.
pub struct Step {
    /// How many rules.
    pub count: usize,
    /// Bytes of their text.
    pub bytes: u64,
    /// Opening them.
    pub open: Vec<Series>,
    /// Compiling them.
    pub compile: Vec<measure::CompileRow>,
    /// Scanning, by set.
    pub scans: Vec<Vec<Row>>,
}

/// Measures, and writes the report.
///
/// # Errors
/// Something that every engine needs is missing, or the report can't be written.
pub fn run(args: &ScalingArgs) -> anyhow::Result<Outcome> {
    let mut session = Session::start(&args.common)?;
    let scratch = session.scratch.path().to_owned();
    let mut notes = session.found.absent.clone();
    let set = RuleSet::read(&args.common.rules)?;
    let sets = chosen_sets(args, &scratch)?;
    let rules = common_rules(&mut session, &set, &scratch, &mut notes)?;
    let model = Model::of(&rules);
    let engines = session.found.engines.iter().map(|engine| (engine.kind, engine.version.clone())).collect();
    let rounds = session.rounds;
    let mut growth = Growth { sets, real: rules.len(), rounds, engines, steps: Vec::new(), notes };
    for count in counts(args)? {
        progress(&format!("making {count} rules"));
        let folder = scratch.join(count.to_string());
        let files = write_rules(&rules, &model, count, args.seed, &folder)?;
        let step = measure_step(&mut session, count, &files, &growth.sets, &mut growth.notes)?;
        growth.steps.push(step);
        // Written after each step, so that what takes hours is never lost.
        growth_report::write(&growth, &args.common.out)?;
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(outcome(growth.steps.iter().flat_map(|step| step.scans.iter().flatten())))
}

fn chosen_sets(args: &ScalingArgs, scratch: &Path) -> anyhow::Result<Vec<Set>> {
    let mut sets = sets::load(&args.common.corpus, &args.common.sets, args.common.quick, scratch)?;
    if args.common.sets.is_empty() {
        sets.truncate(1);
    }
    Ok(sets)
}

fn counts(args: &ScalingArgs) -> anyhow::Result<Vec<usize>> {
    let mut counts = match (args.counts.as_slice(), args.common.quick) {
        ([], true) => vec![200, 1000, 4000],
        ([], false) => vec![1000, 5000, 20_000, 100_000],
        (given, _) => given.to_vec(),
    };
    counts.sort_unstable();
    counts.dedup();
    ensure!(counts.first().is_some_and(|&least| least > 0), "--counts: give numbers from 1");
    Ok(counts)
}

/// The rules that stand alone in the files that every engine compiles.
fn common_rules(
    session: &mut Session,
    set: &RuleSet,
    scratch: &Path,
    notes: &mut Vec<String>,
) -> anyhow::Result<Vec<Whole>> {
    let prepared = session.prepare(set, scratch, notes)?;
    keep(session, &prepared.iter().map(|one| one.engine.kind).collect::<Vec<_>>());
    let common = |file: &&RuleFile| prepared.iter().all(|one| one.files.contains(&file.path));
    let files: Vec<&RuleFile> = set.files.iter().filter(common).collect();
    let rules = split(&files);
    ensure!(!rules.is_empty(), "no rule stands alone in files that all engines compile");
    Ok(rules)
}

/// Writes `count` rules: the real ones in an order that follows from the seed, then copies of them in the same order,
/// so that a larger number contains a smaller one.
fn write_rules(
    rules: &[Whole],
    model: &Model,
    count: usize,
    seed: u64,
    folder: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut order: Vec<&Whole> = rules.iter().collect();
    Random::new(seed).shuffle(&mut order);
    let endless = (0..).flat_map(|copy| order.iter().map(move |rule| (copy, *rule)));
    let wanted: Vec<(usize, &Whole)> = endless.take(count).collect();
    let mut files = Vec::new();
    for (number, chunk) in wanted.chunks(RULES_PER_FILE).enumerate() {
        let imports: std::collections::BTreeSet<&String> =
            chunk.iter().flat_map(|(_, rule)| &rule.imports).collect();
        let mut text = Vec::new();
        for module in imports {
            text.extend_from_slice(format!("import \"{module}\"\n").as_bytes());
        }
        for &(copy, rule) in chunk {
            match copy {
                0 => text.extend_from_slice(&rule.text),
                _ => text.extend(model.copy(rule, copy, seed)),
            }
            text.extend_from_slice(b"\n\n");
        }
        let path = folder.join(format!("part-{number:04}.yar"));
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        files.push(path);
    }
    Ok(files)
}

/// Measures one number of rules. Engines that can't manage it are not asked about larger ones.
fn measure_step(
    session: &mut Session,
    count: usize,
    files: &[PathBuf],
    sets: &[Set],
    notes: &mut Vec<String>,
) -> anyhow::Result<Step> {
    let set = RuleSet::read(files)?;
    let folder = files.first().and_then(|file| file.parent()).context("a folder of rules")?.to_owned();
    let mut said = Vec::new();
    let prepared = session.prepare(&set, &folder, &mut said)?;
    for one in prepared.iter().filter(|one| !one.refused.is_empty()) {
        said.push(format!(
            "{} refuses {} files and scans with {} rules",
            one.engine.kind,
            one.refused.len(),
            one.rule_count
        ));
    }
    notes.extend(said.into_iter().map(|note| format!("{count} rules: {note}")));
    let (runner, rounds) = (session.runner.clone(), session.rounds);
    // Compiling 100,000 rules takes minutes, and once tells as much as five times.
    let compile = measure::compile(&prepared, 1, &folder, &runner);
    let open = measure::open(&prepared, None, &tiny_file(&folder)?, rounds, &runner);
    let opens = measure::open_times(&open);
    let database = measure::database(&prepared)?;
    let lanes = Lanes { in_memory: database.as_ref(), hyperscan: None, scratch: &folder };
    let mut scans = Vec::new();
    for set in sets {
        scans.push(measure::scan(set, 1, &prepared, &lanes, &opens, rounds, &runner)?);
    }
    let failed =
        |kind: Kind| scans.iter().flatten().any(|row| row.name == kind.name() && row.problem.is_some());
    let managing: Vec<Kind> =
        prepared.iter().map(|one| one.engine.kind).filter(|&kind| !failed(kind)).collect();
    keep(session, &managing);
    Ok(Step { count, bytes: set.bytes(), open, compile, scans })
}

/// Goes on with these engines alone.
fn keep(session: &mut Session, kinds: &[Kind]) {
    session.found.engines.retain(|engine| kinds.contains(&engine.kind));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_set_begins_with_the_smaller_one() {
        let text = br#"import "pe" rule a { strings: $x = "abcdef" condition: $x and pe.is_pe } rule b { condition: true }"#;
        let names = vec!["a".to_owned(), "b".to_owned()];
        let rules = split(&[&RuleFile { path: "a.yar".into(), text: text.to_vec(), rules: names }]);
        let model = Model::of(&rules);
        let folder = tempfile::tempdir().unwrap();
        let written = |count: usize, name: &str| {
            let files = write_rules(&rules, &model, count, 5, &folder.path().join(name)).unwrap();
            RuleSet::read(&files).unwrap().files.remove(0)
        };
        let (few, many) = (written(2, "few"), written(7, "many"));
        assert_eq!((few.rules.len(), many.rules.len()), (2, 7));
        assert!(
            many.text.starts_with(few.text.trim_ascii_end()) && many.text.starts_with(b"import \"pe\"\n")
        );
        let distinct: std::collections::BTreeSet<&String> = many.rules.iter().collect();
        assert_eq!(distinct.len(), 7);
        assert_eq!(written(7, "again").text, many.text);
    }
}
