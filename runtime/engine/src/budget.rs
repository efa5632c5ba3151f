//! What a scan may spend. Every loop over scanned bytes, states or instructions is charged here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::limits::{CHECK_STEPS, SCAN_STEPS, SCAN_STEPS_PER_BYTE, VARIANT_STEPS, VARIANT_STEPS_PER_BYTE};
use crate::outcome::Why;
use crate::settings::Settings;
use crate::view::Gone;

/// Why work ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The budget is exhausted; [`Budget::why`] tells of what. If it is `None`, the variant being verified has no steps
    /// left.
    Exhausted,
    /// A condition needs something that is not known yet: the matches of a pattern that has not been searched, or the
    /// result of a rule that waits for such matches.
    Waiting,
    /// A condition needs something that is no longer at hand.
    Unknown,
}

impl From<Gone> for Stopped {
    fn from(_: Gone) -> Self {
        Stopped::Unknown
    }
}

#[derive(Debug)]
pub(crate) struct Budget<'a> {
    deadline: Option<Instant>,
    cancel: Option<&'a AtomicBool>,
    max_steps: u64,
    /// Steps spent up to the last look.
    spent: u64,
    /// Steps granted at the last look.
    granted: u64,
    /// Steps left of those.
    left: u64,
    why: Option<Why>,
    /// Most steps of one variant's verifications.
    of_variant: u64,
    /// Steps that verifications may still take.
    of_scan: u64,
    /// Steps spent when the present verification began, and those at which it has to end.
    verification: Option<(u64, u64)>,
}

impl<'a> Budget<'a> {
    /// For data of so many bytes. Where the caller sets no limit of steps, verifications have one.
    pub fn new(settings: &Settings<'a>, len: usize) -> Self {
        let per_byte = |steps: u64, more: u64| match settings.max_steps {
            None => steps.saturating_mul(len as u64).saturating_add(more),
            Some(_) => u64::MAX,
        };
        let max_steps = settings.max_steps.unwrap_or(u64::MAX);
        let granted = CHECK_STEPS.min(max_steps);
        Budget {
            deadline: settings.deadline,
            cancel: settings.cancel,
            max_steps,
            spent: 0,
            granted,
            left: granted,
            why: None,
            of_variant: per_byte(VARIANT_STEPS_PER_BYTE, VARIANT_STEPS),
            of_scan: per_byte(SCAN_STEPS_PER_BYTE, SCAN_STEPS),
            verification: None,
        }
    }

    /// Begins a verification of a variant that has taken `spent` steps already.
    pub fn begin(&mut self, spent: u64) -> Result<(), Stopped> {
        let left = self.of_variant.saturating_sub(spent).min(self.of_scan);
        if left == 0 {
            return Err(Stopped::Exhausted);
        }
        let now = self.steps();
        self.verification = Some((now, now.saturating_add(left)));
        Ok(())
    }

    /// Ends a verification; answers the steps it took.
    pub fn end(&mut self) -> u64 {
        let steps = self.verification.take().map_or(0, |(began, _)| self.steps().saturating_sub(began));
        self.of_scan = self.of_scan.saturating_sub(steps);
        steps
    }

    /// The same budget under a cancel flag with another lifetime.
    pub fn under<'b>(self, cancel: Option<&'b AtomicBool>) -> Budget<'b> {
        let Budget {
            deadline, max_steps, spent, granted, left, why, of_variant, of_scan, verification, ..
        } = self;
        Budget { deadline, cancel, max_steps, spent, granted, left, why, of_variant, of_scan, verification }
    }

    /// Grants more, for `len` more bytes of a stream.
    pub fn extend(&mut self, len: usize) {
        let grant =
            |left: &mut u64, steps: u64| *left = left.saturating_add(steps.saturating_mul(len as u64));
        grant(&mut self.of_variant, VARIANT_STEPS_PER_BYTE);
        grant(&mut self.of_scan, SCAN_STEPS_PER_BYTE);
    }

    /// Charges the scan for verifications of a part of it.
    pub fn charge_verifications(&mut self, steps: u64) {
        self.of_scan = self.of_scan.saturating_sub(steps);
    }

    /// The budget is exhausted because that of a part of the scan is.
    pub fn stop(&mut self, why: Why) -> Stopped {
        self.why = self.why.or(Some(why));
        Stopped::Exhausted
    }

    /// Charges `steps`.
    #[inline]
    pub fn spend(&mut self, steps: u64) -> Result<(), Stopped> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => self.renew(steps),
        }
    }

    /// Looks at the clock and at the caller's wish.
    pub fn check(&mut self) -> Result<(), Stopped> {
        if self.why.is_none() {
            self.why = why_over(self.deadline, self.cancel);
        }
        if self.why.is_some() { Err(Stopped::Exhausted) } else { Ok(()) }
    }

    pub fn why(&self) -> Option<Why> {
        self.why
    }

    pub fn steps(&self) -> u64 {
        self.spent.saturating_add(self.granted.saturating_sub(self.left)).min(self.max_steps)
    }

    #[cold]
    fn renew(&mut self, steps: u64) -> Result<(), Stopped> {
        let used = self.granted.saturating_sub(self.left).saturating_add(steps);
        self.spent = self.spent.saturating_add(used);
        (self.granted, self.left) = (0, 0);
        if self.spent > self.max_steps && self.why.is_none() {
            self.why = Some(Why::Steps);
        }
        self.check()?;
        if self.verification.is_some_and(|(_, end)| self.spent > end) {
            return Err(Stopped::Exhausted);
        }
        self.granted = CHECK_STEPS.min(self.max_steps.saturating_sub(self.spent));
        self.left = self.granted;
        Ok(())
    }
}

/// Whether the caller wants the scan to end by now, and why.
pub(crate) fn why_over(deadline: Option<Instant>, cancel: Option<&AtomicBool>) -> Option<Why> {
    if cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
        return Some(Why::Cancelled);
    }
    deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Why::Deadline)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn steps_are_counted_exactly() {
        let mut budget = Budget::new(&Settings { max_steps: Some(10_000), ..Settings::default() }, 0);
        for _ in 0..10_000 {
            assert_eq!(budget.spend(1), Ok(()));
        }
        assert_eq!(budget.steps(), 10_000);
        assert_eq!(budget.spend(1), Err(Stopped::Exhausted));
        assert_eq!(budget.why(), Some(Why::Steps));
        assert_eq!(budget.spend(1), Err(Stopped::Exhausted), "it stays exhausted");
        let mut budget = Budget::new(&Settings { max_steps: Some(0), ..Settings::default() }, 0);
        assert_eq!(budget.spend(1), Err(Stopped::Exhausted));
    }

    #[test]
    fn time_and_wishes_are_looked_at() {
        let past = Instant::now().checked_sub(Duration::from_secs(1));
        let mut budget = Budget::new(&Settings { deadline: past, ..Settings::default() }, 0);
        assert!((0..=CHECK_STEPS).any(|_| budget.spend(1).is_err()));
        assert_eq!(budget.why(), Some(Why::Deadline));
        let cancel = AtomicBool::new(false);
        let mut budget = Budget::new(&Settings { cancel: Some(&cancel), ..Settings::default() }, 0);
        assert_eq!(budget.check(), Ok(()));
        cancel.store(true, Ordering::Relaxed);
        assert_eq!(budget.spend(1_000_000), Err(Stopped::Exhausted));
        assert_eq!(budget.why(), Some(Why::Cancelled));
    }
}
