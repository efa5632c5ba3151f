//! `counts`: one scan of each case, to have its instructions counted.
//!
//! `prepare FOLDER` writes the image of each case. `run FOLDER CASE` maps nothing and compiles nothing: it reads the image,
//! makes the data, scans once to fill the buffers that scans reuse, and once more in [`measured`], inside of which
//! instructions are counted. What is found is checked.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Parser;
use hallmark_benches::cases::{Case, cases};
use hallmark_benches::{build, rule_pack};
use hallmark_runtime::{Database, Image, Scanner};

/// One scan of each case, to have its instructions counted
#[derive(Debug, Parser)]
enum Args {
    /// Write the images, and print the names of the cases
    Prepare {
        /// Where to
        folder: PathBuf,
    },
    /// Run one case
    Run {
        /// Where the images are
        folder: PathBuf,
        /// Its name
        case: String,
    },
    /// Print the vector instructions that this program would use
    Features,
}

/// Proves the image of the rule pack.
const OPEN: &str = "open";
/// Compiles the rule pack.
const COMPILE: &str = "compile";

fn main() -> anyhow::Result<()> {
    match Args::parse() {
        Args::Prepare { folder } => prepare(&folder),
        Args::Run { folder, case } => run(&folder, &case),
        Args::Features => print(&features()),
    }
}

fn print(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn prepare(folder: &std::path::Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let pack = build(rule_pack()?).image.context("the pack doesn't compile")?;
    let images = cases().into_iter().map(|case| (case.name, case.image()));
    for (name, image) in images.chain([(OPEN, pack)]) {
        std::fs::write(folder.join(name), image)?;
        print(name)?;
    }
    print(COMPILE)
}

fn run(folder: &std::path::Path, name: &str) -> anyhow::Result<()> {
    if name == COMPILE {
        // On this thread, which is the one whose instructions are counted.
        rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global()?;
        let sources = rule_pack()?;
        build(sources.clone());
        let compiled = measured(|| build(sources));
        return compiled.image.map(drop).context("the pack doesn't compile");
    }
    let image = std::fs::read(folder.join(name)).with_context(|| format!("no image of `{name}`"))?;
    if name == OPEN {
        return Ok(measured(|| Image::parse(&image).map(drop))?);
    }
    let Some(case) = cases().into_iter().find(|case| case.name == name) else { bail!("no case `{name}`") };
    let database = Database::from_image_bytes(&image)?;
    let mut scanner: Scanner<'_> = case.scanner(&database);
    Case::scan(&case, &mut scanner);
    measured(|| case.scan(&mut scanner));
    Ok(())
}

/// What is counted; the counter knows it by this name.
#[inline(never)]
fn measured<T>(work: impl FnOnce() -> T) -> T {
    std::hint::black_box(work())
}

/// The instruction sets that libraries choose their code by at run time. Counts can be compared only where they are the
/// same.
fn features() -> String {
    let mut found = vec![std::env::consts::ARCH];
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! detected {
            ($($name:tt),*) => { [$(($name, std::is_x86_feature_detected!($name))),*] };
        }
        let known = detected!(
            "ssse3",
            "sse4.1",
            "sse4.2",
            "popcnt",
            "pclmulqdq",
            "avx",
            "avx2",
            "bmi1",
            "bmi2",
            "sha",
            "avx512f",
            "avx512bw",
            "avx512vbmi"
        );
        found.extend(known.into_iter().filter(|(_, detected)| *detected).map(|(name, _)| name));
    }
    found.join(" ")
}
