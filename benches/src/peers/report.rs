//! What `peers run` writes: the report, its figures as CSV, and the drawings.

use std::path::Path;

use anyhow::Context as _;

use super::compare::{MemoryRow, Results};
use super::drawings;
use super::engine::Kind;
use super::matches::Verdict;
use super::measure::{IN_MEMORY, Row, cores, reference};
use super::process::Runner;
use super::sets::{SMALL, Set};
use super::stats::Spread;
use super::table::{Csv, Table, grouped};

/// Columns of `results.csv`.
pub const CSV_COLUMNS: [&str; 9] =
    ["part", "set", "threads", "name", "metric", "unit", "median", "min", "max"];
/// Name of the row of literals alone.
const LITERALS: &str = super::hyperscan::NAME;
/// What stands where there is no figure.
pub const NONE: &str = "–";

/// Writes `report.md`, `results.csv` and the drawings into `out`.
///
/// # Errors
/// A file can't be written.
pub fn write(results: &Results, out: &Path, runner: &Runner) -> anyhow::Result<()> {
    let mut csv = Csv::default();
    csv.line(CSV_COLUMNS);
    let parts = [
        conditions(results, runner),
        compiling(results, &mut csv),
        opening(results, &mut csv),
        scanning(results, &mut csv),
        memory(results, &mut csv),
        literals(results, &mut csv),
        drawings::draw(results, out)?,
        notes("Notes", &results.notes),
    ];
    save(out, "results.csv", csv.text())?;
    save(out, "report.md", &parts.concat())
}

/// Writes a file of the report.
///
/// # Errors
/// It can't be written.
pub fn save(out: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = out.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    super::progress(&format!("wrote {}", path.display()));
    Ok(())
}

fn conditions(results: &Results, runner: &Runner) -> String {
    let mut text = format!(
        "# Hallmark beside its peers\n\n{}, kernel {}, {} threads. Medians of {} interleaved rounds with the least and \
         the greatest; files are in the page cache; one process may take {} s.\n\n",
        processor(),
        kernel(),
        cores(),
        results.rounds,
        runner.limit().as_secs_f64()
    );
    text.push_str(&format!(
        "Rules given: {} files, {} bytes, {} rules.\n\n",
        grouped(results.rules.files.len() as u64),
        grouped(results.rules.bytes()),
        grouped(results.rules.rule_count() as u64)
    ));
    let mut engines = Table::new(&["engine", "version", "files compiled", "files refused", "rules"]);
    for one in &results.prepared {
        engines.row([
            one.engine.kind.to_string(),
            one.engine.version.clone(),
            grouped(one.files.len() as u64),
            grouped(one.refused.len() as u64),
            grouped(one.rule_count as u64),
        ]);
    }
    text.push_str(&engines.finish());
    let refused = results.prepared.iter().flat_map(|one| {
        let refused = one.refused.iter().map(|(path, why)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!("{} refuses {name}: {why}", one.engine.kind)
        });
        refused.chain(one.note.iter().map(|note| format!("{}: {note}", one.engine.kind)))
    });
    text.push_str(&list(refused));
    text.push_str(&sets_table(&results.sets));
    text
}

/// The sets that were scanned, with the digest that says which files these were.
pub fn sets_table(sets: &[Set]) -> String {
    let mut table = Table::new(&["set", "files", "bytes", "SHA-256 of its index"]);
    for set in sets {
        let (files, bytes) = (grouped(set.files.len() as u64), grouped(set.bytes));
        table.row([set.name.clone(), files, bytes, format!("`{}…`", &set.digest[..16])]);
    }
    table.finish()
}

