//! Another user of the machine who got hold of a file of the store, or of a folder above it; and a store in which things
//! lie that do not belong there.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use hallmark_store::LoadPolicy;

use crate::endpoint::{CURRENT, Endpoint, NEXT, detects, opened, release, snapshot, strict};

/// A user that is not this one.
const STRANGER: u32 = 12_345;

/// What lies in the store, by what it is.
struct Parts {
    above: PathBuf,
    store: PathBuf,
    state: PathBuf,
    lock: PathBuf,
    images: PathBuf,
    image: PathBuf,
    note: PathBuf,
    policy: PathBuf,
}

impl Parts {
    fn of(endpoint: &Endpoint) -> Self {
        let store = endpoint.store.clone();
        let state = hallmark_store::store_state(&store).unwrap().current;
        let file = |folder: &str, digest: hallmark_container::Digest, end: &str| {
            store.join(folder).join(format!("{}.{end}", digest.hex()))
        };
        Parts {
            above: store.parent().unwrap().to_owned(),
            state: store.join("state"),
            lock: store.join("lock"),
            images: store.join("images"),
            image: file("images", state.image, "img"),
            note: file("notes", state.note, "note"),
            policy: file("policies", state.policy, "policy"),
            store,
        }
    }
}

type Part = fn(&Parts) -> &Path;

/// A path, and what opening and installing say when it is another's. A policy given by the caller is used instead of the
/// stored one, so opening is done with the stored one. An image of the store is read by an installation only when that
/// could keep it.
const PARTS: [(&str, Part, &str, &str); 8] = [
    ("the folder above", |parts| &parts.above, "Exposed", "Exposed"),
    ("the store", |parts| &parts.store, "Insecure", "Insecure"),
    ("the state file", |parts| &parts.state, "Insecure", "Insecure"),
    ("the folder of images", |parts| &parts.images, "Unprotected/Insecure", "Insecure"),
    ("the image", |parts| &parts.image, "fallback: Insecure", "installed"),
    ("the note", |parts| &parts.note, "fallback: Insecure", "installed"),
    // Both databases were judged by it.
    ("the policy", |parts| &parts.policy, "Unprotected/Insecure", "installed"),
    ("the lock", |parts| &parts.lock, "good", "Insecure"),
];

#[test]
fn what_others_could_change_is_not_used() {
    type Expose = fn(&Path) -> std::io::Result<()>;
    let exposures: [(&str, Expose); 3] = [
        ("belongs to a stranger", |path| chown(path, Some(STRANGER), None)),
        ("may be written by its group", |path| add_mode(path, 0o020)),
        ("may be written by all", |path| add_mode(path, 0o002)),
    ];
    for (part, path, opening, installing) in PARTS {
        for (how, expose) in exposures {
            let endpoint = Endpoint::new();
            let parts = Parts::of(&endpoint);
            if expose(path(&parts)).is_err() {
                // Only root gives files away; for anyone else the modes are what can be tried.
                assert!(!rustix::process::geteuid().is_root(), "{part} {how}");
                continue;
            }
            assert_eq!(opened(&endpoint.store, &LoadPolicy::default()), opening, "{part} {how}");
            let before = snapshot(&endpoint.store);
            let offered = endpoint.offer(&release(NEXT).container().unwrap());
            match installing {
                "installed" => assert_eq!(offered, Ok(NEXT), "{part} {how}"),
                error => {
                    assert_eq!(offered, Err(error.to_owned()), "{part} {how}");
                    assert!(snapshot(&endpoint.store) == before, "{part} {how}");
                }
            }
        }
    }
}

fn add_mode(path: &Path, bits: u32) -> std::io::Result<()> {
    let mode = path.metadata()?.permissions().mode();
    fs::set_permissions(path, Permissions::from_mode(mode | bits))
}

