//! Rounds in which engines take turns: A B C, A B C, …, so that whatever slows the machine down slows all of them.

use super::matches::Matches;
use super::progress;

/// One measurement.
#[derive(Debug)]
pub struct Sample {
    /// How long it took.
    pub seconds: f64,
    /// The largest resident set of the process in KiB, where there is one and it could be measured.
    pub peak_kib: Option<u64>,
    /// What was found.
    pub answer: Answer,
}

/// What a measurement found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing was looked for.
    Nothing,
    /// Rules that match files.
    Matches(Matches),
    /// So many literals.
    Literals(u64),
}

/// Something that is measured once a round.
pub struct Job<'a> {
    /// What it is called in the tables.
    pub name: String,
    /// Does it.
    pub run: Box<dyn FnMut() -> anyhow::Result<Sample> + 'a>,
}

/// What the rounds of one job came to.
#[derive(Debug, Clone)]
pub struct Series {
    /// The job.
    pub name: String,
    /// One figure a round.
    pub seconds: Vec<f64>,
    /// The largest of the rounds.
    pub peak_kib: Option<u64>,
    /// What was found, the same in every round.
    pub answer: Answer,
    /// Why there are no figures. A job that failed once has none: it is left out of the rounds that follow.
    pub problem: Option<String>,
}

/// Measures each job once a round, and says on standard error where it stands.
pub fn take_turns(what: &str, rounds: usize, mut jobs: Vec<Job<'_>>) -> Vec<Series> {
    let mut all: Vec<Series> = jobs.iter().map(|job| Series::new(&job.name)).collect();
    for round in 1..=rounds {
        for (series, job) in all.iter_mut().zip(&mut jobs) {
            if series.problem.is_some() {
                continue;
            }
            progress(&format!("{what}: round {round} of {rounds}, {}", series.name));
            match (job.run)() {
                Ok(sample) => series.add(sample),
                Err(error) => series.fail(format!("{error:#}")),
            }
        }
    }
    all
}

impl Series {
    fn new(name: &str) -> Self {
        Series {
            name: name.to_owned(),
            seconds: Vec::new(),
            peak_kib: None,
            answer: Answer::Nothing,
            problem: None,
        }
    }

    fn add(&mut self, sample: Sample) {
        if !self.seconds.is_empty() && self.answer != sample.answer {
            self.fail("it finds something else in each round".to_owned());
            return;
        }
        self.seconds.push(sample.seconds);
        self.peak_kib = self.peak_kib.max(sample.peak_kib);
        self.answer = sample.answer;
    }

    fn fail(&mut self, problem: String) {
        progress(&format!("{}: {problem}", self.name));
        self.seconds.clear();
        self.problem = Some(problem);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn sample(seconds: f64, rule: &str) -> Sample {
        let mut matches = Matches::default();
        matches.insert(rule, "file");
        Sample { seconds, peak_kib: Some(seconds as u64), answer: Answer::Matches(matches) }
    }

    #[test]
    fn jobs_take_turns_and_one_that_fails_leaves() {
        let order = RefCell::new(String::new());
        let job = |name: &str, fails: bool| {
            let (own, order) = (name.to_owned(), &order);
            let run = move || {
                order.borrow_mut().push_str(&own);
                if fails { anyhow::bail!("broken") } else { Ok(sample(order.borrow().len() as f64, "r")) }
            };
            Job { name: name.to_owned(), run: Box::new(run) }
        };
        let series = take_turns("test", 2, vec![job("A", false), job("B", true), job("C", false)]);
        assert_eq!(*order.borrow(), "ABCAC");
        assert_eq!(series[0].seconds, [1.0, 4.0]);
        assert_eq!(series[1].problem.as_deref(), Some("broken"));
        assert_eq!((series[2].seconds.as_slice(), series[2].peak_kib), (&[3.0, 5.0][..], Some(5)));
    }

    #[test]
    fn other_answers_in_another_round_are_no_figure() {
        let mut round = 0;
        let run = || {
            round += 1;
            Ok(sample(1.0, if round == 1 { "a" } else { "b" }))
        };
        let series = take_turns("test", 2, vec![Job { name: "A".to_owned(), run: Box::new(run) }]);
        assert!(series[0].problem.is_some() && series[0].seconds.is_empty());
    }
}
