//! Trees as they are: loops, special files, names of any bytes, no rights, and files that change under the scanner.
//! `HALLMARK_TEST_FACTOR=20 cargo test -p hallmark-cli --test walking` takes more rounds and more files.

mod common;

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Folder, Ran};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, mkfifoat, openat};

const LATE: Duration = Duration::from_secs(120);

/// What every one of these tests is run with.
const SANDBOX: [&[&str]; 2] = [&[], &["--sandbox"]];

fn factor() -> u32 {
    std::env::var("HALLMARK_TEST_FACTOR").ok().and_then(|factor| factor.parse().ok()).unwrap_or(1)
}

fn scan(folder: &Folder, args: &[&str]) -> Ran {
    folder.run(&[&["scan", "--allow-unsigned", "rules.hmk"], args].concat())
}

#[test]
fn loops_of_links_end() {
    let folder = Folder::with_database();
    folder.write("tree/a/b/file", "needle");
    folder.link("../..", "tree/a/up");
    folder.link("self", "tree/self");
    folder.link("pong", "tree/ping");
    folder.link("ping", "tree/pong");
    folder.link("tree/a", "named");
    for sandbox in SANDBOX {
        let ran = scan(&folder, &[&["tree", "named"], sandbox].concat()).expect(1, "");
        assert_eq!(ran.stdout, "Needle tree/a/b/file\nNeedle named/b/file\n");
        scan(&folder, &[&["tree/self"], sandbox].concat())
            .expect(2, "incomplete: tree/self: file: cannot read");
    }
}

#[test]
fn special_files_are_named_and_waited_for_by_nobody() {
    let folder = Folder::with_database();
    folder.write("tree/b", "needle");
    mkfifoat(CWD, folder.path("tree/a"), Mode::RWXU).unwrap();
    folder.link("tree/a", "fifo");
    folder.link("target", "link");
    for sandbox in SANDBOX {
        let ran = scan(&folder, &[&["tree", "fifo", "/dev/zero", "link"], sandbox].concat()).expect(2, "");
        assert_eq!(ran.stdout, "Needle tree/b\nNeedle link\n");
        for (path, kind) in [("tree/a", "named pipe"), ("fifo", "named pipe"), ("/dev/zero", "device")] {
            let said = format!("incomplete: {path}: file: not scanned: a {kind}, not a regular file\n");
            assert!(ran.stderr.contains(&said), "{}", ran.stderr);
        }
    }
}

#[test]
fn names_are_bytes() {
    let folder = Folder::with_database();
    let names: [&[u8]; 4] = [b"\x01new\nline", b"latin \xE9t\xE9", b"utf-8 \xC3\xA9t\xC3\xA9", b"\xFF"];
    fs::create_dir(folder.path("tree")).unwrap();
    for name in names {
        fs::write(folder.path("tree").join(OsStr::from_bytes(name)), "needle").unwrap();
    }
    for sandbox in SANDBOX {
        let output = folder
            .command(&[&["scan", "--allow-unsigned", "rules.hmk", "tree"], sandbox].concat())
            .output()
            .unwrap();
        let expected: &[u8] =
            b"Needle tree/\\x01new\\x0Aline\nNeedle tree/latin \xE9t\xE9\nNeedle tree/utf-8 \xC3\xA9t\xC3\xA9\nNeedle tree/\xFF\n";
        assert_eq!(output.stdout, expected);
        let ran = scan(&folder, &[&["--format", "ndjson", "tree"], sandbox].concat()).expect(1, "");
        let paths = ran.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let paths: Vec<_> = paths.map(|report| report["path"].as_str().unwrap().to_owned()).collect();
        assert_eq!(
            paths,
            ["tree/\u{1}new\nline", "tree/latin \u{FFFD}t\u{FFFD}", "tree/utf-8 été", "tree/\u{FFFD}"]
        );
    }
}

#[test]
fn what_nobody_may_read_is_listed() {
    let folder = Folder::with_database();
    for name in ["tree/a", "tree/b", "tree/c/d", "tree/e/f", "tree/g"] {
        folder.write(name, "needle");
    }
    let mode =
        |name: &str, mode| fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
    mode("", 0o755);
    mode("tree/b", 0);
    mode("tree/c", 0);
    // Its names can be listed, and nothing in it be opened.
    mode("tree/e", 0o444);
    for sandbox in SANDBOX {
        let args = [&["scan", "--allow-unsigned", "rules.hmk", "tree"], sandbox].concat();
        let mut command = folder.command(&args);
        if rustix::process::geteuid().is_root() {
            // Somebody to whom these bits mean something, with a program that is in reach.
            fs::copy(env!("CARGO_BIN_EXE_hallmark"), folder.path("program")).unwrap();
            mode("program", 0o755);
            command = std::process::Command::new(folder.path("program"));
            command.args(&args).current_dir(folder.path("")).env_clear().uid(65534).gid(65534);
        }
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "Needle tree/a\nNeedle tree/g\n");
        let said: Vec<_> = stderr.lines().collect();
        assert_eq!(said.len(), 3, "{stderr}");
        for (line, path) in said.iter().zip(["tree/b", "tree/c", "tree/e/f"]) {
            let expected = format!("incomplete: {path}: file: cannot read: Permission denied");
            assert!(line.starts_with(&expected), "{stderr}");
        }
    }
    mode("tree/c", 0o755);
    mode("tree/e", 0o755);
}

