//! Matches of one scan, by rule and pattern. Only what was touched costs anything: tables are stamped, not cleared.

use hallmark_image::RuleId;

use crate::limits::{KEEP_CAPACITY, KEEP_LISTS, KEEP_MATCHES, MAX_MATCHES, MAX_TOTAL_MATCHES};

/// One match of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Offset of its first byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
    /// The key, for `xor` patterns.
    pub xor_key: Option<u8>,
}

/// What is known about a rule in this scan.
#[derive(Debug, Clone, Copy, Default)]
struct RuleCell {
    stamp: u32,
    flags: u8,
    /// Index of the cell of the rule's first pattern.
    first_cell: u32,
}

const TOUCHED: u8 = 1;
const TRIGGERED: u8 = 2;
const MATCHED: u8 = 4;
const WAITING: u8 = 8;
const ADMITTED: u8 = 16;
const EXCLUDED: u8 = 32;
const UNKNOWN: u8 = 64;

/// The matches of one pattern.
#[derive(Debug, Default)]
struct List {
    rule: u32,
    pattern: u32,
    matches: Vec<Match>,
    /// Length of the sorted part that has one match an offset.
    settled: usize,
    /// Everywhere was searched, for patterns that are searched on demand.
    complete: bool,
    /// Matches were dropped.
    truncated: bool,
}

/// The matches of one pattern in a part of the data.
#[derive(Debug)]
pub(crate) struct Found {
    pub rule: RuleId,
    pub pattern: usize,
    pub matches: Vec<Match>,
    /// Matches were dropped.
    pub truncated: bool,
}

/// Matches of one scan, by rule and pattern.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    stamp: u32,
    rules: Vec<RuleCell>,
    /// For each pattern of each touched rule: zero, or one more than the index of its list.
    cells: Vec<u32>,
    lists: Vec<List>,
    used: usize,
    total: usize,
    triggered: Vec<RuleId>,
}

impl Matches {
    /// Forgets the last scan.
    pub fn reset(&mut self, rule_slots: usize) {
        if self.rules.len() < rule_slots {
            self.rules.resize(rule_slots, RuleCell::default());
        }
        self.stamp = self.stamp.checked_add(1).unwrap_or_else(|| {
            self.rules.fill(RuleCell::default());
            1
        });
        for list in self.lists.iter_mut().take(self.used) {
            if list.matches.capacity() > KEEP_MATCHES {
                list.matches = Vec::new();
            }
        }
        self.lists.truncate(KEEP_LISTS);
        self.cells.clear();
        self.cells.shrink_to(KEEP_CAPACITY);
        self.triggered.clear();
        (self.used, self.total) = (0, 0);
    }

    /// Rules with a match of a pattern that triggers them, in the order found.
    pub fn triggered(&self) -> &[RuleId] {
        &self.triggered
    }

    /// Matches added so far.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Matches of a pattern; sorted after [`Matches::settle`].
    pub fn get(&self, rule: RuleId, pattern: usize) -> &[Match] {
        self.list(rule, pattern).map_or(&[], |l| &l.matches)
    }

    pub fn is_complete(&self, rule: RuleId, pattern: usize) -> bool {
        self.list(rule, pattern).is_some_and(|l| l.complete)
    }

    /// Whether the rule's condition was found true.
    pub fn matched(&self, rule: RuleId) -> bool {
        self.flags(rule) & MATCHED != 0
    }

    pub fn set_matched(&mut self, rule: RuleId) {
        self.set_flag(rule, MATCHED);
    }

    /// Whether the rule's condition needs what is no longer at hand.
    pub fn is_unknown(&self, rule: RuleId) -> bool {
        self.flags(rule) & UNKNOWN != 0
    }

    pub fn set_unknown(&mut self, rule: RuleId) {
        self.set_flag(rule, UNKNOWN);
    }

    /// Whether the rule waits for patterns to be searched.
    pub fn is_waiting(&self, rule: RuleId) -> bool {
        self.flags(rule) & WAITING != 0
    }