#[test]
fn links_and_special_files_are_no_part_of_a_store() {
    for (part, path, opening, installing) in [
        ("the store", PARTS[1].1, "Link", "Link"),
        ("the state file", PARTS[2].1, "Link", "Link"),
        ("the folder of images", PARTS[3].1, "Unprotected/Link", "Link"),
        ("the image", PARTS[4].1, "fallback: Link", "installed"),
        ("the note", PARTS[5].1, "fallback: Link", "installed"),
        ("the lock", PARTS[7].1, "good", "Link"),
    ] {
        let endpoint = Endpoint::new();
        let parts = Parts::of(&endpoint);
        let (path, moved) = (path(&parts), endpoint.beside("moved"));
        fs::rename(path, &moved).unwrap();
        symlink(&moved, path).unwrap();
        assert_eq!(opened(&endpoint.store, &strict()), opening, "{part}");
        let offered = endpoint.offer(&release(NEXT).container().unwrap());
        let expected = if installing == "installed" { Ok(NEXT) } else { Err(installing.to_owned()) };
        assert_eq!(offered, expected, "{part}");
    }
    // A link above the store is followed, unless someone else can point it elsewhere.
    let endpoint = Endpoint::new();
    let link = endpoint.beside("link");
    symlink(endpoint.beside(""), &link).unwrap();
    assert_eq!(opened(&link.join("store"), &strict()), "good");
    if lchown(&link, Some(STRANGER), None).is_ok() {
        assert_eq!(opened(&link.join("store"), &strict()), "Exposed");
    }
    // Nobody waits for a FIFO.
    for (part, opening) in
        [(PARTS[2].1, "NotRegular"), (PARTS[4].1, "fallback: NotRegular"), (PARTS[7].1, "good")]
    {
        let endpoint = Endpoint::new();
        let path = part(&Parts::of(&endpoint)).to_owned();
        fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
            .unwrap();
        assert_eq!(opened(&endpoint.store, &strict()), opening);
        let offered = endpoint.offer(&release(NEXT).container().unwrap());
        assert!(
            offered == Ok(NEXT)
                || offered == Err("NotRegular".to_owned())
                || offered == Err("Io/Uncategorized".to_owned()),
            "{offered:?}"
        );
    }
}

#[test]
fn a_state_file_is_whole_or_refused() {
    let endpoint = Endpoint::new();
    let path = endpoint.store.join("state");
    let good = fs::read_to_string(&path).unwrap();
    let current = good.lines().find(|line| line.starts_with("current ")).unwrap();
    let cases: [(&str, Vec<u8>, &str); 13] = [
        ("nothing", Vec::new(), "State"),
        ("garbage", vec![0xA5; 900], "State"),
        ("zeros, as after a power cut", vec![0; good.len()], "State"),
        ("another version", good.replace("store/v1", "store/v2").into_bytes(), "State"),
        ("cut short", good.as_bytes()[..good.len() / 2].to_vec(), "State"),
        ("a line more", (good.clone() + "more\n").into_bytes(), "State"),
        ("carriage returns", good.replace('\n', "\r\n").into_bytes(), "State"),
        ("a floor below the serial", good.replace("floor 6", "floor 5").into_bytes(), "State"),
        ("no database in force", good.replace(current, "current none").into_bytes(), "State"),
        ("a path for a digest", good.replace("sha256:", "sha256:../../").into_bytes(), "State"),
        // Only a signed note can say so.
        ("another serial", good.replace("serial 6", "serial 4").into_bytes(), "fallback: State"),
        (
            "another name",
            good.replace("example.org/core", "example.org/lab").into_bytes(),
            "Unprotected/OtherDatabase",
        ),
        ("too long", vec![b'x'; 100_000], "TooLarge"),
    ];
    let write = |bytes: &[u8]| fs::write(&path, bytes).unwrap();
    for (what, bytes, name) in cases {
        write(&bytes);
        assert_eq!(opened(&endpoint.store, &strict()), name, "{what}");
        if ["State", "TooLarge"].contains(&name) {
            let offered = endpoint.offer(&release(NEXT).container().unwrap());
            assert_eq!(offered, Err(name.to_owned()), "{what}");
        }
        assert!(fs::read(&path).unwrap() == bytes, "{what}: the file was changed");
        write(good.as_bytes());
        endpoint.unharmed();
    }
    File::options().write(true).open(&path).unwrap().set_len(10_000_000_000).unwrap();
    assert_eq!(opened(&endpoint.store, &strict()), "TooLarge");
}

#[test]
fn what_was_left_over_is_in_nobodys_way() {
    let endpoint = Endpoint::new();
    for folder in ["images", "notes", "policies"] {
        for n in 0..1500 {
            fs::write(endpoint.store.join(folder).join(format!(".{n}.img.tmp")), b"left over").unwrap();
        }
    }
    fs::write(endpoint.store.join(".state.tmp"), b"left over").unwrap();
    symlink("/", endpoint.store.join("images/link")).unwrap();
    assert_eq!(detects(&endpoint.store), CURRENT);
    assert_eq!(endpoint.offer(&release(NEXT).container().unwrap()), Ok(NEXT));
    assert_eq!(detects(&endpoint.store), NEXT);
    let left: Vec<_> = snapshot(&endpoint.store).into_keys().filter(|path| path.is_file()).collect();
    // State, lock, one policy, and two databases with their notes.
    assert_eq!(left.len(), 7, "{left:?}");
}
