//! `hallmark try`: everything in one go, with keys that are thrown away.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use hallmark_container::{Demand, Policy, SignedNote, open};
use hallmark_publish::{DEFAULT_LEVEL, Release, SecretKey};
use hallmark_runtime::Database;
use hallmark_store::{LoadPolicy, ReleaseBytes, install};

use crate::compile::CompileArgs;
use crate::escape;
use crate::outcome::Outcome;
use crate::output;
use crate::release::{self, Facts, Identity};
use crate::sandbox::try_image;
use crate::scan::{Columns, FileReport, Format, Printer, Progress, Request, When, printer, scan};
use crate::selftests::TIME_LIMIT;
use crate::settings::ReleaseSettings;
use crate::sources::SourceArg;

/// The agreed test string of anti-malware scanners, its second half backwards, so that this program isn't taken for it.
const EICAR_START: &str = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$";
const EICAR_END_BACKWARDS: &str = "*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE";

/// Programs that most systems have.
const PROGRAMS: [&str; 6] =
    ["/bin/sh", "/bin/ls", "/usr/bin/env", "/usr/bin/git", "/usr/bin/perl", "/usr/bin/python3"];

/// Build, sign, verify, install, map and scan in one go, with throwaway keys in a temporary folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark try
  hallmark try ~/Downloads

Exit code: 0 when everything shown worked, matches included.")]
pub struct Args {
    /// What to scan [default: the EICAR test string and a few system programs]
    paths: Vec<PathBuf>,

    /// Rules to build [default: the folder rules/ here, above here, or above this program]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let rules = args.rules.clone().map_or_else(find_rules, Ok)?;
    let (mut release, image_bytes) = build(&rules)?;
    let policy = sign(&mut release, temporary.path())?;
    let database = install_and_map(&release, &policy, &temporary.path().join("store"), image_bytes)?;
    let eicar = temporary.path().join("eicar.txt");
    let targets = if args.paths.is_empty() { default_targets(&eicar)? } else { args.paths.clone() };
    let found = scan_targets(&database, &targets, &eicar)?;
    ensure!(
        !args.paths.is_empty() || found,
        "no rule matched the EICAR test string; {} should hold one that does",
        escape::path(&rules)
    );
    Ok(Outcome::Good)
}

fn build(rules: &Path) -> anyhow::Result<(Release, usize)> {
    let started = Instant::now();
    let sources = [SourceArg { namespace: None, path: rules.to_owned() }];
    let compiled = CompileArgs::default().run(&sources, false, None)?;
    let took = started.elapsed();
    let Some(image) = &compiled.compilation.image else {
        compiled.print_diagnostics();
        bail!("the rules in {} have errors", escape::path(rules));
    };
    let stats = &compiled.compilation.stats;
    step(
        "build",
        took,
        &format!(
            "{}: {}, {} of source, {}, {} -> image of {}",
            escape::path(rules),
            escape::count(compiled.compilation.sources.len() as u64, "file"),
            escape::size(compiled.source_bytes),
            escape::count(stats.rules, "rule"),
            escape::count(stats.patterns, "pattern"),
            escape::size(image.len() as u64)
        ),
    )?;
    let started = Instant::now();
    let identity = Identity { db: Some("try.example/core".to_owned()), serial: Some(1) };
    let source = release::manifest(&compiled.compilation.sources, &sources)?.source();
    let facts = Facts::new(&identity, &ReleaseSettings::default())?;
    let release = release::pack(&compiled, image, source, facts, None, DEFAULT_LEVEL)?;
    step("pack", started.elapsed(), &format!("payload of {}", escape::size(release.payload().len() as u64)))?;
    Ok((release, image.len()))
}

/// Signs with two new keys, one a role, and shows that the policy wants both.
fn sign(release: &mut Release, dir: &Path) -> anyhow::Result<Policy> {
    let started = Instant::now();
    let build = SecretKey::generate("try.example/build")?;
    let auditor = SecretKey::generate("auditor.example/rebuild")?;
    let policy = format!(
        "db try.example/core\nsigner build {}\nsigner auditor {}\ngroup release all build auditor\nquorum release\n",
        build.public(),
        auditor.public()
    );
    fs::write(dir.join("policy"), &policy).context("cannot write the policy")?;
    let policy = Policy::parse(policy.as_bytes())?;
    step("keys", started.elapsed(), "a build key and an auditor key; the policy wants a signature of each")?;

    let started = Instant::now();
    release.sign(&build)?;
    let refusal = match policy.judge(release.note()) {
        Err(refusal) => refusal,
        Ok(_) => bail!("a note with one of two signatures was accepted"),
    };
    step("sign", started.elapsed(), &format!("by {}; refused so far: {refusal}", build.name()))?;
    let started = Instant::now();
    release.sign(&auditor)?;
    step("sign", started.elapsed(), &format!("by {}", auditor.name()))?;
    Ok(policy)
}

