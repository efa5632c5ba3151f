//! Long runs of one byte, such as padding: deep inside of one, an atom leads to the same at every place.
//!
//! Zeros are part of many patterns, so that without this each place of a run has all of them compared again. What led
//! to no match at one place leads to none at any other around which the bytes that were compared are the same.

use std::ops::Range;

use hallmark_image::lanes::Lane;

/// How far from an atom bytes may have been compared for the result to be kept.
const MAX_REACH: usize = 4096;
/// Bytes compared in one go.
const STRIDE: usize = 64;
/// How far a run is followed at a time, so that the clock is looked at now and then.
const MAX_RUN: usize = 1 << 22;

/// What is known of the run of bytes that was looked at last.
#[derive(Debug, Default)]
pub(crate) struct Padding {
    byte: u8,
    run: Range<usize>,
    /// For each lane, what is known of the atom made of one byte.
    quiet: [Option<Quiet>; Lane::COUNT],
}

/// An atom of which no match came, where so many bytes before and after its first one are all the same.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    byte: u8,
    before: usize,
    after: usize,
}

impl Padding {
    /// The byte that an atom of a lane consists of, if it is one only.
    pub fn byte(lane: Lane, atom: u32) -> Option<u8> {
        let byte = atom as u8;
        (Self::atom(lane, byte) == atom).then_some(byte)
    }

    /// The atom of a lane that consists of one byte only.
    pub fn atom(lane: Lane, byte: u8) -> u32 {
        let bits = lane.width().saturating_mul(8) as u32;
        let all = u32::from_ne_bytes([byte; 4]);
        all.checked_shr(u32::BITS.saturating_sub(bits)).unwrap_or_default()
    }

    /// Whether the atom of this byte that stands at `at` is known to lead to no match.
    pub fn is_quiet(&mut self, lane: Lane, byte: u8, data: &[u8], at: usize) -> bool {
        let known = self.quiet.get(lane as usize).copied().flatten().filter(|quiet| quiet.byte == byte);
        known.is_some_and(|quiet| self.surrounds(data, at, &quiet))
    }

    /// Notes that the atom of this byte at `at` led to no match, for which the bytes of `compared` were looked at.
    pub fn learn(&mut self, lane: Lane, byte: u8, data: &[u8], at: usize, compared: &Range<usize>) {
        let (before, after) = (at.saturating_sub(compared.start), compared.end.saturating_sub(at));
        let quiet = Quiet { byte, before, after };
        if before.max(after) <= MAX_REACH
            && self.surrounds(data, at, &quiet)
            && let Some(slot) = self.quiet.get_mut(lane as usize)
        {
            *slot = Some(quiet);
        }
    }

    /// Whether the bytes around `at` are all the same as far as it matters.
    fn surrounds(&mut self, data: &[u8], at: usize, quiet: &Quiet) -> bool {
        if self.byte != quiet.byte || !self.run.contains(&at) {
            self.byte = quiet.byte;
            self.run = run_around(data, quiet.byte, at);
        }
        self.run.start.saturating_add(quiet.before) <= at && at.saturating_add(quiet.after) <= self.run.end
    }
}

/// The run of `byte` around `at`, as far back as matters.
fn run_around(data: &[u8], byte: u8, at: usize) -> Range<usize> {
    let (before, after) = data.split_at_checked(at).unwrap_or_default();
    let after = after.get(..MAX_RUN).unwrap_or(after);
    let back = before.iter().rev().take(MAX_REACH).take_while(|b| **b == byte).count();
    // Without a branch for each byte.
    let is_same = |chunk: &&[u8]| chunk.iter().fold(0, |different, b| different | (b ^ byte)) == 0;
    let whole = after.chunks(STRIDE).take_while(is_same).map(<[u8]>::len).sum::<usize>();
    let rest = after.get(whole..).unwrap_or_default().iter().take_while(|b| **b == byte).count();
    at.saturating_sub(back)..at.saturating_add(whole).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atoms_of_one_byte_are_told_from_others() {
        assert_eq!(Padding::byte(Lane::Main, 0), Some(0));
        assert_eq!(Padding::byte(Lane::Main, 0x4141_4141), Some(b'A'));
        assert_eq!(Padding::byte(Lane::Main, 0x0041_4141), None);
        assert_eq!(Padding::byte(Lane::Short, 0x0041_4141), Some(b'A'));
        assert_eq!(Padding::byte(Lane::Short, 0x4141_4141), None);
    }

    #[test]
    fn only_places_with_the_same_bytes_around_are_quiet() {
        let mut data = vec![b'x'; 1000];
        data[100..900].fill(0);
        let mut padding = Padding::default();
        assert!(!padding.is_quiet(Lane::Main, 0, &data, 500), "nothing is known yet");
        padding.learn(Lane::Main, 0, &data, 104, &(99..140));
        assert!(!padding.is_quiet(Lane::Main, 0, &data, 500), "what was compared was not all the same");
        padding.learn(Lane::Main, 0, &data, 500, &(480..530));
        let quiet: Vec<usize> = (0..1000).filter(|&at| padding.is_quiet(Lane::Main, 0, &data, at)).collect();
        assert_eq!(quiet, (120..=870).collect::<Vec<_>>());
        assert!(
            !padding.is_quiet(Lane::Short, 0, &data, 500) && !padding.is_quiet(Lane::Main, 1, &data, 500)
        );
    }

    #[test]
    fn runs_end_where_they_end() {
        for (start, end) in [(0, 0), (0, 1), (3, 64), (3, 67), (3, 68), (10, 200)] {
            let mut data = vec![1; 200];
            data[start..end].fill(0);
            for at in start..end {
                assert_eq!(run_around(&data, 0, at), start..end);
            }
        }
    }
}
