//! What is made of the figures of several rounds.

/// The middle of some figures and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these figures, in any order; `None` if there is none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let upper = sorted.len() / 2;
        let lower = (sorted.len() - 1) / 2;
        Some(Spread { median: (sorted[lower] + sorted[upper]) / 2.0, min, max })
    }

    /// The same for `scale / x` of each figure `x`: seconds become a rate, and the slowest the least.
    pub fn rate(self, scale: f64) -> Self {
        Spread { median: scale / self.median, min: scale / self.max, max: scale / self.min }
    }

    /// `median (min–max)`, each with so many decimals.
    pub fn show(self, decimals: usize) -> String {
        let Spread { median, min, max } = self;
        format!("{median:.decimals$} ({min:.decimals$}–{max:.decimals$})")
    }
}

/// What is left of `seconds` without `open`; `None` when the difference drowns in noise: when less than a twentieth of
/// the process was scanning, a rate computed from it would be a fiction.
pub fn net_of_open(seconds: f64, open: f64) -> Option<f64> {
    let net = seconds - open;
    (net > seconds * 0.05).then_some(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_odd_and_even_counts() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).map(|s| s.median), Some(2.5));
        assert_eq!(Spread::of([5.0]).map(|s| s.show(1)), Some("5.0 (5.0–5.0)".to_owned()));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_rate_turns_the_ends_around() {
        let rate = Spread { median: 2.0, min: 1.0, max: 4.0 }.rate(8.0);
        assert_eq!(rate, Spread { median: 4.0, min: 2.0, max: 8.0 });
    }

    #[test]
    fn what_drowns_in_noise_is_no_figure() {
        assert_eq!(net_of_open(2.0, 0.5), Some(1.5));
        assert_eq!(net_of_open(1.0, 0.99), None);
        assert_eq!(net_of_open(1.0, 1.5), None);
    }
}
