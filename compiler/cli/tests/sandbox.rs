//! `scan --sandbox`: the same answers as without, and none is lost whatever happens to the processes that scan.
//! `HALLMARK_TEST_FACTOR=20 cargo test -p hallmark-cli --test sandbox` kills more of them.

#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Child;
use std::time::{Duration, Instant};

use common::{Folder, Ran};
use seccompiler::{SeccompAction, SeccompFilter};
use serde_json::{Value, json};

/// How many workers are killed without `HALLMARK_TEST_FACTOR`.
const KILLS: u32 = 60;

fn scan(folder: &Folder, args: &[&str]) -> Ran {
    folder.run(&[&["scan", "--allow-unsigned", "rules.hmk"], args].concat())
}

/// Fails unless all is the same with and without workers.
#[track_caller]
fn same(folder: &Folder, args: &[&str]) -> Ran {
    let free = scan(folder, args);
    let ran = scan(folder, &[args, &["--sandbox"]].concat());
    assert_eq!((ran.code, &ran.stdout, &ran.stderr), (free.code, &free.stdout, &free.stderr), "{args:?}");
    ran
}

/// Rules that need each thing that a worker has to be handed, and files for them.
fn tree() -> Folder {
    let folder = Folder::with_rules();
    folder.write(
        "more.yar",
        r#"import "cuckoo" import "hash" import "console"
        private rule Hidden { strings: $a = "needle" condition: $a }
        rule Other : hay { strings: $a = "needle" nocase $b = /h.y/ $x = "straw" xor condition: any of them }
        rule Defined { condition: level > 3 and name == "café" }
        rule Reported { condition: cuckoo.network.dns_lookup(/example/) == 1 }
        rule Hashed { condition: hash.md5(0, filesize) == "d41d8cd98f00b204e9800998ecf8427e" }
        rule Logs { condition: filesize == 7 and console.log("seven\tbytes") }"#,
    );
    folder.write("report.json", r#"{"network": {"domains": [{"domain": "example.com"}]}}"#);
    let args = ["-d", "level=1", "-d", "name=none"];
    folder
        .run(&[&["build", "rules.yar", "ns:more.yar", "-o", "rules.hmk"], &args[..]].concat())
        .expect(0, "");
    for number in 0..60 {
        folder.write(&format!("tree/{}/{number}", number % 7), format!("{number} NEEDLE hay"));
    }
    folder.write("tree/empty", "");
    folder.write("tree/log", "needle\n");
    folder.write("tree/binary", b"\x00\x01\xFF\x03\x1B[31mneedle\x00");
    folder.write("tree/xor", b"straw".map(|byte| byte ^ 0x42));
    folder.write("tree/large", [vec![b'.'; 9 << 20], b"needle".to_vec(), vec![b'x'; 100]].concat());
    folder.link("log", "tree/link");
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path("tree/fifo"), rustix::fs::Mode::RWXU).unwrap();
    folder
}

#[test]
fn answers_are_the_same() {
    let folder = tree();
    for format in ["text", "ndjson", "json", "sarif", "csv"] {
        for options in [&[][..], &["-s"], &["--all", "--sha256", "-s", "-n"]] {
            let args = [&["--format", format, "--threads", "3", "tree", "missing"], options].concat();
            same(&folder, &args).expect(2, "a named pipe, not a regular file");
        }
    }
    let defines = ["-d", "level=4", "-d", "name=café", "-x", "cuckoo=report.json"];
    let ran = same(&folder, &[&["-e", "-m", "-g", "tree/log"], &defines[..]].concat());
    let found: Vec<_> = ran.stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        found,
        ["seven\\x09bytes", "default:Needle", "ns:Defined", "ns:Logs", "ns:Other", "ns:Reported"]
    );
    for options in [
        &["-s", "-t", "hay"][..],
        &["-s", "-i", "Needle"],
        &["-c"],
        &["-n", "-i", "Defined"],
        &["--max-size", "1000"],
        &["--max-steps", "1"],
        &["--threads", "1"],
        &["--timeout", "600"],
        &["--timeout", "0.000001"],
    ] {
        same(&folder, &[&["tree"], options].concat());
    }
    same(&folder, &["tree/log"]).expect(1, "");
    same(&folder, &["tree/empty", "-i", "Needle"]).expect(0, "");
    let compiled = ["scan", "--rules", "rules.yar", "-s", "tree/log"];
    let free = folder.run(&compiled).stdout;
    assert_eq!(folder.run(&[&compiled[..], &["--sandbox"]].concat()).expect(1, "").stdout, free);
}

