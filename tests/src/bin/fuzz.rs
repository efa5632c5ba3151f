//! Fuzzes a target: tries changed inputs of the corpus in another process, and keeps those that fail.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use hallmark_tests::fuzz::{Event, Limits, Plan, TARGETS, Target, Watch, corpus};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Fuzzes a target: tries changed inputs of the corpus, and keeps those that fail.
#[derive(Debug, Parser)]
struct Args {
    /// What to fuzz: source_compile, regex_vs_reference, condition_vs_reference, payload_decode, modules, archives,
    /// image_parse, image_scan, container_open, note_parse, capi
    target: String,

    /// End after so many seconds
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,

    /// End after so many inputs
    #[arg(long, value_name = "N", default_value_t = u64::MAX)]
    inputs: u64,

    /// Which inputs are tried: the same seed, the same inputs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// The number of the first input
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,

    /// An input that takes so many seconds hangs
    #[arg(long, value_name = "N", default_value_t = 20)]
    hang: u64,

    /// MiB of memory that the process may have
    #[arg(long, value_name = "N", default_value_t = 4096)]
    memory: u64,

    /// Where inputs that fail are kept
    #[arg(long, value_name = "DIR", default_value = "fuzz-failures")]
    out: PathBuf,

    /// Try these files instead
    #[arg(long, value_name = "FILE")]
    replay: Vec<PathBuf>,

    /// Be the process that is watched
    #[arg(long, hide = true)]
    child: bool,
}

/// After so many failures there is enough to look at.
const MAX_FAILURES: usize = 20;

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let target = TARGETS.iter().find(|target| target.name == args.target);
    let target = target.with_context(|| format!("no target is called `{}`", args.target))?;
    for path in &args.replay {
        let input = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        (target.run)(&input);
    }
    if !args.replay.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let corpus = corpus(target.name)?.into_iter().map(|(_, bytes)| bytes).collect();
    let plan = Plan::new(args.seed, corpus, target.tokens);
    if args.child { attempts(&args, target, &plan) } else { watch(&args, &plan) }
}

/// The process that is watched: tries inputs for ever.
fn attempts(args: &Args, target: &Target, plan: &Plan) -> anyhow::Result<ExitCode> {
    let bytes = Some(args.memory << 20);
    setrlimit(Resource::As, Rlimit { current: bytes, maximum: bytes }).context("cannot limit the memory")?;
    let mut out = std::io::stdout().lock();
    for index in args.first.. {
        writeln!(out, "{index}")?;
        let input = plan.input(index);
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
            writeln!(out, "!{index}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn watch(args: &Args, plan: &Plan) -> anyhow::Result<ExitCode> {
    let own = std::env::current_exe().context("cannot find this program")?;
    let command = |from: u64| {
        let mut command = Command::new(&own);
        // Where an input fails says nothing here; what failed does.
        command.env("RUST_BACKTRACE", "0");
        command.arg(&args.target).args(["--child", "--seed", &args.seed.to_string()]);
        command.args(["--first", &from.to_string(), "--memory", &args.memory.to_string()]);
        command
    };
    let limits = Limits {
        hang: Duration::from_secs(args.hang),
        time: Duration::from_secs(args.seconds),
        inputs: args.inputs,
        failures: MAX_FAILURES,
    };
    let started = Instant::now();
    let (events, next) = Watch { command, limits }.run(args.first)?;
    let mut out = std::io::stdout().lock();
    for event in &events {
        let (kind, how) = match event {
            Event::Failed(_) => ("failed", "panics"),
            Event::Hung(_) => ("hung", "takes too long"),
            Event::Died(_, how) => ("died", how.as_str()),
        };
        std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
        let path = args.out.join(format!("{}-{kind}-{}-{}", args.target, args.seed, event.index()));
        std::fs::write(&path, plan.input(event.index()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(out, "input {} {how}: {}", event.index(), path.display())?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let tried = next - args.first;
    writeln!(
        out,
        "{}: {tried} inputs in {seconds:.0} s, seed {}, {} failed",
        args.target,
        args.seed,
        events.len()
    )?;
    Ok(if events.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
