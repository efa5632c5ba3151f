//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::engine::Kind;
use super::wheels;

/// Measurements of Hallmark
#[derive(Debug, Parser)]
#[command(name = "hallmark-benches")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Hallmark beside YARA-X, YARA and boreal
    #[command(subcommand)]
    Peers(PeersCommand),
}

/// The parts of the comparison.
#[derive(Debug, Subcommand)]
pub enum PeersCommand {
    /// Make a repeatable corpus
    Corpus(CorpusArgs),
    /// Compile, open and scan with every engine, and write a report
    Run(RunArgs),
    /// Measure how throughput depends on the number of rules
    Scaling(ScalingArgs),
}

/// Options of `peers corpus`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hallmark-benches peers corpus --out corpus
  hallmark-benches peers corpus --out corpus --wheel scipy==1.17.1 --find-links wheels/
  hallmark-benches peers corpus --out quick-corpus --quick

Sets: elf (system programs and libraries), pe (Windows programs out of pinned PyPI wheels), text (documents and sources),
small (the first 4 KiB of others), huge (one file of all others, repeated). index.tsv lists path, size and SHA-256.")]
pub struct CorpusArgs {
    /// New folder to make the corpus in
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Package whose programs are the set pe, as NAME==VERSION; repeat for several [default: a pinned list]
    #[arg(long = "wheel", visible_alias = "wheels", value_name = "NAME==VERSION")]
    pub wheels: Vec<String>,
    /// Folder where pip looks for wheels too; repeat for several
    #[arg(long, value_name = "DIR")]
    pub find_links: Vec<PathBuf>,
    /// Most bytes of each of the sets elf, pe and text
    #[arg(long, value_name = "BYTES", default_value_t = 256_000_000)]
    pub max_bytes: u64,
    /// Most files of the set small
    #[arg(long, value_name = "N", default_value_t = 4000)]
    pub small_files: usize,
    /// Size of the file of the set huge
    #[arg(long, value_name = "BYTES", default_value_t = 1_000_000_000)]
    pub huge_bytes: u64,
    /// A few megabytes of everything, for a smoke test
    #[arg(long)]
    pub quick: bool,
}

/// Options of `peers run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hallmark-benches peers run --rules signature-base --corpus corpus --out report
  hallmark-benches peers run --rules a/ --corpus corpus --only hallmark,yara-x --out report
  hallmark-benches peers run --rules signature-base --corpus corpus --out report --quick

Exit code: 0 all engines found the same, 1 one found something else than YARA-X (without it,
than Hallmark), 2 an error.")]
pub struct RunArgs {
    /// What is compared.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Numbers of threads to scan with [default: 1 and the number of cores]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub threads: Vec<usize>,
    /// How many processes share a database while memory is measured
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub processes: usize,
}

/// Options of `peers scaling`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hallmark-benches peers scaling --rules signature-base --corpus corpus --out scaling
  hallmark-benches peers scaling --rules signature-base --corpus corpus --counts 1000,10000 --sets pe --out scaling

Up to the number of real rules that stand alone, these are taken in a seeded order; beyond, copies of them with other
names and other bytes in their patterns.
Exit code: 0 all engines found the same, 1 one found something else than YARA-X (without it,
than Hallmark), 2 an error.")]
pub struct ScalingArgs {
    /// What is compared.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Numbers of rules, from few to many [default: 1000,5000,20000,100000; quick: 200,1000,4000]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub counts: Vec<usize>,
    /// Seed of the order and of the copies
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// What both measurements need to know.
#[derive(Debug, Args)]
pub struct CommonArgs {
    /// Rule file, or folder to search for *.yar and *.yara; repeat for several
    #[arg(long, value_name = "PATH", required = true)]
    pub rules: Vec<PathBuf>,
    /// Folder with a folder for each set of files; `peers corpus` makes one
    #[arg(long, value_name = "DIR")]
    pub corpus: PathBuf,
    /// Scan only these sets [default: all; for scaling the first]
    #[arg(long, value_name = "SET,…", value_delimiter = ',')]
    pub sets: Vec<String>,
    /// Folder for report.md, results.csv and the drawings
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Rounds in which the engines take turns [default: 5; quick: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: Option<u16>,
    /// Longest time for one process; what takes longer has no figure [default: 600; quick: 30]
    #[arg(long, value_name = "CAP")]
    pub seconds: Option<f64>,
    /// Only these engines
    #[arg(long, value_name = "ENGINE,…", value_delimiter = ',')]
    pub only: Vec<Kind>,
    /// The `hallmark` program [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    pub hallmark: Option<PathBuf>,
    /// Folder with the programs of the peers, before PATH
    #[arg(long, value_name = "DIR")]
    pub peers_dir: Option<PathBuf>,
    /// Install the peers first: with apt-get, and with cargo into --peers-dir
    #[arg(long, requires = "peers_dir")]
    pub install: bool,
    /// A part of each set, and few rounds: about a minute, for a smoke test
    #[arg(long)]
    pub quick: bool,
}

impl CorpusArgs {
    /// The packages asked for.
    pub fn wheel_names(&self) -> Vec<String> {
        if !self.wheels.is_empty() {
            return self.wheels.clone();
        }
        let names: &[&str] = if self.quick { &wheels::QUICK } else { &wheels::DEFAULT };
        names.iter().map(|&name| name.to_owned()).collect()
    }
}

impl CommonArgs {
    /// How many rounds.
    pub fn rounds(&self) -> usize {
        self.rounds.map_or(if self.quick { 2 } else { 5 }, usize::from)
    }

    /// The longest time for one process.
    ///
    /// # Errors
    /// It is no time.
    pub fn limit(&self) -> anyhow::Result<Duration> {
        let seconds = self.seconds.unwrap_or(if self.quick { 30.0 } else { 600.0 });
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|limit| !limit.is_zero())
            .ok_or_else(|| anyhow::anyhow!("--seconds {seconds}: give a positive number of seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn lists_are_given_with_commas() {
        let line =
            "x peers run --rules a --rules b --corpus c --out o --threads 1,2 --only hallmark,yara-x --quick";
        let Command::Peers(PeersCommand::Run(args)) = Cli::parse_from(line.split(' ')).command else {
            panic!("another command")
        };
        assert_eq!((args.common.rules.len(), args.threads.as_slice()), (2, &[1, 2][..]));
        assert_eq!(args.common.only, [Kind::Hallmark, Kind::YaraX]);
        assert_eq!((args.common.rounds(), args.common.limit().unwrap().as_secs()), (2, 30));
    }
}
