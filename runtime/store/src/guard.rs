//! The guard against a database that crashes whoever loads it. Input: a store, the image about to be used, and what the
//! scanner tells while it starts. Output: a [`Watch`] that remembers the start, and [`GuardState`], what earlier ones
//! came to.
//!
//! A start is a file `starts/<image>.<name>`, locked while its process lives; its last line says how far it came:
//!
//! ```text
//! (empty)    reading and proving the image
//! loaded     nothing is scanned yet
//! scanning   the first scan is under way
//! finished   a scan has ended: nothing counts against the image any more
//! ```
//!
//! A start that is locked by nobody and was reading or scanning is a **crash**. After [`MAX_CRASHES`] of them the image
//! is refused, until another one is in force. A process that ends in order, or between loading and scanning, takes no
//! part, nor does one that still runs: scanners that start at the same moment are not taken for each other's crashes.
//! Once a scan has finished, starts are no longer written down.

use std::fs::{DirEntry, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use hallmark_container::Digest;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::process::{Resource, getrlimit};

use crate::Error;
use crate::file::{create_directory, remove_if_present};
use crate::owner::check_directory;

/// Folder of a store that holds its starts.
pub(crate) const STARTS: &str = "starts";

/// Crashes before a first finished scan after which an image is refused. One may be bad luck, two a coincidence.
pub const MAX_CRASHES: usize = 3;

/// Entries of the folder that are looked at. No more than the scanners of one moment and [`MAX_CRASHES`] come together.
const MAX_STARTS: usize = 4096;

/// Longest start: every word once, with room.
const MAX_START: u64 = 64;

/// Names that are tried for a start: process and time make them differ but for clocks that stand still.
const NAME_ATTEMPTS: usize = 16;

/// How far a start came. The words are those of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Phase {
    Loading,
    Loaded,
    Scanning,
    Finished,
}

impl Phase {
    const ALL: [(Phase, &str); 4] = [
        (Phase::Loading, ""),
        (Phase::Loaded, "loaded"),
        (Phase::Scanning, "scanning"),
        (Phase::Finished, "finished"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(phase, _)| *phase == self).map_or("", |(_, word)| word)
    }

    fn of(text: &str) -> Self {
        let last = text.lines().last().unwrap_or_default();
        Self::ALL.iter().find(|(_, word)| *word == last).map_or(Phase::Loading, |(phase, _)| *phase)
    }
}

/// What is known of the starts with one image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GuardState {
    /// Whether a scan with it has finished here.
    pub finished: bool,
    /// Starts that crashed before a first finished scan.
    pub crashes: usize,
}

impl GuardState {
    /// Whether the image must not be used.
    pub fn is_refused(&self) -> bool {
        !self.finished && self.crashes >= MAX_CRASHES
    }
}

/// What the starts with `image` came to, as far as this user may read them.
///
/// # Errors
/// The folder cannot be read, or others can write to it.
pub fn guard_state(store: &Path, image: &Digest) -> Result<GuardState, Error> {
    let directory = store.join(STARTS);
    if matches!(directory.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound) {
        return Ok(GuardState::default());
    }
    let mut state = GuardState::default();
    for entry in starts(&directory)?.filter(|entry| is_start_of(entry, image)) {
        match outcome(&entry.path()) {
            Some((Phase::Finished, _)) => state.finished = true,
            Some((Phase::Loading | Phase::Scanning, false)) => {
                state.crashes = state.crashes.saturating_add(1)
            }
            _ => {}
        }
    }
    Ok(state)
}

/// Whether `image` may be used. With `watch`, a start is written down; where that is not possible, the reason is the
/// second value, and the image is used all the same.
pub(crate) fn admit(
    store: &Path,
    image: &Digest,
    watch: bool,
) -> Result<(Option<Watch>, Option<Error>), Error> {
    let state = match guard_state(store, image) {
        Ok(state) => state,
        Err(error) => return Ok((None, Some(error))),
    };
    if state.is_refused() {
        return Err(Error::CrashLoop { image: *image, crashes: state.crashes });
    }
    if state.finished || !watch {
        return Ok((None, None));
    }
    Ok(match Watch::start(store, image) {
        Ok(watch) => (Some(watch), None),
        Err(error) => (None, Some(error)),
    })
}

/// Removes the starts with images other than `kept`.
pub(crate) fn remove_others(store: &Path, kept: &[Digest]) {
    let directory = store.join(STARTS);
    let Ok(entries) = starts(&directory) else { return };
    for entry in entries.filter(|entry| !kept.iter().any(|image| is_start_of(entry, image))) {
        // To save space only, as with everything that is left over.
        let _ = remove_if_present(&entry.path());
    }
}

fn starts(directory: &Path) -> Result<impl Iterator<Item = DirEntry> + use<>, Error> {
    check_directory(directory)?;
    let entries = std::fs::read_dir(directory).map_err(|e| Error::io("list", directory, e))?;
    Ok(entries.take(MAX_STARTS).flatten())
}

