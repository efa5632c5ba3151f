//! `hallmark scan`: files and directories against a database.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use hallmark_runtime::{Database, LoadPolicy};

use crate::archives::ArchiveArgs;
use crate::compile::CompileArgs;
use crate::externals::Define;
use crate::module_data::ModuleDataArgs;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::scan::{Columns, Format, Progress, Request, When, printer, scan};
use crate::sources::SourceArg;
use crate::trust::{TrustArgs, now, staleness};

/// Files larger than this are not read unless `--max-size` says so: a file is scanned in memory, one a thread.
const DEFAULT_MAX_SIZE: u64 = 2 << 30;

/// Scan files and directories with a database.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "hallmark scan [OPTIONS] <DB> <TARGET>...\n       hallmark scan [OPTIONS] --rules <[NS:]PATH> <TARGET>...",
    after_help = "Examples:
  hallmark scan rules.hmk --policy policy.txt /srv/uploads
  hallmark scan rules.hmk --allow-unsigned -s suspicious.bin
  hallmark scan --rules rules/ --rules apt:more.yar --format ndjson /srv > results.ndjson
  hallmark scan rules.hmk -x cuckoo=report.json suspicious.bin
  hallmark scan rules.hmk --archives --archive-size 500000000 /srv/mail
  cat sample | hallmark scan /var/lib/hallmark -

With --archives, a match in a member is printed as RULE outer.zip!inner/name.
Symbolic links named as a target are followed, links found below a target are not.
Exit code: 0 nothing matched, 1 something matched, 2 an error, or something was not evaluated."
)]
pub struct Args {
    /// Database (store directory, release directory, .hmk file, or raw image), unless --rules is given; then what to
    /// scan: files, directories (recursive), or - for standard input
    #[arg(value_name = "DB TARGET")]
    paths: Vec<PathBuf>,

    /// Compile these rules instead of loading a database; repeat for several
    #[arg(long, value_name = "[NS:]PATH")]
    rules: Vec<SourceArg>,

    #[command(flatten)]
    compile: CompileArgs,

    #[command(flatten)]
    trust: TrustArgs,

    /// List the matches of patterns: offset, pattern, bytes
    #[arg(short, long)]
    strings: bool,

    /// Print metadata
    #[arg(short, long)]
    meta: bool,

    /// Print tags
    #[arg(short = 'g', long)]
    tags: bool,

    /// Print namespaces
    #[arg(short = 'e', long)]
    namespace: bool,

    /// Print the number of matching rules of each file only
    #[arg(short, long)]
    count: bool,

    /// Print the rules that do not match
    #[arg(short, long)]
    negate: bool,

    /// Print only rules with this tag; repeat for several
    #[arg(short, long, value_name = "TAG")]
    tag: Vec<String>,

    /// Print only rules with this name; repeat for several
    #[arg(short, long, value_name = "NAME")]
    identifier: Vec<String>,

    /// Also print files without a match (formats ndjson and json)
    #[arg(long)]
    all: bool,

    /// Add the SHA-256 of each file (formats ndjson and json)
    #[arg(long)]
    sha256: bool,

    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Stop after this time; what was not scanned by then is listed as incomplete
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    timeout: Option<Duration>,

    /// Do not scan larger files; they are listed as incomplete
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MAX_SIZE)]
    max_size: u64,

    /// Most steps of verifiers and conditions for each file; what was not evaluated is listed as incomplete
    #[arg(long, value_name = "N")]
    max_steps: Option<u64>,

    #[command(flatten)]
    archives: ArchiveArgs,

    #[command(flatten)]
    module_data: ModuleDataArgs,

    /// How results are printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// When progress is shown, on standard error
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    progress: When,

    /// Print throughput and cost, on standard error
    #[arg(long)]
    stats: bool,

    /// Copy the database of a store into sealed memory instead of mapping its file, which other processes share
    #[arg(long, conflicts_with = "rules")]
    sealed: bool,

    /// Scan standard input, as the target - does
    #[arg(long)]
    stdin: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().and_then(|secs| Duration::try_from_secs_f64(secs).ok());
    seconds.filter(|time| !time.is_zero()).ok_or_else(|| "expected a number of seconds above zero".to_owned())
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (db, targets) = args.split();
    let mut targets = targets.to_vec();
    if args.stdin && !targets.iter().any(|target| target.as_os_str() == "-") {
        targets.push("-".into());
    }
    if targets.is_empty() {
        bail!("nothing to scan: give a database (or --rules PATH), then files, directories or -");
    }
    let Some((database, defines)) = args.database(db)? else { return Ok(Outcome::Incomplete) };
    let request = Request {
        strings: args.strings && !args.count,
        negate: args.negate,
        tags: args.tag.clone(),
        identifiers: args.identifier.clone(),
        sha256: args.sha256,
        deadline: args.timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        max_size: args.max_size,
        max_steps: args.max_steps,
        defines,
        module_data: args.module_data.read()?,
        archives: args.archives.limits(),
        all: args.all || args.count,
    };
    let columns = Columns { namespace: args.namespace, tags: args.tags, meta: args.meta, count: args.count };
    let mut printer = printer(args.format, columns, database.digest(), output::stdout());
    let threads = args.threads.map_or_else(all_cores, Ok)?;
    let progress = Progress::new(args.progress);
    let summary = scan(&database, &request, &targets, threads, &progress, printer.as_mut())?;
    if args.stats {
        // A closed standard error is nothing to stop for.
        let _ = summary.write_stats(&mut std::io::stderr().lock());
    }
    Ok(match summary {
        summary if summary.incomplete > 0 => Outcome::Incomplete,
        summary if summary.matched > 0 => Outcome::Matched,
        _ => Outcome::Good,
    })
}

impl Args {
    /// The database given, if one is, and the targets.
    fn split(&self) -> (Option<&Path>, &[PathBuf]) {
        match (self.rules.is_empty(), self.paths.split_first()) {
            (true, Some((db, targets))) => (Some(db), targets),
            _ => (None, &self.paths),
        }
    }

    /// The database, and the external variables still to be defined for each scan. `None` after rules with errors,
    /// which have been printed.
    fn database(&self, db: Option<&Path>) -> anyhow::Result<Option<(Database, Vec<Define>)>> {
        if let Some(db) = db {
            if let Some(option) = self.compile.compile_only() {
                bail!("{option} says how rules are compiled; it needs --rules PATH");
            }
            let policy = LoadPolicy { sealed: self.sealed, ..self.trust.load_policy()? };
            let database = Database::open(db, &policy)?;
            if let Some(reason) = &database.info().fallback {
                complain(&format!("warning: the database before the current one is in use: {reason}"));
            }
            let note = database.info().note.as_ref();
            if let Some(stale) = note.and_then(|note| staleness(note.release(), now())) {
                complain(&format!("warning: {stale}"));
            }
            if let Some(reason) = &database.info().unwatched {
                complain(&format!(
                    "note: a crash of this scan would not count against the database: {reason}"
                ));
            }
            return Ok(Some((database, self.compile.defines.clone())));
        }
        if self.rules.is_empty() {
            bail!("nothing to scan with: give a database or --rules PATH");
        }
        let compiled = self.compile.run(&self.rules, false, self.threads)?;
        compiled.print_diagnostics();
        let Some(image) = &compiled.compilation.image else { return Ok(None) };
        Ok(Some((Database::from_image_bytes(image)?, Vec::new())))
    }
}

/// As many threads as there are cores.
pub fn all_cores() -> anyhow::Result<NonZeroUsize> {
    std::thread::available_parallelism().context("cannot tell the number of cores; give --threads")
}
