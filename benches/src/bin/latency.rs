//! `latency`: how soon a scan ends after its deadline, on data made to keep it busy.
//!
//! Each case is scanned again and again with deadlines drawn from a seed, whole and as a stream. What is printed is by how
//! much the scan ended after its deadline. On a busy machine run it with real-time priority (`chrt -f 10`), so that no
//! other program is measured. A scan that ends before its deadline says nothing, and is left out.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use hallmark_benches::build;
use hallmark_benches::random::Random;
use hallmark_compiler::Source;
use hallmark_runtime::{Database, Scanner, Why};

/// How soon a scan ends after its deadline
#[derive(Debug, Parser)]
struct Args {
    /// Scan with this raw image as well
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,

    /// Scans of each case
    #[arg(long, default_value_t = 40)]
    rounds: u32,

    /// Length of the data in MiB
    #[arg(long, default_value_t = 256)]
    mib: usize,

    /// Exit with 1 if a scan ended later after its deadline than so many milliseconds
    #[arg(long, value_name = "MS")]
    at_most: Option<u64>,
}

/// One construct each that may go on for long.
const RULES: [(&str, &str); 9] = [
    ("text", "strings: $a = \"nowhere to be found\" condition: $a"),
    ("chain", "strings: $a = { 61 61 61 [0-30000] 62 63 } condition: $a"),
    ("expression", "strings: $a = /aaa[a-y]{0,30000}zz/ condition: $a"),
    ("slow", "strings: $a = /[^b][^c][^d]q/ condition: $a"),
    (
        "xor",
        "strings: $a = \"abcdefgh\" xor $b = \"ijklmnop\" xor(1-255) wide condition: filesize > 1 and ($a or $b)",
    ),
    ("loop", "condition: for all i in (0..filesize) : (uint8(i) != 1)"),
    ("digest", "condition: hash.sha256(0, filesize) == hash.md5(0, filesize)"),
    (
        "statistics",
        "condition: math.serial_correlation(0, filesize) > 2.0 or math.monte_carlo_pi(1, filesize) > 9.0",
    ),
    ("counts", "strings: $a = \"aa\" condition: #a == 3"),
];

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut databases = Vec::new();
    for (name, body) in RULES {
        let text = format!("import \"hash\" import \"math\" rule r {{ {body} }}").into_bytes();
        let source = Source { name: format!("{name}.yar"), namespace: "default".into(), text };
        let image = build(vec![source]).image.with_context(|| format!("{name} doesn't compile"))?;
        databases.push((name.to_owned(), Database::from_image_bytes(&image)?));
    }
    if let Some(path) = &args.image {
        databases.push((path.display().to_string(), Database::from_image_bytes(&std::fs::read(path)?)?));
    }
    let len = args.mib << 20;
    let mut random = Random::new(1);
    let data = [
        ("zeros", vec![0; len]),
        ("one letter", vec![b'a'; len]),
        ("random", (0..len / 8).flat_map(|_| random.bits().to_le_bytes()).collect()),
    ];
    let mut worst = Duration::ZERO;
    for (name, database) in &databases {
        for (what, data) in &data {
            for streamed in [false, true] {
                let late = measure(&mut database.scanner(), data, streamed, args.rounds, &mut random)?;
                let Some(&longest) = late.last() else { continue };
                worst = worst.max(longest);
                let how = if streamed { "stream" } else { "whole" };
                let median = late[late.len() / 2];
                writeln!(
                    std::io::stdout(),
                    "{name:<12} {what:<12} {how:<8} {:>4} scans, median {:>8.3} ms, longest {:>8.3} ms",
                    late.len(),
                    median.as_secs_f64() * 1e3,
                    longest.as_secs_f64() * 1e3,
                )?;
            }
        }
    }
    writeln!(std::io::stdout(), "longest of all {:.3} ms", worst.as_secs_f64() * 1e3)?;
    if let Some(most) = args.at_most {
        ensure!(worst <= Duration::from_millis(most), "a scan ended later than that");
    }
    Ok(())
}

/// By how much scans ended after their deadlines, ascending.
fn measure(
    scanner: &mut Scanner<'_>,
    data: &[u8],
    streamed: bool,
    rounds: u32,
    random: &mut Random,
) -> anyhow::Result<Vec<Duration>> {
    let mut late = Vec::new();
    for _ in 0..rounds {
        let deadline = Duration::from_micros(100 + random.below(50_000));
        let started = Instant::now();
        scanner.deadline(deadline);
        let report = if streamed { scanner.scan_stream(data)? } else { scanner.scan(data)? };
        let ended = started.elapsed();
        if report.incomplete().iter().any(|incomplete| incomplete.why == Why::Deadline) {
            late.push(ended.saturating_sub(deadline));
        }
    }
    late.sort();
    Ok(late)
}