#[test]
fn members_of_archives_are_the_same() {
    let folder = tree();
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime/archives/tests/data");
    let mut archives = 0;
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        folder.write(
            &format!("tree/{}", path.file_name().unwrap().to_str().unwrap()),
            fs::read(&path).unwrap(),
        );
        archives += 1;
    }
    assert!(archives > 20);
    for format in ["text", "ndjson", "json", "sarif", "csv"] {
        for options in [&[][..], &["-s"], &["--all", "--sha256", "-s"], &["-n"], &["--archive-depth", "1"]] {
            let args = [&["--archives", "--format", format, "tree"], options].concat();
            let ran = same(&folder, &args).expect(2, "");
            assert!(ran.stdout.contains("inner") || format == "sarif" || options.contains(&"1"), "{args:?}");
        }
    }
}

#[test]
fn standard_input_is_scanned_too() {
    let folder = Folder::with_database();
    let args = ["scan", "--allow-unsigned", "rules.hmk", "--sandbox", "-", "target"];
    let ran = folder.run_with_input(&args, b"a needle").expect(1, "");
    assert_eq!(ran.stdout, "Needle -\nNeedle target\n");
    folder
        .run_with_input(&[&args[..], &["--max-size", "7"]].concat(), b"a needle")
        .expect(2, "larger than 7 bytes");
    assert_eq!(folder.run_with_input(&args, b"").expect(1, "").stdout, "Needle target\n");
}

#[test]
fn wrong_variables_are_refused() {
    let folder = Folder::with_database();
    scan(&folder, &["--sandbox", "-d", "none=1", "target"]).expect(2, "none");
    scan(&folder, &["--worker-memory", "1000000", "target"]).expect(2, "--sandbox");
}

#[test]
fn a_file_that_takes_too_much_memory_is_listed_and_the_rest_is_scanned() {
    let folder = Folder::with_database();
    folder.write("tree/a", "needle");
    folder.write("tree/b", [b"needle".to_vec(), vec![b'.'; 400 << 20]].concat());
    folder.write("tree/c", "needle");
    let args = ["--sandbox", "--worker-memory", "100000000", "--threads", "1", "tree"];
    let ran = scan(&folder, &args)
        .expect(2, "incomplete: tree/b: file: not scanned: no memory for 419430406 bytes");
    assert_eq!(ran.stdout, "Needle tree/a\nNeedle tree/c\n");
    // Enough to read it, but not for a million matches.
    folder.write("x.yar", "rule X { strings: $a = \"x\" condition: $a }");
    folder.write("tree/b", vec![b'x'; 3 << 20]);
    let args = [
        "scan",
        "--rules",
        "x.yar",
        "-s",
        "--sandbox",
        "--worker-memory",
        "9000000",
        "--threads",
        "1",
        "tree",
    ];
    let ran = folder.run(&args).expect(2, "was killed by signal 6 (aborted): memory allocation of");
    assert_eq!(ran.stderr.matches("incomplete: ").count(), 1, "{}", ran.stderr);
}

/// The processes that `child` has started.
fn workers(child: &Child) -> Vec<i32> {
    let mut workers = Vec::new();
    for task in fs::read_dir(format!("/proc/{}/task", child.id())).into_iter().flatten().flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        workers.extend(children.split(' ').filter_map(|pid| pid.parse::<i32>().ok()));
    }
    workers
}

fn kill(pid: i32, signal: rustix::process::Signal) {
    // It may be gone by now.
    let _ = rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal);
}

#[test]
fn killed_workers_lose_nothing() {
    let factor: Option<u32> =
        std::env::var("HALLMARK_TEST_FACTOR").ok().and_then(|factor| factor.parse().ok());
    let kills = KILLS * factor.unwrap_or(1);
    let folder = Folder::with_database();
    const FILES: usize = 300;
    for number in 0..FILES {
        let size = if number % 3 == 0 { 1 << 20 } else { 10 };
        let content = if number % 2 == 0 { "needle" } else { "nothing" };
        folder.write(&format!("tree/{number:03}"), [content.as_bytes(), &vec![b'.'; size]].concat());
    }
    let args = ["scan", "--allow-unsigned", "rules.hmk", "--sandbox", "--format", "ndjson", "--all", "tree"];
    let (mut killed, mut n, mut runs, mut lost) = (0, 0u32, 0, 0);
    while killed < kills {
        runs += 1;
        assert!(runs < 20 * kills, "{killed} in {runs} runs");
        let mut child = folder.command(&args).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text)
        });
        while child.try_wait().unwrap().is_none() {
            n += 1;
            std::thread::sleep(
                Duration::from_millis(30).mul_f64((f64::from(n) * 0.618_033_988_749_895).fract()),
            );
            if let Some(&pid) = workers(&child).get(n as usize % 2) {
                kill(pid, rustix::process::Signal::KILL);
                killed += 1;
            }
        }
        let code = child.wait().unwrap().code();
        let text = reader.join().unwrap().unwrap();
        if text.is_empty() {
            // The first worker and the one in its place were killed before they were ready.
            assert_eq!(code, Some(2));
            continue;
        }
        let mut seen = BTreeMap::new();
        for line in text.lines() {
            let report: Value = serde_json::from_str(line).unwrap();
            let path = report["path"].as_str().unwrap().to_owned();
            assert!(seen.insert(path, report).is_none(), "{line}");
        }
        assert_eq!(seen.len(), FILES);
        for (number, (path, report)) in seen.iter().enumerate() {
            assert_eq!(*path, format!("tree/{number:03}"));
            let incomplete = report["incomplete"].as_array().unwrap();
            let matches = report["matches"].as_array().unwrap();
            match incomplete.first() {
                None => assert_eq!(matches.len(), (number + 1) % 2, "{report}"),
                Some(reason) => {
                    lost += 1;
                    assert!(matches.is_empty());
                    let why = reason["why"].as_str().unwrap();
                    assert!(why.contains("was killed by signal 9 (killed)"), "{why}");
                }
            }
        }
        let incomplete = seen.values().any(|report| report["incomplete"] != json!([]));
        assert_eq!(code, Some(if incomplete { 2 } else { 1 }));
    }
    println!(
        "{killed} workers killed in {runs} scans; {lost} of {} files said to be not scanned",
        runs * FILES as u32
    );
}