fn compiling(results: &Results, csv: &mut Csv) -> String {
    let mut table = Table::new(&["compiler", "seconds", "beside hallmark", "peak MiB", "bytes written"]);
    let ours = results.compile.first().and_then(|row| Spread::of(row.series.seconds.iter().copied()));
    for row in &results.compile {
        let seconds = Spread::of(row.series.seconds.iter().copied());
        record(csv, ["compile", "", "", &row.series.name, "time", "s"], seconds);
        count(csv, ["compile", "", "", &row.series.name, "peak", "KiB"], row.series.peak_kib);
        count(csv, ["compile", "", "", &row.series.name, "output", "bytes"], row.bytes);
        table.row([
            row.series.name.clone(),
            figure(seconds, 3, row.series.problem.as_deref()),
            times(seconds, ours),
            mebibytes(row.series.peak_kib),
            row.bytes.map_or(NONE.to_owned(), grouped),
        ]);
    }
    let packed = results.packed_bytes.map_or(String::new(), |bytes| {
        count(csv, ["compile", "", "", "hallmark, packed", "output", "bytes"], Some(bytes));
        format!(
            "Hallmark's image is mapped as it is; packed and signed for delivery it has {} bytes.\n\n",
            grouped(bytes)
        )
    });
    format!("## Compiling\n\n{}{packed}", table.finish())
}

fn opening(results: &Results, csv: &mut Csv) -> String {
    let mut table = Table::new(&["rules", "seconds", "beside hallmark", "peak MiB"]);
    let ours = results.open.first().and_then(|row| Spread::of(row.seconds.iter().copied()));
    for row in &results.open {
        let seconds = Spread::of(row.seconds.iter().copied());
        record(csv, ["open", "", "1", &row.name, "time", "s"], seconds);
        count(csv, ["open", "", "1", &row.name, "peak", "KiB"], row.peak_kib);
        table.row([
            row.name.clone(),
            figure(seconds, 4, row.problem.as_deref()),
            times(seconds, ours),
            mebibytes(row.peak_kib),
        ]);
    }
    format!("## Opening: a process that scans one byte\n\n{}", table.finish())
}

fn scanning(results: &Results, csv: &mut Csv) -> String {
    let mut text = String::from("## Scanning\n\n");
    for (set, threads, rows) in &results.scans {
        let Some(set) = results.sets.get(*set) else { continue };
        let plural = if *threads == 1 { "" } else { "s" };
        text.push_str(&format!("### {}, {threads} thread{plural}\n\n", set.name));
        text.push_str(&scan_table(set, *threads, rows, csv, "scan"));
    }
    text
}

/// The table of one set, and the lines of the CSV that go with it.
pub fn scan_table(set: &Set, threads: usize, rows: &[Row], csv: &mut Csv, part: &str) -> String {
    let unit = set.unit();
    let (whole, net) = (format!("{unit}, whole process"), format!("{unit}, net of opening"));
    let reference = reference(|name| rows.iter().any(|row| row.name == name && row.found.is_some()));
    let answers = format!("answers beside {reference}");
    let mut table =
        Table::new(&["engine", "seconds", &whole, &net, "beside hallmark", "peak MiB", "matches", &answers]);
    let decimals = if set.name == SMALL { 0 } else { 3 };
    let ours = rows.iter().find(|row| row.name == Kind::Hallmark.name()).and_then(|row| row.whole);
    let threads = threads.to_string();
    for row in rows {
        let problem = row.problem.as_deref();
        let rate = |seconds: Option<Spread>| seconds.map(|seconds| seconds.rate(set.amount()));
        for (metric, spread, unit) in
            [("time", row.whole, "s"), ("whole", rate(row.whole), unit), ("net", rate(row.net), unit)]
        {
            record(csv, [part, &set.name, &threads, &row.name, metric, unit], spread);
        }
        count(csv, [part, &set.name, &threads, &row.name, "peak", "KiB"], row.peak_kib);
        count(csv, [part, &set.name, &threads, &row.name, "matches", "pairs"], row.found);
        table.row([
            row.name.clone(),
            figure(row.whole, 3, problem),
            figure(rate(row.whole), decimals, problem),
            figure(rate(row.net), decimals, problem),
            times(row.whole, ours),
            mebibytes(row.peak_kib),
            row.found.map_or(NONE.to_owned(), |found| {
                // Literals are no matches of rules, and must not be taken for some.
                let what = if row.name == LITERALS { " literals" } else { "" };
                grouped(found) + what
            }),
            row.verdict.shown(),
        ]);
    }
    let problems = rows.iter().filter_map(|row| Some(format!("{}: {}", row.name, row.problem.as_ref()?)));
    let differences = rows.iter().filter_map(|row| match &row.verdict {
        Verdict::Differs { examples, .. } => Some(format!("{}: {}", row.name, examples.join("; "))),
        _ => None,
    });
    // Two engines that find nothing agree, and it proves next to nothing.
    let nothing = rows.iter().all(|row| row.name == LITERALS || row.found.is_none_or(|found| found == 0));
    let nothing = nothing.then(|| "no rule matched a file, so that agreement says little here".to_owned());
    table.finish() + &list(problems.chain(differences).chain(nothing))
}

