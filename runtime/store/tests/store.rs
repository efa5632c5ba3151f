//! Loading from every kind of path, and a store through its life: installed, updated, attacked, damaged, recovered.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use common::{Built, DB, build, build_with, image, policy, policy_for, signer};
use hallmark_container::{Container, Digest, Error as Refusal, Policy, Quorum};
use hallmark_store::{
    Error, LoadPolicy, Origin, Outcome, ReleaseBytes, install, load, open_current, store_state,
};

fn strict() -> LoadPolicy {
    LoadPolicy::require(policy())
}

fn anything(_: &[u8]) -> Result<(), String> {
    Ok(())
}

fn put(store: &Path, release: &Built) -> Result<Outcome, Error> {
    let bytes = release.bytes();
    install(store, Container::parse(&bytes).unwrap(), &policy(), anything).map(|done| done.outcome)
}

fn current(store: &Path) -> Result<(Vec<u8>, bool), Error> {
    let database = open_current(store, &strict(), anything)?;
    assert_eq!(database.info.origin, Origin::Store);
    Ok((database.image.to_vec(), database.info.fallback.is_some()))
}

/// Every file of a directory with its bytes and mode.
fn snapshot(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            files.insert(path.clone(), (fs::read(&path).unwrap(), path.metadata().unwrap().mode()));
        }
    }
    files
}

fn image_path(store: &Path, text: &str) -> PathBuf {
    store.join("images").join(format!("{}.img", Digest::of(&image(text)).hex()))
}

/// Overwrites an installed file in place, as a failing disk would.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Container { source, .. } | Error::Release { source } => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_path_loads() {
    let dir = tempfile::tempdir().unwrap();
    let release = build(1, "one");
    let hmk = dir.path().join("core.hmk");
    fs::write(&hmk, release.bytes()).unwrap();
    let folder = dir.path().join("release");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("release.note"), release.note.to_bytes()).unwrap();
    fs::write(folder.join("image.zst"), &release.payload).unwrap();
    let store = dir.path().join("store");
    put(&store, &release).unwrap();
    for (path, origin) in [(&hmk, Origin::Release), (&folder, Origin::Release), (&store, Origin::Store)] {
        let database = load(path, &strict(), anything).unwrap();
        assert_eq!(&*database.image, image("one"));
        assert_eq!(database.info.origin, origin);
        assert_eq!(database.info.digest, Digest::of(&image("one")));
        assert_eq!(database.info.note.unwrap().verdict().quorum, Quorum::Met);
        let refused = load(path, &strict(), |_| Err("bad table".into())).unwrap_err();
        assert!(refused.to_string().contains("bad table"));
    }
    let raw = dir.path().join("core.img");
    fs::write(&raw, image("one")).unwrap();
    let database = load(&raw, &LoadPolicy::unsigned(), anything).unwrap();
    assert_eq!((database.info.origin, database.info.note), (Origin::RawImage, None));
    assert_eq!(database.info.digest, Digest::of(&image("one")));
    assert_eq!(load(&raw, &strict(), anything).unwrap_err(), Error::RawImage { path: raw });
}

#[test]
fn what_is_no_database_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    fs::write(&path, b"rule a { condition: true }").unwrap();
    let load = |path: &Path| load(path, &LoadPolicy::unsigned(), anything).unwrap_err();
    assert_eq!(load(&path), Error::NotADatabase { path: path.clone() });
    assert_eq!(load(dir.path()), Error::NotADatabase { path: dir.path().to_owned() });
    fs::write(&path, b"").unwrap();
    assert_eq!(load(&path), Error::NotADatabase { path: path.clone() });
    assert!(matches!(load(&dir.path().join("none")), Error::Io { kind: std::io::ErrorKind::NotFound, .. }));
    let bytes = build(1, "one").bytes();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(refusal(load(&path)), Refusal::Truncated { part: "payload", .. }));
}