fn install_and_map(
    release: &Release,
    policy: &Policy,
    store: &Path,
    image_bytes: usize,
) -> anyhow::Result<Database> {
    let started = Instant::now();
    let container = release.container()?;
    let bytes = ReleaseBytes::Packed(container);
    let verified = open(bytes.container()?, Demand::Quorum(policy))?;
    let names = verified.note().verdict().verified.join(", ");
    step("verify", started.elapsed(), &format!("good: signed by {names}; payload is the one of the note"))?;
    show_tampering(release.note(), policy)?;

    let started = Instant::now();
    let self_test = |image: &[u8]| try_image(image, TIME_LIMIT.as_secs()).map(drop);
    let installation = install(store, bytes.container()?, policy, self_test)?;
    let current = installation.state.current;
    step(
        "install",
        started.elapsed(),
        &format!("serial {} in a temporary store, {}", current.serial, current.image),
    )?;

    let started = Instant::now();
    let database = Database::open(store, &LoadPolicy::require(policy.clone()))?;
    let size = escape::size(image_bytes as u64);
    step("map", started.elapsed(), &format!("{size} mapped, hashed and proved"))?;
    Ok(database)
}

/// One changed byte of the signed text must be refused.
fn show_tampering(note: &SignedNote, policy: &Policy) -> anyhow::Result<()> {
    let text = String::from_utf8(note.to_bytes())?;
    let forged = text.replacen("\nserial 1\n", "\nserial 2\n", 1);
    let started = Instant::now();
    let judged = SignedNote::parse(forged.as_bytes()).and_then(|note| policy.judge(&note));
    let Err(refusal) = judged else { bail!("a note with a changed serial was accepted") };
    step("forge", started.elapsed(), &format!("another serial in the same note is refused: {refusal}"))
}

/// Scans, prints what matched, and tells whether `eicar` did.
fn scan_targets(database: &Database, targets: &[PathBuf], eicar: &Path) -> anyhow::Result<bool> {
    let threads = super::scan::all_cores()?;
    let request = Request { max_size: u64::MAX, ..Request::default() };
    let columns = Columns { namespace: true, tags: true, ..Columns::default() };
    let printer = printer(Format::Text, columns, database.digest(), output::stdout());
    let mut watch = Watch { printer, path: eicar, matched: false };
    let progress = Progress::new(When::Auto);
    let summary = scan(database, &request, targets, threads, &progress, &mut watch)?;
    step(
        "scan",
        summary.elapsed,
        &format!(
            "{}, {:.1} MB, {:.2} GB/s with {}; {} in {}",
            escape::count(summary.files, "file"),
            summary.bytes as f64 / 1e6,
            summary.gigabytes_per_second(),
            escape::count(threads.get() as u64, "thread"),
            escape::count(summary.matches, "matching rule"),
            escape::count(summary.matched, "file")
        ),
    )?;
    ensure!(summary.incomplete == 0, "{} targets were not scanned completely", summary.incomplete);
    Ok(watch.matched)
}

/// Prints, and notes whether a rule matched one particular file.
struct Watch<'a> {
    printer: Box<dyn Printer>,
    path: &'a Path,
    matched: bool,
}

impl Printer for Watch<'_> {
    fn print(&mut self, report: &FileReport) -> anyhow::Result<()> {
        self.matched |= report.matched && report.path == self.path;
        self.printer.print(report)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.printer.finish()
    }
}

/// The EICAR test string, written to `eicar`, and system programs.
fn default_targets(eicar: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let text: String = EICAR_START.chars().chain(EICAR_END_BACKWARDS.chars().rev()).collect();
    fs::write(eicar, text).context("cannot write the EICAR test string")?;
    let programs = PROGRAMS.iter().map(PathBuf::from).filter(|path| path.is_file());
    Ok(std::iter::once(eicar.to_owned()).chain(programs).chain(std::env::current_exe().ok()).collect())
}

/// The first folder `rules` here or above, or above this program.
fn find_rules() -> anyhow::Result<PathBuf> {
    let here = Path::new("rules");
    if here.is_dir() {
        return Ok(here.to_owned());
    }
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .map(|dir| dir.join("rules"))
        .find(|dir| dir.is_dir())
        .context("no folder rules/ here, above here or above this program; name one with --rules DIR")
}

fn step(name: &str, took: Duration, what: &str) -> anyhow::Result<()> {
    output::print(&format!("{name:<8}{:>9.1} ms  {what}\n", took.as_secs_f64() * 1e3))
}
