//! Two kinds of drawing, written as SVG text: bars in groups, and curves over a logarithmic axis.
//!
//! The drawings have fixed sizes and no scripts or fonts of their own, so that any viewer shows them alike.

use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;
/// Told apart in print and by most eyes (Okabe and Ito).
const COLOURS: [&str; 8] =
    ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442", "#000000"];

/// Groups of bars: for each label, one value of each series, or none.
#[derive(Debug)]
pub struct Bars<'a> {
    /// Stands above the drawing.
    pub title: &'a str,
    /// What the height of a bar is, with its unit.
    pub unit: &'a str,
    /// Names of the series, for the legend.
    pub series: Vec<String>,
    /// Label of each group and its values, in the order of the series.
    pub groups: Vec<(String, Vec<Option<f64>>)>,
}

/// Curves: points of each series.
#[derive(Debug)]
pub struct Curves<'a> {
    /// Stands above the drawing.
    pub title: &'a str,
    /// What runs to the right; its axis is logarithmic, so its values are positive.
    pub x: &'a str,
    /// What runs up, with its unit.
    pub unit: &'a str,
    /// Name and points (x, y) of each series.
    pub series: Vec<(String, Vec<(f64, f64)>)>,
}

impl Bars<'_> {
    /// The drawing as SVG.
    pub fn svg(&self) -> String {
        let values = self.groups.iter().flat_map(|(_, values)| values.iter().flatten().copied());
        let mut canvas = Canvas::new(self.title, self.unit, values);
        let group = (WIDTH - LEFT - RIGHT) / self.groups.len().max(1) as f64;
        let bar = group * 0.8 / self.series.len().max(1) as f64;
        for (at, (label, values)) in self.groups.iter().enumerate() {
            let start = LEFT + group * at as f64;
            canvas.label(start + group / 2.0, label);
            for (nth, value) in values.iter().enumerate() {
                let Some(value) = *value else { continue };
                let (x, y) = (start + group * 0.1 + bar * nth as f64, canvas.y(value));
                let height = HEIGHT - BOTTOM - y;
                canvas.push(format_args!(
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{bar:.1}\" height=\"{height:.1}\" fill=\"{}\">\
                     <title>{}: {value:.4}</title></rect>",
                    colour(nth),
                    escaped(self.series.get(nth).map_or("", String::as_str))
                ));
            }
        }
        canvas.legend(self.series.iter().map(String::as_str));
        canvas.finish()
    }
}

impl Curves<'_> {
    /// The drawing as SVG.
    pub fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|(_, points)| points.iter().copied());
        let mut canvas = Canvas::new(self.title, self.unit, points().map(|(_, y)| y));
        let mut marks: Vec<f64> = points().map(|(x, _)| x).collect();
        marks.sort_by(f64::total_cmp);
        marks.dedup();
        let (low, high) = match (marks.first(), marks.last()) {
            (Some(low), Some(high)) => (low.ln(), high.ln()),
            _ => (0.0, 1.0),
        };
        let place = |x: f64| {
            let share = if high > low { (x.ln() - low) / (high - low) } else { 0.5 };
            LEFT + 20.0 + share * (WIDTH - LEFT - RIGHT - 40.0)
        };
        for &mark in &marks {
            canvas.label(place(mark), &format!("{mark}"));
        }
        let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
        canvas.text(middle, HEIGHT - 15.0, "middle", self.x);
        for (nth, (name, points)) in self.series.iter().enumerate() {
            let placed: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (place(x), canvas.y(y))).collect();
            let path: Vec<String> = placed.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let colour = colour(nth);
            canvas.push(format_args!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                path.join(" ")
            ));
            for ((x, y), (_, value)) in placed.iter().zip(points) {
                canvas.push(format_args!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\">\
                     <title>{}: {value:.4}</title></circle>",
                    escaped(name)
                ));
            }
        }
        canvas.legend(self.series.iter().map(|(name, _)| name.as_str()));
        canvas.finish()
    }
}

/// A drawing with its title and the axis that runs up from zero.
struct Canvas {
    text: String,
    top: f64,
}

impl Canvas {
    fn new(title: &str, unit: &str, values: impl Iterator<Item = f64>) -> Self {
        let step = round_step(values.fold(0.0, f64::max));
        let mut canvas = Canvas { text: String::new(), top: step * 5.0 };
        canvas.push(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
        ));
        canvas.push(format_args!(
            "<text x=\"{LEFT}\" y=\"24\" font-size=\"16\" font-weight=\"bold\">{}</text>",
            escaped(title)
        ));
        canvas.text(LEFT, 42.0, "start", unit);
        for line in 0..=5 {
            let value = step * f64::from(line);
            let y = canvas.y(value);
            let right = WIDTH - RIGHT;
            canvas.push(format_args!(
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#ccc\"/>"
            ));
            canvas.text(LEFT - 8.0, y + 4.0, "end", &shown(value));
        }
        canvas
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)
    }

    fn label(&mut self, x: f64, label: &str) {
        self.text(x, HEIGHT - BOTTOM + 18.0, "middle", label);
    }

    fn legend<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for (nth, name) in names.enumerate() {
            let (x, y) = (WIDTH - RIGHT + 16.0, TOP + 20.0 * nth as f64);
            self.push(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\" fill=\"{}\"/>",
                colour(nth)
            ));
            self.text(x + 18.0, y + 11.0, "start", name);
        }
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        self.push(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(text)
        ));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string never fails.
        let _ = writeln!(self.text, "{element}");
    }

    fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// A round fifth of an axis that holds `max`: 1, 2 or 5 times a power of ten.
fn round_step(max: f64) -> f64 {
    if max.is_nan() || max <= 0.0 {
        return 0.2;
    }
    let fifth = max / 5.0;
    let power = 10f64.powf(fifth.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= fifth).unwrap_or(10.0);
    factor * power
}

/// A value of the axis without digits that say nothing.
fn shown(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn colour(nth: usize) -> &'static str {
    COLOURS[nth % COLOURS.len()]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_values_and_missing_ones_are_left_out() {
        let bars = Bars {
            title: "a < b",
            unit: "GB/s",
            series: vec!["one".to_owned(), "two".to_owned()],
            groups: vec![
                ("elf".to_owned(), vec![Some(1.0), None]),
                ("pe".to_owned(), vec![Some(0.5), Some(0.25)]),
            ],
        };
        let svg = bars.svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(svg.contains("a &lt; b"));
        // The axis ends at 1.0, so that the heights are the whole, a half and a quarter of the 310 units there are.
        for height in ["310.0", "155.0", "77.5"] {
            assert_eq!(svg.matches(&format!("height=\"{height}\"")).count(), 1, "{height} in {svg}");
        }
    }

    #[test]
    fn curves_have_a_point_for_each_value() {
        let curves = Curves {
            title: "t",
            x: "rules",
            unit: "GB/s",
            series: vec![("one".to_owned(), vec![(1000.0, 1.0), (100_000.0, 0.5)])],
        };
        let svg = curves.svg();
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains(">1000<") && svg.contains(">100000<"), "{svg}");
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn an_empty_drawing_is_a_drawing() {
        let empty = Curves { title: "t", x: "rules", unit: "s", series: Vec::new() }.svg();
        assert!(empty.ends_with("</svg>\n") && !empty.contains("NaN"));
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(
            [0.0, 1.0, 5.1, 0.3].map(round_step).map(shown),
            ["0.2", "0.2", "2", "0.1"].map(str::to_owned)
        );
    }
}