    pub fn set_waiting(&mut self, rule: RuleId) {
        self.set_flag(rule, WAITING);
    }

    pub fn clear_waiting(&mut self, rule: RuleId) {
        if let Some(cell) = self.rules.get_mut(rule.index()) {
            cell.flags &= !WAITING;
        }
    }

    /// Whether the rule's gate is open, which `judge` is asked once a scan.
    pub fn admits(&mut self, rule: RuleId, judge: impl FnOnce() -> bool) -> bool {
        match self.flags(rule) & (ADMITTED | EXCLUDED) {
            0 => {
                let open = judge();
                self.set_flag(rule, if open { ADMITTED } else { EXCLUDED });
                open
            }
            known => known == ADMITTED,
        }
    }

    pub fn is_touched(&self, rule: RuleId) -> bool {
        self.flags(rule) & TOUCHED != 0
    }

    /// Notes that the rule has `patterns` patterns and one of them is about to get matches.
    pub fn touch(&mut self, rule: RuleId, patterns: usize) {
        if self.is_touched(rule) {
            return;
        }
        self.set_flag(rule, TOUCHED);
        let first = self.cells.len();
        self.cells.resize(first.saturating_add(patterns), 0);
        if let Some(cell) = self.rules.get_mut(rule.index()) {
            cell.first_cell = u32::try_from(first).unwrap_or(u32::MAX);
        }
    }

    /// Adds a match to a pattern of a touched rule.
    pub fn add(&mut self, rule: RuleId, pattern: usize, trigger: bool, found: Match) {
        let room = self.total < MAX_TOTAL_MATCHES;
        let Some(list) = self.list_mut(rule, pattern) else { return };
        if list.matches.len() >= MAX_MATCHES.saturating_mul(2) {
            list.settle();
        }
        if !room || list.truncated {
            list.truncated = true;
            return;
        }
        list.matches.push(found);
        self.total = self.total.saturating_add(1);
        if trigger && self.flags(rule) & TRIGGERED == 0 {
            self.set_flag(rule, TRIGGERED);
            self.triggered.push(rule);
        }
    }

    /// Takes everything found out, to be added to the matches of another scan.
    pub fn take(&mut self) -> Vec<Found> {
        let lists = self.lists.iter_mut().take(self.used);
        lists
            .map(|list| Found {
                rule: RuleId::new(list.rule),
                pattern: list.pattern as usize,
                matches: std::mem::take(&mut list.matches),
                truncated: list.truncated,
            })
            .collect()
    }

    /// Notes that matches of a pattern of a touched rule were dropped.
    pub fn set_truncated(&mut self, rule: RuleId, pattern: usize) {
        if let Some(list) = self.list_mut(rule, pattern) {
            list.settle();
            list.truncated = true;
        }
    }

    /// Notes that a pattern of a touched rule was searched everywhere.
    pub fn set_complete(&mut self, rule: RuleId, pattern: usize) {
        if let Some(list) = self.list_mut(rule, pattern) {
            list.complete = true;
            list.settle();
        }
    }

    /// Sorts one pattern's matches and keeps the longest at each offset.
    pub fn settle(&mut self, rule: RuleId, pattern: usize) {
        if let Some(list) = self.list_mut(rule, pattern) {
            list.settle();
        }
    }

    /// Sorts all matches and keeps the longest at each offset.
    pub fn settle_all(&mut self) {
        self.lists.iter_mut().take(self.used).for_each(List::settle);
    }