fn is_start_of(entry: &DirEntry, image: &Digest) -> bool {
    entry.file_name().to_str().and_then(|name| name.split_once('.')).is_some_and(|(of, _)| of == image.hex())
}

/// How far a start came and whether its process lives; `None` for one that cannot be read, or is gone by now.
fn outcome(path: &Path) -> Option<(Phase, bool)> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    // Shared, so that two who look at a moment do not take each other for its process.
    let lives = match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => false,
        Err(rustix::io::Errno::WOULDBLOCK) => true,
        Err(_) => return None,
    };
    let mut text = String::new();
    file.take(MAX_START).read_to_string(&mut text).ok()?;
    // Its process may have removed it between the opening and the lock.
    (lives || path.symlink_metadata().is_ok()).then(|| (Phase::of(&text), lives))
}

/// A start with an image that has not finished a scan in this store yet. Dropping it tells that the process went on
/// without it; only a process that dies, or a thread that panics, leaves a crash behind.
#[derive(Debug)]
pub struct Watch {
    file: Mutex<File>,
    path: PathBuf,
    phase: AtomicU8,
}

impl Watch {
    /// Writes a start down.
    fn start(store: &Path, image: &Digest) -> Result<Self, Error> {
        let directory = store.join(STARTS);
        create_directory(&directory)?;
        remove_unscanned(&directory, image)?;
        let (file, name) = create_unique(&directory)?;
        let hidden = directory.join(&name);
        let path = directory.join(format!("{}{name}", image.hex()));
        // Locked before it can be seen, so that whoever sees it unlocked knows that its process is gone.
        let shown = flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|e| Error::io("lock", &hidden, e))
            .and_then(|()| std::fs::rename(&hidden, &path).map_err(|e| Error::io("rename to", &path, e)));
        if let Err(error) = shown {
            let _ = std::fs::remove_file(&hidden);
            return Err(error);
        }
        Ok(Self { file: Mutex::new(file), path, phase: AtomicU8::new(Phase::Loading as u8) })
    }

    /// The image was read and proved.
    pub(crate) fn loaded(&self) {
        self.reach(Phase::Loaded);
    }

    /// A scan begins.
    pub fn scanning(&self) {
        self.reach(Phase::Scanning);
    }

    /// A scan has ended.
    pub fn finished(&self) {
        self.reach(Phase::Finished);
    }

    /// Phases only go forward; what was reached is not written again. The file is written through the descriptor, so
    /// that a scanner may give up its rights to the store after loading.
    fn reach(&self, phase: Phase) {
        if self.phase.load(Ordering::Relaxed) >= phase as u8 {
            return;
        }
        let Ok(mut file) = self.file.lock() else { return };
        if self.phase.load(Ordering::Relaxed) >= phase as u8 {
            return;
        }
        if may_write() {
            // A full disk leaves the start where it was; nothing here may stop a scan.
            let _ = file.write_all(format!("{}\n", phase.word()).as_bytes());
        }
        self.phase.store(phase as u8, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let finished = self.phase.load(Ordering::Relaxed) == Phase::Finished as u8;
        if finished || std::thread::panicking() {
            return;
        }
        if std::fs::remove_file(&self.path).is_err() {
            // Rights to the folder were given up meanwhile: let it end as one that scanned nothing.
            if let (Ok(mut file), true) = (self.file.lock(), may_write()) {
                let _ = file.write_all(format!("{}\n", Phase::Loaded.word()).as_bytes());
            }
        }
    }
}

/// A process that may not write any files would be killed for trying.
fn may_write() -> bool {
    getrlimit(Resource::Fsize).current.is_none_or(|most| most > MAX_START)
}

/// Creates a file with a name of its own, beginning with a dot.
fn create_unique(directory: &Path) -> Result<(File, String), Error> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true).mode(0o600);
    for attempt in 0..NAME_ATTEMPTS {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!(".{}-{}-{attempt}", std::process::id(), since.as_nanos());
        match options.open(directory.join(&name)) {
            Ok(file) => return Ok((file, name)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("create a file in", directory, error)),
        }
    }
    Err(Error::io("create a file in", directory, ErrorKind::AlreadyExists))
}

