//! `scan --archives`: members in every format of output, what is not looked at, and the limits.

mod common;

use std::path::Path;

use common::{Folder, Ran};
use serde_json::{Value, json};

/// With a database, and archives of other programs.
fn folder(archives: &[&str]) -> Folder {
    let folder = Folder::with_database();
    for name in archives {
        folder.write(name, archive(name));
    }
    folder
}

fn archive(name: &str) -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime/archives/tests/data");
    std::fs::read(data.join(name)).unwrap()
}

fn scan(folder: &Folder, args: &[&str]) -> Ran {
    folder.run(&[&["scan", "--allow-unsigned", "rules.hmk", "--archives"], args].concat())
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A tar archive with one file of this name.
fn tar(name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name);
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut data = [&header[..], content].concat();
    data.resize(data.len().next_multiple_of(512) + 1024, 0);
    data
}

#[test]
fn members_are_printed_behind_their_file() {
    let folder = folder(&["deflated.zip", "nested.7z"]);
    let without = folder.run(&["scan", "--allow-unsigned", "rules.hmk", "deflated.zip"]);
    assert_eq!(without.expect(0, "").stdout, "");
    let text = scan(&folder, &["deflated.zip", "target", "nested.7z"]).expect(1, "").stdout;
    assert_eq!(
        text,
        "Needle deflated.zip!a.txt\nNeedle deflated.zip!dir/b.txt\nNeedle target\n\
         Needle nested.7z!bundle.tgz!bundle.tar!inner.zip!deep/inner.txt\n"
    );
    let strings = scan(&folder, &["-s", "nested.7z"]).expect(1, "").stdout;
    assert!(strings.ends_with("deep/inner.txt\n0xc:$a: needle\n"), "{strings}");
    let counts = scan(&folder, &["-c", "deflated.zip"]).expect(1, "").stdout;
    assert_eq!(counts, "deflated.zip: 0\ndeflated.zip!a.txt: 1\ndeflated.zip!dir/b.txt: 1\n");
    scan(&folder, &["--stats", "nested.7z"]).expect(1, "members                     4");
}

#[test]
fn members_of_standard_input_are_scanned() {
    let folder = folder(&[]);
    let args = ["scan", "--allow-unsigned", "rules.hmk", "--archives", "-"];
    let ran = folder.run_with_input(&args, &archive("named.gz")).expect(1, "");
    assert_eq!(ran.stdout, "Needle -!named.txt\n");
}

#[test]
fn machine_formats_have_the_names_on_the_way() {
    let folder = folder(&["nested.7z", "deflated.zip"]);
    let way = json!(["bundle.tgz", "bundle.tar", "inner.zip", "deep/inner.txt"]);
    let objects = lines(&scan(&folder, &["--format", "ndjson", "nested.7z"]).expect(1, ""));
    assert_eq!(objects.len(), 1);
    let keys: Vec<_> = objects[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["path", "member", "size", "matches", "incomplete", "db"]);
    assert_eq!((&objects[0]["path"], &objects[0]["member"]), (&json!("nested.7z"), &way));
    assert_eq!(objects[0]["size"], 19);
    let all = lines(&scan(&folder, &["--format", "ndjson", "--all", "--sha256", "nested.7z"]).expect(1, ""));
    assert_eq!(all.len(), 5, "the file and its four members");
    assert_eq!(all[0].get("member"), None);
    assert_eq!(all[1]["member"], json!(["bundle.tgz"]));
    assert!(all.iter().all(|object| object["sha256"].as_str().unwrap().len() == 64));
    let document = scan(&folder, &["--format", "json", "nested.7z"]).expect(1, "").json();
    assert_eq!(document["files"][0]["member"], way);
    let sarif = scan(&folder, &["--format", "sarif", "nested.7z"]).expect(1, "").json();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["properties"]["member"], way);
    let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "nested.7z%21bundle.tgz%21bundle.tar%21inner.zip%21deep/inner.txt");
    let csv = scan(&folder, &["--format", "csv", "deflated.zip"]).expect(1, "").stdout;
    assert_eq!(csv.lines().nth(2), Some("deflated.zip!dir/b.txt,default,Needle,hay stack,,,,"));
}