#[test]
fn a_tree_deeper_than_any_path_loses_no_siblings() {
    let folder = Folder::with_database();
    folder.write("tree/a", "needle");
    folder.write("tree/z", "needle");
    let name = "d".repeat(200);
    let mut at = openat(CWD, folder.path("tree"), OFlags::DIRECTORY, Mode::empty()).unwrap();
    // 40 folders of 200 bytes; 4,096 are the most of a path.
    for _ in 0..40 {
        mkdirat(&at, &name, Mode::RWXU).unwrap();
        at = openat(&at, &name, OFlags::DIRECTORY, Mode::empty()).unwrap();
        File::from(openat(&at, "e", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap())
            .write_all(b"needle")
            .unwrap();
    }
    for sandbox in SANDBOX {
        let ran = scan(&folder, &[&["tree"], sandbox].concat()).expect(2, "cannot read: File name too long");
        let lines: Vec<_> = ran.stdout.lines().collect();
        // 20 levels of 201 bytes are below the limit, and a few bytes of the last one.
        assert_eq!(lines.len(), 22, "{}", ran.stderr);
        assert_eq!((lines[0], lines[21]), ("Needle tree/a", "Needle tree/z"));
        assert_eq!(ran.stderr.matches("incomplete: ").count(), 1, "{}", ran.stderr);
    }
    // A thousand levels of short names are no such thing.
    let mut path = "deep".to_owned();
    for _ in 0..1000 {
        path.push_str("/x");
    }
    folder.write(&format!("{path}/file"), "needle");
    for sandbox in SANDBOX {
        let ran = scan(&folder, &[&["deep"], sandbox].concat()).expect(1, "");
        assert_eq!(ran.stdout, format!("Needle {path}/file\n"));
    }
}

/// Runs `change` again and again until `done` is, be it by a panic.
fn meanwhile<R>(change: impl Fn(u32) + Sync, done: impl FnOnce() -> R) -> R {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| (0..).take_while(|_| !stop.load(Ordering::Relaxed)).for_each(&change));
        let _stop = Stop(&stop);
        done()
    })
}

#[test]
fn what_is_exchanged_while_it_is_scanned_is_neither_followed_nor_waited_for() {
    let folder = Folder::with_database();
    for number in 0..20 {
        folder.write(&format!("tree/{number:02}/keep"), "needle");
    }
    folder.write("secret/file", "needle");
    let exchange = |round: u32| {
        for number in 0..20 {
            let path = folder.path(&format!("tree/{number:02}/x"));
            let gone = |path: &Path| {
                let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
            };
            gone(&path);
            let _ = match (round + number) % 6 {
                0 => mkfifoat(CWD, &path, Mode::RWXU).map_err(Into::into),
                1 => std::os::unix::fs::symlink(folder.path("secret/file"), &path),
                2 => std::os::unix::fs::symlink(folder.path("secret"), &path),
                3 => fs::create_dir(&path).and_then(|()| fs::write(path.join("y"), "nothing")),
                4 => fs::write(&path, "nothing"),
                _ => Ok(()),
            };
        }
    };
    let expected: String = (0..20).map(|number| format!("Needle tree/{number:02}/keep\n")).collect();
    for sandbox in SANDBOX {
        let started = Instant::now();
        meanwhile(exchange, || {
            for _ in 0..20 * factor() {
                let ran = scan(&folder, &[&["tree"], sandbox].concat());
                assert!(ran.code == 1 || ran.code == 2, "{}", ran.stderr);
                assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
                assert_eq!(ran.stdout, expected, "{}", ran.stderr);
                assert_eq!(ran.code == 2, ran.stderr.contains("incomplete: "), "{}", ran.stderr);
            }
        });
        assert!(started.elapsed() < LATE * factor());
    }
}

#[test]
fn files_that_change_while_they_are_read_are_listed() {
    let folder = Folder::with_database();
    folder.write("tree/b", "needle");
    let path = folder.path("tree/a");
    let file = File::create(&path).unwrap();
    const SIZE: u64 = 64 << 20;
    for sandbox in SANDBOX {
        for (shortest, longest) in [(SIZE / 2, SIZE), (SIZE, SIZE * 2)] {
            let change = |round: u32| {
                file.set_len(if round.is_multiple_of(2) { shortest } else { longest }).unwrap();
            };
            change(1);
            let started = Instant::now();
            meanwhile(change, || {
                loop {
                    let ran = scan(&folder, &[&["tree"], sandbox].concat());
                    assert!(
                        ran.stdout == "Needle tree/b\n" && !ran.stderr.contains("panicked"),
                        "{}",
                        ran.stderr
                    );
                    if ran.stderr.contains("incomplete: tree/a: file: it changed while it was read") {
                        assert_eq!(ran.code, 2);
                        break;
                    }
                    assert!(started.elapsed() < LATE, "{}", ran.stderr);
                }
            });
        }
    }
}

#[test]
fn many_files_are_scanned_in_order_and_counted() {
    let folder = Folder::with_database();
    let files = 3000 * factor();
    let mut expected = String::new();
    for number in 0..files {
        let name = format!("tree/{:03}/{number:07}", number / 1000);
        folder.write(&name, if number % 3 == 0 { "needle" } else { "" });
        if number % 3 == 0 {
            expected += &format!("Needle {name}\n");
        }
    }
    for sandbox in SANDBOX {
        let args = [&["--progress", "always", "--stats", "tree"], sandbox].concat();
        let ran = scan(&folder, &args).expect(1, &format!("progress: {files} files"));
        assert_eq!(ran.stdout, expected);
        let counted = ran.stderr.lines().find(|line| line.starts_with("files "));
        assert_eq!(counted.unwrap().split(' ').next_back(), Some(files.to_string().as_str()));
    }
}