/// Removes starts that ended between loading and scanning: they say nothing, and a service that is restarted often
/// would pile them up.
fn remove_unscanned(directory: &Path, image: &Digest) -> Result<(), Error> {
    for entry in starts(directory)?.filter(|entry| is_start_of(entry, image)) {
        if outcome(&entry.path()) == Some((Phase::Loaded, false)) {
            let _ = remove_if_present(&entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn image() -> Digest {
        Digest::of(b"image")
    }

    /// What a process that is gone left behind.
    fn left(store: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(store.join(STARTS)).unwrap();
        std::fs::write(store.join(STARTS).join(format!("{}.{name}", image().hex())), text).unwrap();
    }

    fn state(store: &Path) -> (bool, usize) {
        let state = guard_state(store, &image()).unwrap();
        (state.finished, state.crashes)
    }

    fn files(store: &Path) -> usize {
        std::fs::read_dir(store.join(STARTS)).unwrap().count()
    }

    fn watched(store: &Path) -> Watch {
        admit(store, &image(), true).unwrap().0.unwrap()
    }

    #[test]
    fn only_starts_that_died_at_work_are_crashes() {
        for (texts, expected) in [
            (&[][..], (false, 0)),
            (&["", "loaded\n", "loaded\nscanning\n"], (false, 2)),
            (&["loaded\nscanning\nloaded\n"], (false, 0)),
            (&["", "", "loaded\nscanning\nfinished\n"], (true, 2)),
            (&["scan", "\n\n", "loaded\nscanning\n"], (false, 3)),
        ] {
            let store = tempfile::tempdir().unwrap();
            for (index, text) in texts.iter().enumerate() {
                left(store.path(), &index.to_string(), text);
            }
            assert_eq!(state(store.path()), expected, "{texts:?}");
            let refused = !expected.0 && expected.1 >= MAX_CRASHES;
            let admitted = admit(store.path(), &image(), true);
            assert_eq!(admitted.is_err(), refused, "{texts:?}");
            if refused {
                assert_eq!(admitted.unwrap_err(), Error::CrashLoop { image: image(), crashes: expected.1 });
            }
            assert!(admit(store.path(), &Digest::of(b"another"), true).unwrap().0.is_some());
        }
    }

    #[test]
    fn those_that_live_do_not_count() {
        let store = tempfile::tempdir().unwrap();
        let running: Vec<_> = (0..2 * MAX_CRASHES).map(|_| watched(store.path())).collect();
        for watch in &running {
            watch.loaded();
            watch.scanning();
        }
        assert_eq!(state(store.path()), (false, 0));
        assert_eq!(files(store.path()), running.len());
        drop(running);
        assert_eq!((state(store.path()), files(store.path())), ((false, 0), 0));
    }

    #[test]
    fn a_finished_scan_settles_it() {
        let store = tempfile::tempdir().unwrap();
        left(store.path(), "1", "");
        left(store.path(), "2", "loaded\nscanning\n");
        let (first, second) = (watched(store.path()), watched(store.path()));
        assert_eq!(state(store.path()), (false, 2));
        first.loaded();
        first.scanning();
        first.finished();
        first.scanning();
        assert_eq!(state(store.path()), (true, 2));
        drop((first, second));
        left(store.path(), "3", "");
        left(store.path(), "4", "");
        assert!(!guard_state(store.path(), &image()).unwrap().is_refused());
        let before = files(store.path());
        assert_eq!(admit(store.path(), &image(), true).unwrap().0.map(|_| ()), None);
        assert_eq!(files(store.path()), before, "nothing is written any more");
    }

    #[test]
    fn a_panic_is_a_crash_and_an_orderly_end_is_not() {
        let store = tempfile::tempdir().unwrap();
        let panicked = std::thread::scope(|scope| {
            let run = || {
                let watch = watched(store.path());
                watch.scanning();
                panic!("as a scanner might");
            };
            scope.spawn(run).join()
        });
        assert!(panicked.is_err());
        assert_eq!(state(store.path()), (false, 1));
        watched(store.path()).scanning();
        assert_eq!(state(store.path()), (false, 1));
    }

    #[test]
    fn ends_between_loading_and_scanning_do_not_pile_up() {
        let store = tempfile::tempdir().unwrap();
        for name in 0..50 {
            left(store.path(), &name.to_string(), "loaded\n");
        }
        let watch = watched(store.path());
        assert_eq!(files(store.path()), 1);
        drop(watch);
        left(store.path(), "old", "");
        remove_others(store.path(), &[image()]);
        assert_eq!(state(store.path()), (false, 1));
        remove_others(store.path(), &[Digest::of(b"newer")]);
        assert_eq!(files(store.path()), 0);
    }

    #[test]
    fn a_folder_that_others_write_is_not_believed() {
        let store = tempfile::tempdir().unwrap();
        (0..MAX_CRASHES).for_each(|name| left(store.path(), &name.to_string(), ""));
        let starts = store.path().join(STARTS);
        std::fs::set_permissions(&starts, Permissions::from_mode(0o777)).unwrap();
        let (watch, unwatched) = admit(store.path(), &image(), true).unwrap();
        assert!(watch.is_none() && matches!(unwatched, Some(Error::Insecure { .. })));
        std::fs::remove_dir_all(&starts).unwrap();
        std::fs::write(&starts, b"").unwrap();
        assert!(matches!(admit(store.path(), &image(), true), Ok((None, Some(_)))));
    }

    #[test]
    fn links_and_others_files_are_passed_over() {
        let store = tempfile::tempdir().unwrap();
        left(store.path(), "1", "");
        let starts = store.path().join(STARTS);
        let own = |name: &str| starts.join(format!("{}.{name}", image().hex()));
        std::os::unix::fs::symlink(own("1"), own("2")).unwrap();
        std::fs::create_dir(own("3")).unwrap();
        std::fs::write(starts.join("readme"), "").unwrap();
        assert_eq!(state(store.path()), (false, 1));
    }
}
