//! Files and folders that are exchanged while databases are opened and installed: what comes out is a right database or a
//! named error, never a wrong one. Whoever can do that is this user, since the store is nobody else's; it is the order of
//! checks that is tried, not who may do what.

use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hallmark_container::{Digest, encode};
use hallmark_image::Image;
use hallmark_store::{LoadPolicy, install, open_current};
use hallmark_tests::signed::{self, DB, key};

use crate::endpoint::{CURRENT, Endpoint, compiled, release, strict};

/// How often a store is opened, and how often it is installed into, while one pair of paths is exchanged.
const OPENED: usize = 100;
const INSTALLED: usize = 6;

/// A store of the same name that the attacker's own key and policy agree to, with rules that detect nothing.
fn evil_store(path: &Path) {
    let evil = key("evil.example", 9);
    let text = format!("db {DB}\nsigner evil {}\nquorum evil\n", evil.public());
    let policy = hallmark_container::Policy::parse(text.as_bytes()).unwrap();
    for serial in [CURRENT - 1, CURRENT] {
        let release = signed::pack(&compiled(1000 + serial), serial, None, &[]);
        let note = signed::note(release.note().release(), std::slice::from_ref(&evil));
        let bytes = encode(&note.to_bytes(), b"", release.payload()).unwrap();
        let container = hallmark_container::Container::parse(&bytes).unwrap();
        install(path, container, &policy, |_| Ok(())).unwrap();
    }
}

/// Puts `other` in the place of `path` and the first back: by renaming, so that what is mapped stays as it is.
fn exchange(path: &Path, other: &Path, aside: &Path) {
    let _ = fs::rename(path, aside);
    let _ = fs::rename(other, path);
    std::thread::yield_now();
    let _ = fs::rename(path, other);
    let _ = fs::rename(aside, path);
}

fn link(path: &Path, other: &Path, aside: &Path) {
    let _ = fs::rename(path, aside);
    let _ = symlink(other, path);
    std::thread::yield_now();
    let _ = fs::remove_file(path);
    let _ = fs::rename(aside, path);
}

fn only(folder: PathBuf, digest: Digest, end: &str) -> PathBuf {
    folder.join(format!("{}.{end}", digest.hex()))
}

/// Repeats `attack` on another thread for as long as it takes to do `turn` so many times.
fn during(attack: impl Fn() + Sync, turns: usize, mut turn: impl FnMut()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0u64.. {
                attack();
                if over.load(Ordering::Acquire) {
                    break;
                }
                // At rest for longer and longer, so that it hits whatever is done at whatever time that takes.
                std::thread::sleep(Duration::from_micros(n % 32 * 50));
            }
        });
        // What a turn panics with is told when the other thread has ended.
        let outcome = catch_unwind(AssertUnwindSafe(|| (0..turns).for_each(|_| turn())));
        over.store(true, Ordering::Release);
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    });
}

/// The pairs of paths that are exchanged: ours, and the attacker's in its place.
fn pairs(store: &Path, evil: &Path) -> Vec<(PathBuf, PathBuf)> {
    let state = |store: &Path| hallmark_store::store_state(store).unwrap();
    let (ours, theirs) = (state(store), state(evil));
    let (current, previous) = (ours.current, ours.previous.unwrap());
    let theirs = theirs.current;
    let file = |store: &Path, folder, digest, end| only(store.join(folder), digest, end);
    vec![
        (store.to_owned(), evil.to_owned()),
        (store.join("state"), evil.join("state")),
        (store.join("images"), evil.join("images")),
        (store.join("notes"), evil.join("notes")),
        (store.join("policies"), evil.join("policies")),
        (file(store, "images", current.image, "img"), file(evil, "images", theirs.image, "img")),
        (file(store, "images", current.image, "img"), file(store, "images", previous.image, "img")),
        (file(store, "notes", current.note, "note"), file(evil, "notes", theirs.note, "note")),
        (file(store, "notes", current.note, "note"), file(store, "notes", previous.note, "note")),
        (file(store, "policies", current.policy, "policy"), file(evil, "policies", theirs.policy, "policy")),
    ]
}

#[test]
fn exchanged_files_never_give_a_wrong_database() {
    let endpoint = Endpoint::new();
    let (store, evil, aside) = (&endpoint.store, endpoint.beside("evil"), endpoint.beside("aside"));
    evil_store(&evil);
    let right = [CURRENT - 1, CURRENT].map(|serial| Digest::of(&compiled(serial).image.unwrap()));
    let parse = |bytes: &[u8]| Image::parse_undigested(bytes).map(drop).map_err(|e| e.to_string());
    let (mut good, mut refused) = (0u32, 0u32);
    for (n, (ours, theirs)) in pairs(store, &evil).into_iter().enumerate() {
        // The stored policy decides only where it is pinned by a state file that is not the attacker's.
        let policies = if n < 2 { vec![strict()] } else { vec![strict(), LoadPolicy::default()] };
        let attack = || {
            exchange(&ours, &theirs, &aside);
            link(&ours, &theirs, &aside);
        };
        during(attack, OPENED, || {
            for policy in &policies {
                match open_current(store, policy, parse) {
                    Ok(database) => {
                        assert!(right.contains(&database.info.digest), "{}", ours.display());
                        assert_eq!(Digest::of(&database.image), database.info.digest);
                        good += 1;
                    }
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        refused += 1;
                    }
                }
            }
        });
        endpoint.unharmed();
    }
    assert!(good > 0 && refused > 0, "{good} {refused}");
}

#[test]
fn installations_among_exchanged_files_tell_the_truth() {
    let endpoint = Endpoint::new();
    let (store, evil, aside) = (&endpoint.store, endpoint.beside("evil"), endpoint.beside("aside"));
    evil_store(&evil);
    let offered = [7, 8].map(release);
    let mut serial = CURRENT;
    let mut refused = 0;
    // Files of the databases that installations replace are removed by them, so only what stays is exchanged.
    let stays = pairs(store, &evil).into_iter().take(5);
    for (ours, theirs) in stays {
        let attack = || exchange(&ours, &theirs, &aside);
        during(attack, INSTALLED, || {
            let next = &offered[(serial % 2) as usize];
            let mut note = next.note().release().clone();
            note.serial = serial + 1;
            let note = signed::note(&note, &[signed::builder(), signed::auditor()]);
            let bytes = encode(&note.to_bytes(), b"", next.payload()).unwrap();
            match endpoint.offer(&bytes) {
                Ok(now) => {
                    assert_eq!(now, serial + 1);
                    serial = now;
                }
                Err(name) => {
                    // An installation into the attacker's store meets its serials, or its own when it is told of late.
                    assert!(!name.is_empty() && !name.starts_with("Release/"), "{name}");
                    refused += 1;
                    serial =
                        hallmark_store::store_state(store).map_or(serial, |state| state.floor.max(serial));
                }
            }
        });
    }
    // How many are refused depends on the machine; an attacker's store of the same name takes our releases.
    assert!(serial > CURRENT || refused > 0);
    // Peace again: what is there is one of ours, or refused by name.
    let right = [5, 6, 7, 8].map(|serial| Digest::of(&compiled(serial).image.unwrap()));
    if let Ok(database) = open_current(store, &strict(), |_| Ok(())) {
        assert!(right.contains(&database.info.digest));
    }
}
