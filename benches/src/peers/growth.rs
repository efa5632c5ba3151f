//! What `peers scaling` writes: the report, its figures as CSV, and a curve for each set.

use std::path::Path;

use super::measure::{Row, cores};
use super::plot::Curves;
use super::report::{self, CSV_COLUMNS, NONE, figure, notes, record, save, scan_table, sets_table};
use super::scaling::Growth;
use super::sets::Set;
use super::stats::Spread;
use super::table::{Csv, Table, grouped};

/// Writes `report.md`, `results.csv` and the drawings into `out`.
///
/// # Errors
/// A file can't be written.
pub fn write(growth: &Growth, out: &Path) -> anyhow::Result<()> {
    let mut csv = Csv::default();
    csv.line(CSV_COLUMNS);
    let engines: Vec<String> =
        growth.engines.iter().map(|(kind, version)| format!("{kind} {version}")).collect();
    let mut text = format!(
        "# Throughput by number of rules\n\n{}, {} threads. {}. One thread, medians of {} interleaved rounds. Up to {} \
         rules are real; beyond, copies of these with other names and other bytes in their patterns.\n\n{}",
        report::processor(),
        cores(),
        engines.join(", "),
        growth.rounds,
        grouped(growth.real as u64),
        sets_table(&growth.sets)
    );
    for (at, set) in growth.sets.iter().enumerate() {
        let curves = Steps { growth, set, at };
        text.push_str(&curves.summary());
        let name = format!("scaling-{}.svg", set.name);
        save(out, &name, &curves.svg())?;
        text.push_str(&format!("![Throughput on {} by number of rules]({name})\n\n", set.name));
    }
    text.push_str(&compiling(growth, &mut csv));
    for step in &growth.steps {
        for (set, rows) in growth.sets.iter().zip(&step.scans) {
            text.push_str(&format!("## {} rules on {}\n\n", grouped(step.count as u64), set.name));
            text.push_str(&scan_table(set, 1, rows, &mut csv, &format!("scaling to {}", step.count)));
        }
    }
    text.push_str(&notes("Notes", &growth.notes));
    save(out, "results.csv", csv.text())?;
    save(out, "report.md", &text)
}

/// All steps on one set.
struct Steps<'a> {
    growth: &'a Growth,
    set: &'a Set,
    at: usize,
}

impl Steps<'_> {
    /// The names of the rows, in the order in which they first come up.
    fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for row in self.growth.steps.iter().flat_map(|step| &step.scans[self.at]) {
            if !names.contains(&row.name.as_str()) {
                names.push(row.name.as_str());
            }
        }
        names
    }

    fn row(&self, step: usize, name: &str) -> Option<&Row> {
        self.growth.steps.get(step)?.scans.get(self.at)?.iter().find(|row| row.name == name)
    }

    /// Throughput net of opening, since more rules also take longer to open, and that is told apart.
    fn rate(&self, step: usize, name: &str) -> Option<Spread> {
        Some(self.row(step, name)?.net?.rate(self.set.amount()))
    }

    fn summary(&self) -> String {
        let counts: Vec<String> =
            self.growth.steps.iter().map(|step| format!("{} rules", grouped(step.count as u64))).collect();
        let headings: Vec<&str> =
            std::iter::once("engine").chain(counts.iter().map(String::as_str)).collect();
        let mut rates = Table::new(&headings);
        let mut ratios = Table::new(&headings);
        let decimals = if self.set.amount() == self.set.files.len() as f64 { 0 } else { 3 };
        for name in self.names() {
            let steps = 0..self.growth.steps.len();
            let cell = |step: usize| match self.row(step, name) {
                Some(row) => figure(self.rate(step, name), decimals, row.problem.as_deref()),
                None => NONE.to_owned(),
            };
            rates.row(std::iter::once(name.to_owned()).chain(steps.clone().map(cell)));
            let first = self.rate(0, name);
            let ratio = |step: usize| match (self.rate(step, name), first) {
                (Some(rate), Some(first)) => format!("{:.3}", rate.median / first.median),
                _ => NONE.to_owned(),
            };
            ratios.row(std::iter::once(name.to_owned()).chain(steps.map(ratio)));
        }
        format!(
            "## {}: {} net of opening\n\n{}Beside the fewest rules:\n\n{}",
            self.set.name,
            self.set.unit(),
            rates.finish(),
            ratios.finish()
        )
    }

    fn svg(&self) -> String {
        let points = |name: &str| -> Vec<(f64, f64)> {
            let steps = self.growth.steps.iter().enumerate();
            steps.filter_map(|(at, step)| Some((step.count as f64, self.rate(at, name)?.median))).collect()
        };
        let title = format!("Throughput on {} by number of rules, net of opening", self.set.name);
        let series = self.names().into_iter().map(|name| (name.to_owned(), points(name))).collect();
        Curves { title: &title, x: "rules", unit: self.set.unit(), series }.svg()
    }
}