fn memory(results: &Results, csv: &mut Csv) -> String {
    if results.memory.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        "engine",
        "set",
        "processes",
        "PSS of one, MiB",
        "PSS of all, MiB",
        "ratio",
        "mapped rules of all, MiB",
    ]);
    for row in &results.memory {
        let MemoryRow { set, name, processes, one, all } = row;
        count(csv, ["memory", set, "1", name, "pss of 1 process", "KiB"], Some(one.pss_kib));
        let metric = format!("pss of {processes} processes");
        count(csv, ["memory", set, "1", name, &metric, "KiB"], Some(all.pss_kib));
        count(csv, ["memory", set, "1", name, "mapped rules", "KiB"], Some(all.rules_kib));
        table.row([
            name.clone(),
            set.clone(),
            processes.to_string(),
            mebibytes(Some(one.pss_kib)),
            mebibytes(Some(all.pss_kib)),
            format!("×{:.2}", all.pss_kib as f64 / one.pss_kib.max(1) as f64),
            mebibytes(Some(all.rules_kib)),
        ]);
    }
    format!(
        "## Memory of several processes\n\nProportional set sizes, medians while all processes scan. Files that are \
         read count for each process, files that are mapped once.\n\n{}",
        table.finish()
    )
}

fn literals(results: &Results, csv: &mut Csv) -> String {
    let Some(hyperscan) = &results.hyperscan else { return String::new() };
    let seconds = hyperscan.compiling.as_secs_f64();
    record(csv, ["literals", "", "1", "hyperscan", "compiling", "s"], Spread::of([seconds]));
    count(csv, ["literals", "", "1", "hyperscan", "database", "bytes"], Some(hyperscan.bytes));
    format!(
        "## The literal lane\n\nThe rows `hyperscan` are no rule engine: {} literals of the rules (at least 4 bytes; \
         `xor` and `base64` left out), compiled in {seconds:.1} s to {} bytes, each reported once a file, in block mode \
         on files in memory. Compare them with `{IN_MEMORY}`.\n\n",
        grouped(hyperscan.literals as u64),
        grouped(hyperscan.bytes)
    )
}

/// A heading with a list below it, or nothing.
pub fn notes(heading: &str, notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    format!("## {heading}\n\n{}", list(notes.iter().cloned()))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let text: String = items.map(|item| format!("- {}\n", item.replace('\n', " "))).collect();
    if text.is_empty() { text } else { text + "\n" }
}

/// A line of the CSV, if there is a figure.
pub fn record(csv: &mut Csv, about: [&str; 6], spread: Option<Spread>) {
    if let Some(Spread { median, min, max }) = spread {
        let figures = [median, min, max].map(|figure| format!("{figure:.6}"));
        csv.line(about.iter().copied().chain(figures.iter().map(String::as_str)));
    }
}