#[test]
fn signatures_are_asked_for_unless_waived() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("core.hmk");
    let load = |release: &Built, policy: &LoadPolicy| {
        fs::write(&path, release.bytes()).unwrap();
        load(&path, policy, anything)
    };
    let unsigned = build_with(1, "one", &[], |_| ());
    let tolerant = LoadPolicy { allow_unsigned: true, ..strict() };
    assert!(matches!(refusal(load(&unsigned, &strict()).unwrap_err()), Refusal::Unsigned { .. }));
    let nobody = load(&unsigned, &LoadPolicy::default()).unwrap_err();
    assert_eq!(nobody, Error::NoPolicy { path: path.clone() });
    assert!(nobody.to_string().contains("--policy") && nobody.to_string().contains("--allow-unsigned"));
    assert!(load(&unsigned, &tolerant).is_ok());
    assert!(load(&unsigned, &LoadPolicy::unsigned()).is_ok());

    let once = build_with(1, "one", &["build"], |_| ());
    assert!(matches!(refusal(load(&once, &strict()).unwrap_err()), Refusal::QuorumNotMet { .. }));
    assert!(load(&once, &tolerant).is_ok());

    let mut forged = build_with(1, "one", &["stranger"], |_| ());
    let mut line = forged.note.signatures()[0].clone();
    (line.name, line.key_id) = ("audit".into(), signer("audit").1.id());
    forged.note = forged.note.with_signature(line).unwrap();
    assert_eq!(
        refusal(load(&forged, &tolerant).unwrap_err()),
        Refusal::BadSignature { name: "audit".into() }
    );

    let newer = build_with(1, "one", &["build", "audit"], |note| note.engine_min.major = 99);
    assert!(matches!(refusal(load(&newer, &strict()).unwrap_err()), Refusal::EngineTooOld { .. }));
    let format = build_with(1, "one", &["build", "audit"], |note| note.image_format.major = 9);
    assert!(matches!(refusal(load(&format, &strict()).unwrap_err()), Refusal::ImageFormat { .. }));
}

#[test]
fn a_store_is_created_updated_and_kept_small() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("var/store");
    assert_eq!(put(&store, &build(1, "one")).unwrap(), Outcome::Installed);
    assert_eq!(current(&store).unwrap(), (image("one"), false));
    assert_eq!(image_path(&store, "one").metadata().unwrap().mode() & 0o777, 0o444);
    let before = snapshot(&store);
    assert_eq!(put(&store, &build(1, "one")).unwrap(), Outcome::AlreadyCurrent);
    assert_eq!(snapshot(&store), before);

    let mapped = open_current(&store, &strict(), anything).unwrap();
    fs::write(store.join("images/.left.tmp"), b"from a crash").unwrap();
    for (serial, text) in [(2, "two"), (5, "five")] {
        assert_eq!(put(&store, &build(serial, text)).unwrap(), Outcome::Installed);
    }
    let state = store_state(&store).unwrap();
    assert_eq!((state.floor, state.current.serial, state.previous.unwrap().serial), (5, 5, 2));
    assert_eq!(fs::read_dir(store.join("images")).unwrap().count(), 2);
    assert_eq!(fs::read_dir(store.join("notes")).unwrap().count(), 2);
    assert_eq!(fs::read_dir(store.join("policies")).unwrap().count(), 1);
    assert_eq!(&*mapped.image, image("one"), "a mapping outlives the file");
}