/// Compiling and opening each number of rules.
fn compiling(growth: &Growth, csv: &mut Csv) -> String {
    let mut table =
        Table::new(&["engine", "rules", "source bytes", "compiling, s", "bytes written", "opening, s"]);
    for step in &growth.steps {
        let part = format!("scaling to {}", step.count);
        for row in &step.compile {
            let seconds = Spread::of(row.series.seconds.iter().copied());
            let opening = step.open.iter().find(|open| open.name == row.series.name);
            let open = opening.and_then(|open| Spread::of(open.seconds.iter().copied()));
            record(csv, [&part, "", "", &row.series.name, "compile", "s"], seconds);
            record(csv, [&part, "", "", &row.series.name, "open", "s"], open);
            report::count(csv, [&part, "", "", &row.series.name, "output", "bytes"], row.bytes);
            table.row([
                row.series.name.clone(),
                grouped(step.count as u64),
                grouped(step.bytes),
                seconds.map_or(NONE.to_owned(), |seconds| format!("{:.2}", seconds.median)),
                row.bytes.map_or(NONE.to_owned(), grouped),
                figure(open, 4, opening.and_then(|open| open.problem.as_deref())),
            ]);
        }
    }
    format!("## Compiling and opening\n\n{}", table.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::engine::Kind;
    use crate::peers::matches::Verdict;
    use crate::peers::scaling::Step;

    #[test]
    fn ratios_are_to_the_fewest_rules_and_missing_steps_are_said_to_be() {
        let row = |name: &str, seconds: Option<f64>| Row {
            name: name.to_owned(),
            whole: Spread::of(seconds),
            net: Spread::of(seconds),
            peak_kib: None,
            found: seconds.map(|_| 1),
            verdict: Verdict::NotCompared,
            problem: seconds.is_none().then(|| "took more than 1 s".to_owned()),
        };
        let step =
            |count, rows| Step { count, bytes: 1, open: Vec::new(), compile: Vec::new(), scans: vec![rows] };
        let set = Set {
            name: "elf".to_owned(),
            folder: "/c/elf".into(),
            files: vec!["/c/elf/a".into(), "/c/elf/b".into()],
            bytes: 1_000_000_000,
            digest: "0".repeat(64),
        };
        let growth = Growth {
            sets: vec![set],
            real: 10,
            rounds: 1,
            engines: vec![(Kind::Hallmark, "1".to_owned())],
            steps: vec![
                step(1000, vec![row("hallmark", Some(1.0)), row("yara", Some(2.0))]),
                step(5000, vec![row("hallmark", Some(2.0)), row("yara", None)]),
            ],
            notes: vec!["a note".to_owned()],
        };
        let out = tempfile::tempdir().unwrap();
        write(&growth, out.path()).unwrap();
        let text = std::fs::read_to_string(out.path().join("report.md")).unwrap();
        assert!(text.contains("| hallmark | 1.000 | 0.500 |\n| yara | 1.000 | – |"), "{text}");
        assert!(text.contains("| yara | 0.500 (0.500–0.500) | over time |"), "{text}");
        assert!(text.contains("- a note\n"), "{text}");
        let svg = std::fs::read_to_string(out.path().join("scaling-elf.svg")).unwrap();
        assert_eq!(svg.matches("<circle").count(), 3);
    }
}