/// A line of the CSV for something that is counted, if it was.
pub fn count(csv: &mut Csv, about: [&str; 6], number: Option<u64>) {
    if let Some(number) = number {
        let number = number.to_string();
        csv.line(about.into_iter().chain([number.as_str(), "", ""]));
    }
}

/// A figure for a cell, or why there is none.
pub fn figure(spread: Option<Spread>, decimals: usize, problem: Option<&str>) -> String {
    match (spread, problem) {
        (Some(spread), _) => spread.show(decimals),
        (None, Some(problem)) if problem.contains("took more than") => "over time".to_owned(),
        (None, Some(_)) => "failed".to_owned(),
        (None, None) => NONE.to_owned(),
    }
}

/// How many times as long as ours.
pub fn times(theirs: Option<Spread>, ours: Option<Spread>) -> String {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) if ours.median > 0.0 => format!("×{:.2}", theirs.median / ours.median),
        _ => NONE.to_owned(),
    }
}

fn mebibytes(kib: Option<u64>) -> String {
    kib.map_or(NONE.to_owned(), |kib| format!("{:.1}", kib as f64 / 1024.0))
}

/// The name of the processor, as the system tells it.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    name.map_or("unknown processor", |(_, name)| name.trim()).to_owned()
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or("unknown".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn row(name: &str, seconds: f64, verdict: Verdict) -> Row {
        Row {
            name: name.to_owned(),
            whole: Spread::of([seconds]),
            net: Spread::of([seconds / 2.0]),
            peak_kib: Some(2048),
            found: Some(3),
            verdict,
            problem: None,
        }
    }

    pub fn set() -> Set {
        let (files, digest) = (vec!["/c/elf/a".into()], "0".repeat(64));
        Set { name: "elf".to_owned(), folder: "/c/elf".into(), files, bytes: 2_000_000_000, digest }
    }

    #[test]
    fn a_table_of_scans_has_rates_ratios_and_marks() {
        let differs =
            Verdict::Differs { missing: 1, extra: 2, examples: vec!["missing `r` in `f`".to_owned()] };
        let mut failed = row("boreal", 1.0, Verdict::NotCompared);
        (failed.whole, failed.net, failed.found) = (None, None, None);
        failed.problem = Some("`boreal load`: took more than 5 s".to_owned());
        let rows = [row("hallmark", 2.0, Verdict::Same), row("yara", 4.0, differs), failed];
        let mut csv = Csv::default();
        let text = scan_table(&set(), 1, &rows, &mut csv, "scan");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2],
            "| hallmark | 2.000 (2.000–2.000) | 1.000 (1.000–1.000) | 2.000 (2.000–2.000) | ×1.00 | 2.0 | 3 | same |"
        );
        assert!(
            lines[3].contains("| ×2.00 |") && lines[3].ends_with("| **DIFFERS** −1 +2 |"),
            "{}",
            lines[3]
        );
        assert!(lines[4].starts_with("| boreal | over time | over time |"), "{}", lines[4]);
        assert!(text.contains("- yara: missing `r` in `f`\n") && !text.contains("says little"), "{text}");
        assert!(lines[0].ends_with("| answers beside hallmark |"), "{}", lines[0]);
        assert!(
            csv.text().contains("scan,elf,1,yara,whole,GB/s,0.500000,0.500000,0.500000\n"),
            "{}",
            csv.text()
        );
    }

    #[test]
    fn agreement_on_nothing_is_said_to_be_that() {
        let mut rows = [row("hallmark", 1.0, Verdict::Same), row("yara-x", 1.0, Verdict::NotCompared)];
        rows.iter_mut().for_each(|row| row.found = Some(0));
        let text = scan_table(&set(), 1, &rows, &mut Csv::default(), "scan");
        assert!(
            text.contains("| answers beside yara-x |") && text.contains("agreement says little"),
            "{text}"
        );
    }
}