    /// Patterns of which matches were dropped.
    pub fn truncated(&self) -> impl Iterator<Item = (RuleId, usize)> + '_ {
        let lists = self.lists.iter().take(self.used).filter(|l| l.truncated);
        lists.map(|l| (RuleId::new(l.rule), l.pattern as usize))
    }

    fn flags(&self, rule: RuleId) -> u8 {
        self.rules.get(rule.index()).filter(|c| c.stamp == self.stamp).map_or(0, |c| c.flags)
    }

    fn set_flag(&mut self, rule: RuleId, flag: u8) {
        let stamp = self.stamp;
        if let Some(cell) = self.rules.get_mut(rule.index()) {
            if cell.stamp != stamp {
                *cell = RuleCell { stamp, ..RuleCell::default() };
            }
            cell.flags |= flag;
        }
    }

    fn cell(&self, rule: RuleId, pattern: usize) -> Option<usize> {
        let cell = self.rules.get(rule.index())?;
        if cell.stamp != self.stamp || cell.flags & TOUCHED == 0 {
            return None;
        }
        (cell.first_cell as usize).checked_add(pattern)
    }

    fn list(&self, rule: RuleId, pattern: usize) -> Option<&List> {
        let index = self.cells.get(self.cell(rule, pattern)?)?.checked_sub(1)?;
        self.lists.get(index as usize)
    }

    fn list_mut(&mut self, rule: RuleId, pattern: usize) -> Option<&mut List> {
        let cell = self.cell(rule, pattern)?;
        let cell = self.cells.get_mut(cell)?;
        if *cell == 0 {
            let index = self.used;
            if index == self.lists.len() {
                self.lists.push(List::default());
            }
            let list = self.lists.get_mut(index)?;
            list.matches.clear();
            (list.settled, list.complete, list.truncated) = (0, false, false);
            (list.rule, list.pattern) = (rule.get(), u32::try_from(pattern).ok()?);
            self.used = index.saturating_add(1);
            *cell = u32::try_from(self.used).ok()?;
        }
        self.lists.get_mut(cell.checked_sub(1)? as usize)
    }
}

impl List {
    fn settle(&mut self) {
        if self.settled == self.matches.len() {
            return;
        }
        // The longest first among equals, so that it is the one that stays.
        let key = |m: &Match| (m.offset, std::cmp::Reverse(m.length), m.xor_key);
        if !self.matches.is_sorted_by_key(key) {
            self.matches.sort_unstable_by_key(key);
        }
        self.matches.dedup_by_key(|m| m.offset);
        if self.matches.len() > MAX_MATCHES {
            self.matches.truncate(MAX_MATCHES);
            self.truncated = true;
        }
        self.settled = self.matches.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn m(offset: u64, length: u64) -> Match {
        Match { offset, length, xor_key: None }
    }

    #[test]
    fn the_longest_match_of_an_offset_stays() {
        let mut matches = Matches::default();
        matches.reset(32);
        let rule = RuleId::new(7);
        matches.touch(rule, 3);
        for found in [m(9, 2), m(3, 4), m(9, 5), m(9, 3), m(3, 4)] {
            matches.add(rule, 1, true, found);
        }
        matches.settle_all();
        assert_eq!(matches.get(rule, 1), [m(3, 4), m(9, 5)]);
        assert_eq!(matches.get(rule, 0), []);
        assert_eq!(matches.triggered(), [rule]);
        matches.reset(32);
        assert_eq!(matches.get(rule, 1), []);
        assert!(matches.triggered().is_empty() && !matches.is_touched(rule));
    }

    #[test]
    fn matches_beyond_the_cap_are_dropped_and_told() {
        let mut matches = Matches::default();
        matches.reset(1);
        let rule = RuleId::new(0);
        matches.touch(rule, 1);
        for i in 0..2 * MAX_MATCHES as u64 + 2 {
            matches.add(rule, 0, false, m(i, 1));
        }
        matches.settle_all();
        assert_eq!(matches.get(rule, 0).len(), MAX_MATCHES);
        assert_eq!(matches.truncated().collect::<Vec<_>>(), [(rule, 0)]);
    }

    #[test]
    fn stamps_survive_their_overflow() {
        let mut matches = Matches { stamp: u32::MAX - 1, ..Matches::default() };
        for _ in 0..4 {
            matches.reset(2);
            assert!(!matches.matched(RuleId::new(1)));
            matches.set_matched(RuleId::new(1));
            assert!(matches.matched(RuleId::new(1)) && !matches.matched(RuleId::new(0)));
        }
    }
}