#[test]
fn a_refused_release_leaves_the_store_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    put(&store, &build(2, "two")).unwrap();
    put(&store, &build(5, "five")).unwrap();
    let before = snapshot(&store);

    assert_eq!(put(&store, &build(4, "four")), Err(Error::OlderSerial { serial: 4, floor: 5 }));
    assert_eq!(put(&store, &build(2, "two")), Err(Error::OlderSerial { serial: 2, floor: 5 }));
    assert_eq!(put(&store, &build(5, "other")), Err(Error::SerialReused { serial: 5 }));
    let stripped = build_with(6, "six", &["build"], |_| ());
    assert!(matches!(refusal(put(&store, &stripped).unwrap_err()), Refusal::QuorumNotMet { .. }));
    let other = build_with(6, "six", &["build", "audit"], |note| note.db = "example.org/lab".into());
    assert!(matches!(refusal(put(&store, &other).unwrap_err()), Refusal::WrongDatabase { .. }));
    let bytes = other.bytes();
    let lab = install(&store, Container::parse(&bytes).unwrap(), &policy_for("example.org/lab"), anything);
    assert_eq!(lab, Err(Error::OtherDatabase { have: "example.org/lab".into(), want: DB.into() }));
    let bytes = build(6, "six").bytes();
    let failed =
        install(&store, Container::parse(&bytes).unwrap(), &policy(), |_| Err("eicar missed".into()));
    assert_eq!(failed, Err(Error::SelfTest { why: "eicar missed".into() }));
    let wrong = build_with(6, "six", &["build", "audit"], |note| note.image.digest = Digest::of(b"x"));
    assert!(matches!(refusal(put(&store, &wrong).unwrap_err()), Refusal::ImageDigest { .. }));

    assert_eq!(snapshot(&store), before);
    assert_eq!(current(&store).unwrap(), (image("five"), false));
    let new = dir.path().join("new");
    assert!(put(&new, &stripped).is_err());
    assert!(!new.exists());
}

#[test]
fn a_damaged_database_falls_back_and_heals() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    put(&store, &build(1, "one")).unwrap();
    put(&store, &build(2, "two")).unwrap();
    damage(&image_path(&store, "two"));
    assert_eq!(current(&store).unwrap(), (image("one"), true));
    let fallback = open_current(&store, &strict(), anything).unwrap().info.fallback.unwrap();
    assert!(matches!(refusal(fallback), Refusal::ImageDigest { .. }));

    put(&store, &build(3, "three")).unwrap();
    let state = store_state(&store).unwrap();
    assert_eq!(state.previous.unwrap().serial, 1, "a damaged image is not kept as last-known-good");

    damage(&image_path(&store, "three"));
    damage(&image_path(&store, "one"));
    let error = current(&store).unwrap_err();
    assert!(
        matches!(error, Error::Unprotected { previous: Some(_), .. })
            && error.to_string().contains("UNPROTECTED")
    );
    assert_eq!(put(&store, &build(3, "three")).unwrap(), Outcome::Installed);
    assert_eq!(current(&store).unwrap(), (image("three"), false));
    let state = store_state(&store).unwrap();
    assert_eq!((state.floor, state.previous), (3, None));
}

#[test]
fn what_the_caller_cannot_parse_falls_back() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &build(1, "one")).unwrap();
    put(dir.path(), &build(2, "two")).unwrap();
    let two = image("two");
    let picky = |bytes: &[u8]| if bytes == two { Err("no".to_owned()) } else { Ok(()) };
    let database = open_current(dir.path(), &strict(), picky).unwrap();
    assert_eq!(&*database.image, image("one"));
    assert!(matches!(database.info.fallback, Some(Error::Rejected { .. })));
}

#[test]
fn an_image_may_come_back_under_a_higher_serial() {
    let dir = tempfile::tempdir().unwrap();
    for (serial, text) in [(1, "one"), (2, "two"), (3, "one"), (4, "one")] {
        put(dir.path(), &build(serial, text)).unwrap();
    }
    let state = store_state(dir.path()).unwrap();
    assert_eq!((state.current.serial, state.previous.unwrap().serial), (4, 2));
    assert_eq!(current(dir.path()).unwrap().0, image("one"));
}