#[test]
fn names_forge_neither_lines_nor_paths() {
    let folder = folder(&[]);
    folder.write("a.tar", tar(b"x!y\nNeedle /etc/passwd\\\xFF", b"a needle"));
    let text = scan(&folder, &["a.tar"]).expect(1, "").stdout;
    // The bytes of a tar archive are those of its members too.
    assert_eq!(text, "Needle a.tar\nNeedle a.tar!x\\x21y\\x0ANeedle /etc/passwd\\\\\\xFF\n");
    let objects = lines(&scan(&folder, &["--format", "ndjson", "a.tar"]).expect(1, ""));
    assert_eq!(objects[1]["member"], json!(["x!y\nNeedle /etc/passwd\\\\\\xFF"]));
}

#[test]
fn what_is_not_looked_at_is_said() {
    let folder = folder(&["encrypted.zip", "ppmd.7z", "deflated.zip"]);
    let ran = scan(&folder, &["--format", "ndjson", "encrypted.zip"])
        .expect(2, "incomplete: encrypted.zip!a.txt: member: it is encrypted");
    let objects = lines(&ran);
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[1]["member"], json!(["dir/b.txt"]));
    assert_eq!(objects[1]["incomplete"], json!([{"what": "member", "why": "it is encrypted"}]));
    scan(&folder, &["ppmd.7z"]).expect(2, "incomplete: ppmd.7z!a.txt: member: not supported: PPMD");
    // Of a damaged archive, what is whole is scanned.
    let mut cut = archive("deflated.zip");
    cut.truncate(cut.len() - 30);
    folder.write("cut.zip", cut);
    let ran = scan(&folder, &["cut.zip"]).expect(2, "incomplete: cut.zip: archive: damaged: ");
    assert!(ran.stdout.contains("Needle cut.zip!a.txt\n"), "{}", ran.stdout);
    // A member that is not what it should be has one object with both.
    let mut changed = archive("stored.zip");
    let at = changed.windows(5).position(|part| part == b"first").unwrap();
    changed[at] = b'F';
    folder.write("changed.zip", changed);
    let ran =
        scan(&folder, &["--format", "ndjson", "changed.zip"]).expect(2, "changed.zip!a.txt: data: damaged");
    let member = &lines(&ran)[1];
    assert_eq!(member["member"], json!(["a.txt"]));
    assert_eq!((&member["size"], &member["matches"][0]["rule"]), (&json!(17), &json!("Needle")));
    assert_eq!(member["incomplete"][0]["what"], "data");
}

#[test]
fn limits_are_those_given() {
    let folder = folder(&["nested.7z", "deflated.zip", "zeros.xz"]);
    for (args, why) in [
        (["--archive-members", "1"], "deflated.zip: archive: the limit of 1 members was reached"),
        (["--archive-size", "100"], "deflated.zip!dir/b.txt: data: the limit of 100 bytes for all members"),
        (["--archive-member-size", "100"], "deflated.zip!dir/b.txt: data: longer than 100 bytes"),
    ] {
        let ran = scan(&folder, &[&args[..], &["deflated.zip"]].concat()).expect(2, why);
        assert!(ran.stdout.starts_with("Needle deflated.zip!a.txt\n"), "{}", ran.stdout);
    }
    let why = "nested.7z!bundle.tgz!bundle.tar: data: an archive deeper than the limit of 2";
    scan(&folder, &["--archive-depth", "2", "nested.7z"]).expect(2, why);
    scan(&folder, &["--archive-ratio", "2000", "zeros.xz"]).expect(2, "more than 2000 times");
    scan(&folder, &["--archive-memory", "1000000", "zeros.xz"]).expect(2, "unpacking takes more than");
    let ran = folder.run(&["scan", "--allow-unsigned", "rules.hmk", "--archive-depth", "2", "target"]);
    ran.expect(2, "--archives");
    scan(&folder, &["--timeout", "0.000001", "deflated.zip"]).expect(2, "time limit");
}

#[test]
fn the_output_is_the_same_on_any_number_of_threads() {
    let folder = folder(&[]);
    let names = ["deflated.zip", "solid.7z", "ustar.tar", "mszip.cab", "nested.7z", "encrypted.zip"];
    for number in 0..60 {
        folder.write(&format!("many/{number:02}"), archive(names[number % names.len()]));
    }
    let one = scan(&folder, &["--threads", "1", "--format", "ndjson", "many"]).expect(2, "encrypted");
    let members = lines(&one).iter().filter(|object| object.get("member").is_some()).count();
    assert_eq!(members, 10 * (2 + 2 + 2 + 2 + 1 + 2));
    for threads in ["2", "7"] {
        let other = scan(&folder, &["--threads", threads, "--format", "ndjson", "many"]).expect(2, "");
        assert_eq!(other.stdout, one.stdout);
        assert_eq!(other.stderr, one.stderr);
    }
}
