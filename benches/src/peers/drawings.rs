//! The drawings of `peers run`: throughput of each set, by engine.

use std::path::Path;

use super::compare::Results;
use super::measure::Row;
use super::plot::Bars;
use super::report::save;
use super::sets::{SMALL, Set};
use super::stats::Spread;

/// Draws each number of threads, whole processes and net of opening, and returns the part of the report that shows the
/// drawings.
///
/// # Errors
/// A drawing can't be written.
pub fn draw(results: &Results, out: &Path) -> anyhow::Result<String> {
    let mut text = String::from("## Drawings\n\n");
    let mut counts: Vec<usize> = results.scans.iter().map(|(_, threads, _)| *threads).collect();
    counts.sort_unstable();
    counts.dedup();
    for threads in counts {
        for (form, of) in
            [("whole process", whole_of as fn(&Row) -> Option<Spread>), ("net of opening", net_of)]
        {
            for small in [false, true] {
                let scans = results.scans.iter().filter(|(_, count, _)| *count == threads);
                let scans: Vec<(&Set, &[Row])> = scans
                    .filter_map(|(set, _, rows)| Some((results.sets.get(*set)?, rows.as_slice())))
                    .filter(|(set, _)| (set.name == SMALL) == small)
                    .collect();
                let Some((first, _)) = scans.first() else { continue };
                let kind = if small { "files" } else { "bytes" };
                let name = format!("throughput-{kind}-{threads}-{}.svg", form.replace(' ', "-"));
                let title = format!("Throughput, {threads} thread(s), {form}");
                save(out, &name, &bars(&title, first.unit(), &scans, of).svg())?;
                text.push_str(&format!("![{title}, {}]({name})\n\n", first.unit()));
            }
        }
    }
    Ok(text)
}

fn whole_of(row: &Row) -> Option<Spread> {
    row.whole
}

fn net_of(row: &Row) -> Option<Spread> {
    row.net
}

fn bars<'a>(
    title: &'a str,
    unit: &'a str,
    scans: &[(&Set, &[Row])],
    of: fn(&Row) -> Option<Spread>,
) -> Bars<'a> {
    let mut series: Vec<String> = Vec::new();
    for row in scans.iter().flat_map(|(_, rows)| rows.iter()) {
        if of(row).is_some() && !series.contains(&row.name) {
            series.push(row.name.clone());
        }
    }
    let value = |set: &Set, rows: &[Row], name: &String| {
        let row = rows.iter().find(|row| row.name == *name)?;
        Some(of(row)?.rate(set.amount()).median)
    };
    let groups = scans
        .iter()
        .map(|(set, rows)| (set.name.clone(), series.iter().map(|name| value(set, rows, name)).collect()))
        .collect();
    Bars { title, unit, series, groups }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::matches::Verdict;
    use crate::peers::report::tests::{row, set};

    #[test]
    fn bars_have_a_value_for_each_set_and_series() {
        let set = set();
        let rows = [row("hallmark", 2.0, Verdict::Same), row("yara", 4.0, Verdict::Same)];
        let bars = bars("t", "GB/s", &[(&set, &rows)], whole_of);
        assert_eq!(bars.series, ["hallmark", "yara"]);
        assert_eq!(bars.groups, [("elf".to_owned(), vec![Some(1.0), Some(0.5)])]);
    }
}
