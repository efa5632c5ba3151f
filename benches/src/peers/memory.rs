//! Memory of several processes that scan with the same rules at once.
//!
//! The proportional set size (PSS) of a process counts a page that n processes share as 1/n of it. Its sum over the
//! processes is what they take together: memory that is truly shared is counted once.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::process::{Words, environment, shown};

/// How often memory is looked at.
const PAUSE: Duration = Duration::from_millis(20);
/// After so long there are enough samples.
const LONG_ENOUGH: Duration = Duration::from_secs(8);

/// What some processes took together, in KiB: the medians of samples taken while all of them ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Sum of the proportional set sizes.
    pub pss_kib: u64,
    /// What of it is mapped from the rules' own file.
    pub rules_kib: u64,
}

/// Starts `processes` of the same command, looks at their memory until the first one ends, and ends the others.
/// `rules` is the file or the folder whose mappings are told apart.
///
/// # Errors
/// A process can't be started, fails, or ends before it was looked at.
pub fn together(words: &Words, processes: usize, rules: &Path) -> anyhow::Result<Memory> {
    let (program, arguments) = words.split_first().context("a command line")?;
    let mut children = Vec::new();
    for _ in 0..processes {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        environment(&mut command);
        match command.spawn() {
            Ok(child) => children.push(child),
            Err(error) => {
                end(&mut children);
                return Err(error).with_context(|| format!("cannot run {}", shown(words)));
            }
        }
    }
    let samples = watch(&mut children, rules);
    end(&mut children);
    let samples = samples?;
    ensure!(!samples.is_empty(), "{} ended before its memory was looked at", shown(words));
    let median = |of: fn(&Memory) -> u64| {
        let mut values: Vec<u64> = samples.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    Ok(Memory { pss_kib: median(|m| m.pss_kib), rules_kib: median(|m| m.rules_kib) })
}

fn watch(children: &mut [Child], rules: &Path) -> anyhow::Result<Vec<Memory>> {
    let started = Instant::now();
    let mut samples = Vec::new();
    while started.elapsed() < LONG_ENOUGH {
        std::thread::sleep(PAUSE);
        let mut sum = Memory { pss_kib: 0, rules_kib: 0 };
        for child in &*children {
            let Some(one) = of_process(child.id(), rules) else { continue };
            sum.pss_kib += one.pss_kib;
            sum.rules_kib += one.rules_kib;
        }
        // Only now, so that a sample in which a process had ended is not taken for one of all.
        for child in &mut *children {
            match child.try_wait().context("cannot ask for the state of a process")? {
                None => {}
                // Hallmark says by 1 that something matched.
                Some(status) if matches!(status.code(), Some(0 | 1)) => return Ok(samples),
                Some(status) => bail!("a process ended with {status}"),
            }
        }
        samples.push(sum);
    }
    Ok(samples)
}

/// Ends processes, and waits until they are gone. That one has ended by itself is no error.
fn end(children: &mut [Child]) {
    for child in &mut *children {
        let _ = child.kill();
    }
    for child in children {
        let _ = child.wait();
    }
}

fn of_process(id: u32, rules: &Path) -> Option<Memory> {
    let rollup = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    let maps = std::fs::read_to_string(format!("/proc/{id}/smaps")).ok()?;
    Some(Memory { pss_kib: pss_of(&rollup, None), rules_kib: pss_of(&maps, Some(rules)) })
}

/// The sum of the `Pss:` lines in KiB: of all mappings, or of those whose file lies at or below `file`.
fn pss_of(maps: &str, file: Option<&Path>) -> u64 {
    let mut counted = file.is_none();
    let mut sum = 0;
    for line in maps.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if let (false, Some(file)) = (first.ends_with(':'), file) {
            // A mapping begins: addresses, rights, offset, device, inode, and the path, which may have spaces.
            counted = line.find('/').is_some_and(|at| Path::new(&line[at..]).starts_with(file));
        }
        if counted && first == "Pss:" {
            sum += line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    sum
}

/// Memory that can be given to new processes, in KiB.
pub fn available_kib() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;

    const MAPS: &str = "\
55d0-55d1 r--p 00000000 08:01 1234                       /usr/bin/x y
Size:                  4 kB
Pss:                   4 kB
Pss_Dirty:             0 kB
7f00-7f01 r--s 00000000 08:01 99                         /store/images/a
Pss:                  20 kB
7f02-7f03 rw-p 00000000 00:00 0 
Pss:                 300 kB
";

    #[test]
    fn shares_are_added_up_and_those_of_the_rules_told_apart() {
        assert_eq!(pss_of(MAPS, None), 324);
        assert_eq!(pss_of(MAPS, Some(Path::new("/store"))), 20);
        assert_eq!(pss_of(MAPS, Some(Path::new("/usr/bin/x y"))), 4);
        assert_eq!(pss_of(MAPS, Some(Path::new("/sto"))), 0);
    }

    #[test]
    fn running_processes_are_looked_at() {
        let memory =
            together(&words!["/bin/sh", "-c", "sleep 0.3; exit 1"], 2, Path::new("/nowhere")).unwrap();
        assert!(memory.pss_kib > 0 && memory.rules_kib == 0, "{memory:?}");
        let error =
            together(&words!["/bin/sh", "-c", "sleep 0.1; exit 2"], 1, Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().contains("exit status: 2"), "{error}");
    }
}
