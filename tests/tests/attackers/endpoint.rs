//! An endpoint: a store with a database in force and one before it, and what is asked of it after an attack.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hallmark_compiler::Compilation;
use hallmark_container::Container;
use hallmark_publish::Release;
use hallmark_runtime::Database;
use hallmark_store::{Error, LoadPolicy, ReleaseBytes, install, open_current};
use hallmark_tests::compile_text;
use hallmark_tests::signed::{self, DB, auditor, builder, policy_for};

/// Serial of the database in force; the one before it has one less.
pub const CURRENT: u64 = 6;
/// Serial of the release that attackers alter.
pub const NEXT: u64 = 7;

/// Rules of which one matches the text `needle` and the serial.
pub fn compiled(serial: u64) -> Compilation {
    compile_text(&format!("rule Serial{serial} {{ strings: $a = \"needle{serial}\" condition: $a }}"))
}

/// A release that both signed.
pub fn release(serial: u64) -> Release {
    signed::pack(&compiled(serial), serial, Some(b"{}"), &[builder(), auditor()])
}

pub fn strict() -> LoadPolicy {
    LoadPolicy::require(policy_for(DB))
}

/// Name of an error, and of its cause.
pub fn name(error: &Error) -> String {
    let variant = |value: &dyn Debug| {
        format!("{value:?}").chars().take_while(char::is_ascii_alphanumeric).collect::<String>()
    };
    match error {
        Error::Release { source } => format!("Release/{}", variant(source)),
        Error::Container { source, .. } => format!("Container/{}", variant(source)),
        Error::Unprotected { current, .. } => format!("Unprotected/{}", name(current)),
        Error::Io { kind, .. } => format!("Io/{kind:?}"),
        other => variant(other),
    }
}

/// What is in a folder: bytes and mode of files, where links lead, and what else there is.
pub type Snapshot = BTreeMap<PathBuf, (Vec<u8>, u32)>;

pub fn snapshot(folder: &Path) -> Snapshot {
    let mut found = Snapshot::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Where scanners write that they started.
        if path.file_name().is_some_and(|name| name == "starts") {
            continue;
        }
        let metadata = path.symlink_metadata().unwrap();
        let bytes = match metadata.file_type() {
            kind if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
            kind if kind.is_file() => fs::read(&path).unwrap(),
            kind => {
                if kind.is_dir() {
                    found.extend(snapshot(&path));
                }
                Vec::new()
            }
        };
        found.insert(path, (bytes, metadata.mode()));
    }
    found
}

pub struct Endpoint {
    pub store: PathBuf,
    before: Snapshot,
    _dir: Option<tempfile::TempDir>,
}

impl Endpoint {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        Endpoint { _dir: Some(dir), ..Self::at(store) }
    }

    pub fn at(store: PathBuf) -> Self {
        for serial in [CURRENT - 1, CURRENT] {
            offer_to(&store, &release(serial).container().unwrap()).unwrap();
        }
        let before = snapshot(&store);
        Endpoint { store, before, _dir: None }
    }

    /// The one that another process made.
    pub fn existing(store: &Path) -> Self {
        Endpoint { store: store.to_owned(), before: snapshot(store), _dir: None }
    }

    /// A path beside the store.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.store.with_file_name(name)
    }

    /// Offers a container. The serial then in force, or the name of the error.
    pub fn offer(&self, container: &[u8]) -> Result<u64, String> {
        offer_to(&self.store, container)
    }

    /// Offers what lies at a path.
    pub fn offer_path(&self, path: &Path) -> Result<u64, String> {
        let bytes = ReleaseBytes::read(path).map_err(|error| name(&error))?;
        install_from(&self.store, &bytes)
    }

    /// Fails unless the offer is refused by this name and the store is what it was.
    #[track_caller]
    pub fn refuses(&self, what: &str, offered: Result<u64, String>, names: &[&str]) {
        let error = offered.expect_err(what);
        assert!(names.contains(&error.as_str()), "{what}: {error}, expected {names:?}");
        assert!(snapshot(&self.store) == self.before, "{what}: the store was changed");
    }

    /// Fails unless the store is what it was and its database detects.
    #[track_caller]
    pub fn unharmed(&self) {
        assert!(snapshot(&self.store) == self.before, "the store was changed");
        assert_eq!(detects(&self.store), CURRENT);
    }
}

fn offer_to(store: &Path, container: &[u8]) -> Result<u64, String> {
    install_from(store, &ReleaseBytes::Packed(container.to_vec()))
}

fn install_from(store: &Path, release: &ReleaseBytes) -> Result<u64, String> {
    let container: Result<Container<'_>, _> = release.container();
    let container =
        container.map_err(|source| name(&Error::Container { path: PathBuf::from("offered"), source }))?;
    let parse =
        |bytes: &[u8]| hallmark_image::Image::parse(bytes).map(drop).map_err(|error| error.to_string());
    let installed = install(store, container, &policy_for(DB), parse).map_err(|error| name(&error))?;
    Ok(installed.state.current.serial)
}

/// Opens the database in force, which must be current, and finds with it. Its serial.
#[track_caller]
pub fn detects(store: &Path) -> u64 {
    let database = Database::open(store, &strict()).unwrap();
    assert_eq!(database.info().fallback, None);
    let serial = database.info().note.as_ref().unwrap().release().serial;
    let mut scanner = database.scanner();
    let text = format!("a needle{serial} in the hay");
    let report = scanner.scan(text.as_bytes()).unwrap();
    let found: Vec<_> = report.matches().map(|rule| rule.rule().to_owned()).collect();
    assert_eq!(found, [format!("Serial{serial}")]);
    serial
}

/// The name of the error that opening gives; `fallback: …` if the database before is opened instead.
pub fn opened(store: &Path, policy: &LoadPolicy) -> String {
    let parse = |bytes: &[u8]| {
        hallmark_image::Image::parse_undigested(bytes).map(drop).map_err(|error| error.to_string())
    };
    match open_current(store, policy, parse) {
        Ok(database) => match &database.info.fallback {
            None => "good".to_owned(),
            Some(error) => format!("fallback: {}", name(error)),
        },
        Err(error) => name(&error),
    }
}

/// This program once more, to run one test with a variable set.
pub fn again(test: &str, variable: &str, value: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(variable, value);
    command
}

/// Says that a test can't be done here. On machines that stand for all others, that is a failure.
pub fn left_out(test: &str, why: &str) {
    eprintln!("LEFT OUT: {test}: {why}");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{test}: {why}");
}