#[test]
fn a_stopped_worker_is_given_up() {
    let folder = Folder::with_database();
    let input = folder.path("large");
    folder.write("large", vec![b'.'; 200 << 20]);
    let args = [
        "scan",
        "--allow-unsigned",
        "rules.hmk",
        "--sandbox",
        "--threads",
        "1",
        "--timeout",
        "1",
        "large",
        "target",
    ];
    let started = Instant::now();
    let child = folder.command(&args).spawn().unwrap();
    while workers(&child).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60));
    }
    // Stopped as soon as it has the file.
    let pid = workers(&child)[0];
    let has_file = || {
        fs::read_link(format!("/proc/{pid}/fd/3")).is_ok_and(|link| link == fs::canonicalize(&input).unwrap())
    };
    while !has_file() {
        assert!(started.elapsed() < Duration::from_secs(60));
    }
    kill(pid, rustix::process::Signal::STOP);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr.contains("incomplete: large: file: not scanned: the worker did not answer in time"),
        "{stderr}"
    );
    assert!(stderr.contains("incomplete: target: file: not scanned: the time limit was reached"), "{stderr}");
}

#[test]
fn workers_end_with_their_parent() {
    let folder = Folder::with_database();
    let args = ["scan", "--allow-unsigned", "rules.hmk", "--sandbox", "--threads", "2", "-"];
    let mut command = folder.command(&args);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while workers(&child).len() < 2 {
        assert!(started.elapsed() < Duration::from_secs(60));
    }
    let workers = workers(&child);
    child.stdin.as_mut().unwrap().write_all(b"needle").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    for pid in workers {
        while fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(started.elapsed() < Duration::from_secs(60), "{pid} lives");
        }
    }
}

/// Runs the command where the kernel answers some system calls with an error.
fn without(folder: &Folder, calls: &[i64], errno: i32, args: &[&str]) -> Ran {
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let rules = calls.iter().map(|&call| (call, Vec::new())).collect();
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno.cast_unsigned()),
        architecture,
    );
    let program: seccompiler::BpfProgram = filter.unwrap().try_into().unwrap();
    // A filter holds for the thread, and for what it starts.
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            seccompiler::apply_filter(&program).unwrap();
            folder.run(args)
        });
        run.join().unwrap()
    })
}

#[test]
fn without_confinement_nothing_is_scanned() {
    let folder = Folder::with_database();
    let args = ["scan", "--allow-unsigned", "rules.hmk", "--sandbox", "target"];
    let ran = without(&folder, &[libc::SYS_landlock_create_ruleset], libc::ENOSYS, &args).expect(
        2,
        "error: a worker cannot be confined here: the kernel has no Landlock, or it is switched off",
    );
    assert_eq!(ran.stdout, "");
    let ran = without(&folder, &[libc::SYS_seccomp], libc::EINVAL, &args).expect(
        2,
        "error: a worker cannot be confined here: the kernel does not filter system calls (seccomp)",
    );
    assert_eq!(ran.stdout, "");
    let ran =
        without(&folder, &[libc::SYS_memfd_create], libc::ENOSYS, &args).expect(2, "sealed memory files");
    assert_eq!(ran.stdout, "");
    without(&folder, &[], libc::ENOSYS, &args).expect(1, "");
}

#[test]
fn what_a_worker_is_started_with_is_looked_at() {
    let folder = Folder::with_database();
    folder.run(&["scan-worker"]).expect(2, "not the socket of `hallmark scan --sandbox`");
}
