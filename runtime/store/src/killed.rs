//! Installations that are killed at each step. A child process installs and ends itself with SIGKILL before its n-th
//! change to the disk; then the store is opened as an agent would, and installed into again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use hallmark_container::Container;
use rustix::process::{Signal, getpid, kill_process};

use crate::{LoadPolicy, install, open_current, store_state};

#[path = "../tests/common/mod.rs"]
mod common;

/// Set for the child: how many steps it may do, and the store.
const CHILD: &str = "HALLMARK_TEST_KILLED_AFTER";

thread_local! {
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    static LOG: RefCell<Vec<(&'static str, PathBuf)>> = const { RefCell::new(Vec::new()) };
}

/// What [`crate::file`] calls before each change.
pub(crate) fn step(action: &'static str, path: &Path) {
    LOG.with_borrow_mut(|log| log.push((action, path.to_owned())));
    let Some(left) = LEFT.get() else { return };
    if left == 0 {
        kill_process(getpid(), Signal::KILL).unwrap();
    }
    LEFT.set(left.checked_sub(1));
}

fn put(store: &Path, serial: u64) {
    let bytes = common::build(serial, &format!("database {serial}")).bytes();
    install(store, Container::parse(&bytes).unwrap(), &common::policy(), |_| Ok(())).unwrap();
}

/// The serial in force; the image must be that of the serial, and not a fallback.
fn in_force(store: &Path) -> u64 {
    let opened = open_current(store, &LoadPolicy::require(common::policy()), |_| Ok(())).unwrap();
    let serial = opened.info.note.unwrap().release().serial;
    assert_eq!(opened.info.fallback, None);
    assert_eq!(*opened.image, common::image(&format!("database {serial}")));
    serial
}

/// Names of all files, but for those of temporary ones that a kill may leave.
fn files(store: &Path) -> (BTreeSet<PathBuf>, usize) {
    let folders = ["", "images", "notes", "policies"].map(|name| store.join(name));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let all = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let (left, kept): (BTreeSet<_>, _) =
        all.partition(|path| path.extension().is_some_and(|extension| extension == "tmp"));
    (kept, left.len())
}

/// Installs `serial` in a child that is killed after `steps` steps. Whether it got to the end.
fn killed(store: &Path, serial: u64, steps: usize) -> bool {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::a_killed_installation_leaves_a_whole_database", "--nocapture"])
        .env(CHILD, format!("{steps} {serial} {}", store.display()))
        .output()
        .unwrap();
    use std::os::unix::process::ExitStatusExt as _;
    match (child.status.code(), child.status.signal()) {
        (Some(0), _) => true,
        (None, Some(9)) => false,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(&child.stdout)),
    }
}

fn child(task: &str) {
    let (steps, rest) = task.split_once(' ').unwrap();
    let (serial, store) = rest.split_once(' ').unwrap();
    LEFT.set(Some(steps.parse().unwrap()));
    put(Path::new(store), serial.parse().unwrap());
}

#[test]
fn a_killed_installation_leaves_a_whole_database() {
    if let Ok(task) = std::env::var(CHILD) {
        return child(&task);
    }
    // Into nothing, over one database, and over two, of which the older is removed.
    for before in 0..=2u64 {
        let next = before + 1;
        let (mut old, mut new, mut left_over) = (0, 0, 0);
        for steps in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let store = dir.path().join("store");
            (1..=before).for_each(|serial| put(&store, serial));
            let finished = killed(&store, next, steps);
            match store_state(&store) {
                Ok(state) => {
                    let serial = in_force(&store);
                    assert!(serial == before || serial == next, "step {steps}");
                    assert_eq!(state.floor, serial, "step {steps}");
                    if serial == next {
                        new += 1
                    } else {
                        old += 1
                    }
                    left_over += files(&store).1;
                }
                Err(error) => {
                    assert!(before == 0, "step {steps}: {error}");
                    old += 1;
                }
            }
            put(&store, next);
            assert_eq!(in_force(&store), next);
            let (files, temporary) = files(&store);
            let expected = 2 + 1 + 2 * if before == 0 { 1 } else { 2 };
            assert_eq!((files.len(), temporary), (expected, 0), "step {steps}: {files:?}");
            if finished {
                break;
            }
        }
        assert!(old > 20 && new > 1 && left_over < 2 * old, "{old} {new} {left_over}");
    }
}

/// A power cut takes what was not synced. Nothing gets a name before it is on the disk, and the state file comes last.
#[test]
fn every_name_leads_to_what_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    LOG.take();
    put(&store, 1);
    let log = LOG.take();
    let at = |wanted: &str, path: &Path| {
        log.iter().rposition(|(action, at)| *action == wanted && at == path).unwrap_or_else(|| {
            panic!("no {wanted} of {}: {log:?}", path.display());
        })
    };
    let commit = at("rename", &store.join("state"));
    for target in files(&store).0.iter().filter(|path| !path.ends_with("lock")) {
        let (folder, name) = (target.parent().unwrap(), target.file_name().unwrap().to_str().unwrap());
        let temporary = folder.join(format!(".{name}.tmp"));
        let renamed = at("rename", target);
        assert!(at("write", &temporary) < at("sync", &temporary));
        assert!(at("sync", &temporary) < renamed);
        let synced = log[renamed..].iter().position(|(action, at)| *action == "sync" && at == folder);
        assert_eq!(synced, Some(1), "{name}");
        assert!(renamed <= commit);
    }
    for folder in ["", "images", "notes", "policies"].map(|name| store.join(name)) {
        let created = at("create", &folder);
        assert_eq!(log[created + 1], ("sync", folder.parent().unwrap().to_owned()));
    }
}

/// Where the file system has no unnamed files, a write that fails leaves nothing either; and a left-over link of the same
/// name is in nobody's way.
#[test]
fn a_temporary_name_that_is_taken_is_freed() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    put(&store, 1);
    let elsewhere = dir.path().join("elsewhere");
    std::fs::write(&elsewhere, "mine").unwrap();
    std::os::unix::fs::symlink(&elsewhere, store.join(".state.tmp")).unwrap();
    put(&store, 2);
    assert_eq!(in_force(&store), 2);
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"mine");
}
