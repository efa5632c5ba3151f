//! Giving up rights and resources, for good. Input: limits. Output: how far the system went along.

use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// Resources of a confined process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct Limits {
    /// Seconds of processor time, and of waiting for it
    #[arg(long, value_name = "N")]
    pub seconds: u64,

    /// Bytes of address space
    #[arg(long, value_name = "N")]
    pub memory: u64,
}

impl Limits {
    /// The time as such.
    pub fn time(self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// Whether the kernel keeps a process from files, network and other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confinement {
    /// From all of them.
    Full,
    /// From some: the kernel knows an older Landlock.
    Partial,
    /// From none; the limits of resources hold all the same.
    None,
}

/// What keeps this process from giving up its rights.
#[derive(Debug)]
pub enum Lacking {
    /// The kernel lacks a part of it.
    Part(String),
    /// It has a limit that the system does not set.
    Limit(io::Error),
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lacking::Part(what) => write!(f, "a worker cannot be confined here: {what}"),
            Lacking::Limit(error) => write!(f, "a worker cannot be confined: setting its limits: {error}"),
        }
    }
}

impl std::error::Error for Lacking {}

/// Confines a process that scans one file after the other, much further than [`confine`]: of system calls there is only a
/// short list left, and where the kernel does not know a part of this it is refused. `memory` is bytes of address space,
/// what is in use already included; `files` is the descriptor, the first one that is free, that each file will have.
///
/// # Errors
/// What the system lacks.
#[cfg(target_os = "linux")]
pub fn confine_worker(memory: u64, files: RawFd) -> Result<(), Lacking> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| Lacking::Limit(error.into()))?;
    // What an older Landlock leaves out, sockets and signals, the list of system calls leaves out too.
    if landlock() == Confinement::None {
        return Err(Lacking::Part("the kernel has no Landlock, or it is switched off".to_owned()));
    }
    lower(Resource::As, memory).map_err(Lacking::Limit)?;
    for resource in [Resource::Core, Resource::Fsize, Resource::Nproc] {
        lower(resource, 0).map_err(Lacking::Limit)?;
    }
    let descriptors = u64::try_from(files).unwrap_or_default().saturating_add(1);
    lower(Resource::Nofile, descriptors).map_err(Lacking::Limit)?;
    super::syscalls::restrict(files)
        .map_err(|why| Lacking::Part(format!("the kernel does not filter system calls (seccomp): {why}")))
}

/// This system has neither Landlock nor seccomp.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn confine_worker(_memory: u64, _files: RawFd) -> Result<(), Lacking> {
    Err(Lacking::Part("that takes Landlock and seccomp, which are parts of Linux".to_owned()))
}

/// Confines this process: no more processor time and memory than `limits`, no core file, no new files or descriptors, no
/// new processes (as far as it is not root's), and by Landlock, where the kernel has it, no files, programs, sockets and
/// signals to others. It ends when its parent
/// does.
///
/// # Errors
/// A limit that the system does not set.
pub fn confine(limits: Limits) -> io::Result<Confinement> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let confinement = landlock();
    // A little more than the process allows itself, so that it can say by itself that it took too long.
    lower(Resource::Cpu, limits.seconds.saturating_add(1))?;
    lower(Resource::As, limits.memory)?;
    for resource in [Resource::Core, Resource::Fsize, Resource::Nproc] {
        lower(resource, 0)?;
    }
    // Standard input, output and errors are open.
    lower(Resource::Nofile, 3)?;
    Ok(confinement)
}

/// A limit that is lower already stays.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |now| now.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

#[cfg(target_os = "linux")]
fn landlock() -> Confinement {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetError, RulesetStatus, Scope,
    };
    let restrict = || -> Result<_, RulesetError> {
        Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V6))?
            .handle_access(AccessNet::from_all(ABI::V6))?
            .scope(Scope::from_all(ABI::V6))?
            .create()?
            .restrict_self()
    };
    match restrict().map(|status| status.ruleset) {
        Ok(RulesetStatus::FullyEnforced) => Confinement::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Confinement::Partial,
        Ok(RulesetStatus::NotEnforced) | Err(_) => Confinement::None,
    }
}

#[cfg(not(target_os = "linux"))]
fn landlock() -> Confinement {
    Confinement::None
}
