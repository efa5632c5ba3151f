//! Tables as text: Markdown for the report, CSV for programs.

use std::fmt::Write as _;

/// A Markdown table that is filled row by row.
#[derive(Debug, Clone)]
pub struct Table {
    columns: usize,
    text: String,
}

impl Table {
    /// A table with these headings. The first column is set left, the others right.
    pub fn new(headings: &[&str]) -> Self {
        let mut table = Table { columns: headings.len(), text: String::new() };
        table.line(headings.iter().map(|&heading| heading.to_owned()));
        table.line((0..headings.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned()));
        table
    }

    /// Adds a row. Missing cells are empty, and what a cell holds never ends it.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| escaped(&cell.into())).collect();
        cells.resize(self.columns, String::new());
        self.line(cells);
    }

    /// The table, with an empty line after it.
    pub fn finish(mut self) -> String {
        self.text.push('\n');
        self.text
    }

    fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        for cell in cells {
            // Writing to a string never fails.
            let _ = write!(self.text, "| {cell} ");
        }
        self.text.push_str("|\n");
    }
}

fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// Figures in long form: one a line, each with what it is about.
#[derive(Debug, Default, Clone)]
pub struct Csv {
    text: String,
}

impl Csv {
    /// Adds a line of these fields.
    pub fn line<F: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = F>) {
        let fields: Vec<String> = fields.into_iter().map(|field| quoted(field.as_ref())).collect();
        self.text.push_str(&fields.join(","));
        self.text.push('\n');
    }

    /// All lines.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A field as RFC 4180 has it: quoted when it holds a comma, a quote or a line break.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A number with its thousands set apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_headings() {
        let mut table = Table::new(&["engine", "GB/s"]);
        table.row(["a|b", "1.0"]);
        table.row(["c"]);
        assert_eq!(table.finish(), "| engine | GB/s |\n| --- | ---: |\n| a\\|b | 1.0 |\n| c |  |\n\n");
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut csv = Csv::default();
        csv.line(["a", "b,c", "say \"x\""]);
        assert_eq!(csv.text(), "a,\"b,c\",\"say \"\"x\"\"\"\n");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"].map(str::to_owned)
        );
    }
}