/// What was written of the next database stands beside the files of the one in force, whatever they have in common.
#[test]
fn a_crash_before_the_commit_leaves_the_database_in_force() {
    let third = format!("db {DB}\nsigner third {}\nquorum third\n", signer("third").1);
    let third = Policy::parse(third.as_bytes()).unwrap();
    for text in ["one", "two"] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &build(1, "one")).unwrap();
        let before = snapshot(dir.path());
        let next = build_with(2, text, &["third"], |_| ()).bytes();
        install(dir.path(), Container::parse(&next).unwrap(), &third, anything).unwrap();
        let after = snapshot(dir.path());
        let state = dir.path().join("state");
        let written: Vec<_> =
            after.iter().filter(|&(path, file)| *path != state && before.get(path) != Some(file)).collect();
        for count in 0..=written.len() {
            after.keys().chain(before.keys()).for_each(|path| fs::remove_file(path).unwrap_or_default());
            for (path, (bytes, mode)) in before.iter().chain(written.iter().copied().take(count)) {
                let _ = fs::remove_file(path);
                fs::write(path, bytes).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o777)).unwrap();
            }
            let opened = open_current(dir.path(), &LoadPolicy::default(), anything).unwrap();
            assert_eq!((opened.image.to_vec(), opened.info.fallback.is_some()), (image("one"), false));
            assert_eq!(opened.info.note.unwrap().release().serial, 1);
        }
    }
}

#[test]
fn the_policy_of_the_installation_is_the_default() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &build(1, "one")).unwrap();
    let open = |policy: &LoadPolicy| open_current(dir.path(), policy, anything);
    let database = open(&LoadPolicy::default()).unwrap();
    assert_eq!(database.info.note.unwrap().verdict().quorum, Quorum::Met);
    let lab = LoadPolicy::require(policy_for("example.org/lab"));
    assert!(matches!(open(&lab), Err(Error::Unprotected { .. })));
    let stored = fs::read_dir(dir.path().join("policies")).unwrap().next().unwrap().unwrap().path();
    damage(&stored);
    assert!(matches!(open(&LoadPolicy::default()), Err(Error::Unprotected { .. })));
    assert!(open(&strict()).is_ok());
}

#[test]
fn others_must_not_be_able_to_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    put(&store, &build(1, "one")).unwrap();
    let insecure = |path: &Path, safe: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(safe | 0o020)).unwrap();
        let error = current(&store).unwrap_err();
        fs::set_permissions(path, fs::Permissions::from_mode(safe)).unwrap();
        let cause = match error {
            Error::Unprotected { current, .. } => *current,
            other => other,
        };
        assert!(matches!(cause, Error::Insecure { .. }), "{cause}");
    };
    insecure(&store, 0o755);
    insecure(&store.join("images"), 0o755);
    insecure(&store.join("notes"), 0o755);
    insecure(&store.join("state"), 0o644);
    insecure(&image_path(&store, "one"), 0o444);
    current(&store).unwrap();
    let image = image_path(&store, "one");
    fs::rename(&image, dir.path().join("moved")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("moved"), &image).unwrap();
    assert!(current(&store).is_err());
}

#[test]
fn other_directories_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("diary.txt"), b"mine").unwrap();
    assert_eq!(put(dir.path(), &build(1, "one")), Err(Error::NotAStore { path: dir.path().to_owned() }));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    let store = dir.path().join("store");
    put(&store, &build(1, "one")).unwrap();
    fs::write(store.join("state"), b"hallmark-store/v1\n").unwrap();
    assert!(matches!(current(&store), Err(Error::State { .. })));
    assert!(matches!(put(&store, &build(2, "two")), Err(Error::State { .. })));
}

#[test]
fn one_installation_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &build(1, "one")).unwrap();
    let lock = fs::File::open(dir.path().join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(put(dir.path(), &build(2, "two")), Err(Error::Busy { path: dir.path().to_owned() }));
    assert_eq!(current(dir.path()).unwrap().0, image("one"));
    drop(lock);
    assert_eq!(put(dir.path(), &build(2, "two")), Ok(Outcome::Installed));
}

#[test]
fn a_release_is_read_whole_but_unverified() {
    let dir = tempfile::tempdir().unwrap();
    let release = build_with(1, "one", &[], |_| ());
    let path = dir.path().join("core.hmk");
    fs::write(&path, release.bytes()).unwrap();
    let bytes = ReleaseBytes::read(&path).unwrap();
    assert_eq!(bytes.container().unwrap().payload(), release.payload);
    fs::write(&path, b"other").unwrap();
    assert_eq!(ReleaseBytes::read(&path), Err(Error::NotADatabase { path }));
}
