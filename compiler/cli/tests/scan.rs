//! `scan`, `inspect` and `try`: formats, exit codes, and nothing skipped silently.

mod common;

use std::io::Read as _;
use std::os::unix::net::UnixListener;

use common::{Folder, Ran};
use serde_json::{Value, json};

fn scan(folder: &Folder, args: &[&str]) -> Ran {
    folder.run(&[&["scan", "--allow-unsigned", "rules.hmk"], args].concat())
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn text_is_rule_and_path() {
    let folder = Folder::with_database();
    folder.write("clean", "nothing");
    assert_eq!(scan(&folder, &["target"]).expect(1, "").stdout, "Needle target\n");
    assert_eq!(scan(&folder, &["clean"]).expect(0, "").stdout, "");
    let all = scan(&folder, &["-e", "-g", "-m", "-s", "target", "clean"]).expect(1, "").stdout;
    let meta = "description=\"a needle\",score=7,good=true";
    assert_eq!(all, format!("default:Needle [hay,stack] [{meta}] target\n0x4:$a: needle\n"));
    assert_eq!(scan(&folder, &["-c", "target", "clean"]).expect(1, "").stdout, "target: 1\nclean: 0\n");
    assert_eq!(scan(&folder, &["-n", "clean", "target"]).expect(1, "").stdout, "Needle clean\n");
}

#[test]
fn reports_can_be_narrowed() {
    let folder = Folder::with_database();
    scan(&folder, &["-t", "hay", "target"]).expect(1, "");
    scan(&folder, &["-t", "other", "target"]).expect(0, "");
    scan(&folder, &["-i", "Needle", "target"]).expect(1, "");
    scan(&folder, &["-i", "Other", "target"]).expect(0, "");
}

#[test]
fn ndjson_has_the_documented_shape() {
    let folder = Folder::with_database();
    folder.write("dir/clean", "nothing");
    folder.write("dir/hit", b"\x00\x01\xFF\x03needle");
    let ran = scan(&folder, &["--format", "ndjson", "-s", "dir"]).expect(1, "");
    let objects = lines(&ran);
    assert_eq!(objects.len(), 1);
    let object = &objects[0];
    let keys: Vec<_> = object.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["path", "size", "matches", "incomplete", "db"]);
    assert_eq!(object["path"], "dir/hit");
    assert_eq!(object["size"], 10);
    assert_eq!(object["incomplete"], json!([]));
    let db = object["db"].as_str().unwrap();
    assert!(db.starts_with("sha256:") && db.len() == 71);
    let expected = json!([{
        "rule": "Needle", "namespace": "default", "tags": ["hay", "stack"],
        "meta": {"description": "a needle", "score": 7, "good": true},
        "strings": [
            {"id": "$a", "offset": 4, "length": 6, "data": "needle"},
            {"id": "$b", "offset": 0, "length": 4, "data": "\\x00\\x01\\xFF\\x03"},
        ],
    }]);
    assert_eq!(object["matches"], expected);
    let all = lines(&scan(&folder, &["--format", "ndjson", "--all", "--sha256", "dir"]).expect(1, ""));
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["path"], "dir/clean");
    assert_eq!(all[0]["sha256"], "1785cfc3bc6ac7738e8b38cdccd1af12563c2b9070e07af336a1bf8c0f772b6a");
}

#[test]
fn other_formats_are_well_formed() {
    let folder = Folder::with_database();
    let document = scan(&folder, &["--format", "json", "target"]).expect(1, "").json();
    assert_eq!(document["files"][0]["matches"][0]["rule"], "Needle");
    let sarif = scan(&folder, &["--format", "sarif", "-s", "target"]).expect(1, "").json();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "default:Needle");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["byteOffset"], 4);
    let csv = scan(&folder, &["--format", "csv", "-s", "target"]).expect(1, "").stdout;
    let rows: Vec<_> = csv.lines().collect();
    assert_eq!(rows[1], "target,default,Needle,hay stack,$a,4,6,needle");
}

#[test]
fn output_is_in_the_order_of_the_walk() {
    let folder = Folder::with_database();
    let mut expected = String::new();
    for number in 100..300 {
        let size = if number % 50 == 0 { 1 << 20 } else { 10 };
        folder.write(&format!("many/{number}"), [b"needle".to_vec(), vec![b'.'; size]].concat());
        expected += &format!("Needle many/{number}\n");
    }
    for threads in ["1", "2", "7"] {
        assert_eq!(scan(&folder, &["--threads", threads, "many"]).expect(1, "").stdout, expected);
    }
}

#[test]
fn nothing_is_skipped_silently() {
    let folder = Folder::with_database();
    scan(&folder, &["missing", "target"]).expect(2, "incomplete: missing: file: cannot read");
    folder.link("nowhere", "dangling");
    scan(&folder, &["dangling"]).expect(2, "incomplete: dangling");
    let ran =
        scan(&folder, &["--max-size", "3", "--format", "ndjson", "target"]).expect(2, "larger than 3 bytes");
    assert_eq!(lines(&ran)[0]["incomplete"][0]["what"], "file");
    assert_eq!(lines(&ran)[0]["matches"], json!([]));
    folder.write("special/a", "needle");
    let _socket = UnixListener::bind(folder.path("special/socket")).unwrap();
    let ran =
        scan(&folder, &["special"]).expect(2, "incomplete: special/socket: file: not scanned: a socket");
    assert_eq!(ran.stdout, "Needle special/a\n");
    scan(&folder, &["--timeout", "0.000001", "target"]).expect(2, "time limit");
    scan(&folder, &["--timeout", "60", "target"]).expect(1, "");
}

#[test]
fn links_below_a_target_are_not_followed() {
    let folder = Folder::with_database();
    folder.write("tree/sub/a", "needle");
    folder.link("..", "tree/sub/loop");
    folder.link("a", "tree/sub/b");
    assert_eq!(scan(&folder, &["tree"]).expect(1, "").stdout, "Needle tree/sub/a\n");
    folder.link("tree/sub", "named");
    assert_eq!(scan(&folder, &["named"]).expect(1, "").stdout, "Needle named/a\n");
}

#[test]
fn standard_input_is_a_target() {
    let folder = Folder::with_database();
    let args = ["scan", "--allow-unsigned", "rules.hmk", "-"];
    assert_eq!(folder.run_with_input(&args, b"a needle").expect(1, "").stdout, "Needle -\n");
    let args = ["scan", "--allow-unsigned", "rules.hmk", "--stdin"];
    assert_eq!(folder.run_with_input(&args, b"a needle").expect(1, "").stdout, "Needle -\n");
    folder.run_with_input(&args, b"").expect(0, "");
}

#[test]
fn rules_can_be_compiled_on_the_way() {
    let folder = Folder::with_rules();
    folder.write("more.yar", "rule Always { condition: x == 1 }");
    let args = ["scan", "--rules", "rules.yar", "--rules", "ns:more.yar", "-d", "x=1", "-e", "target"];
    assert_eq!(folder.run(&args).expect(1, "").stdout, "default:Needle target\nns:Always target\n");
    folder.write("bad.yar", "rule");
    folder.run(&["scan", "--rules", "bad.yar", "target"]).expect(2, "error[E");
    folder.run(&["scan", "--rules", "rules.yar"]).expect(2, "nothing to scan");
    folder.run(&["scan"]).expect(2, "nothing to scan");
    folder.run(&["scan", "x.hmk", "target", "--path-as-namespace"]).expect(2, "it needs --rules");
}

#[test]
fn a_reader_that_goes_away_is_success() {
    let folder = Folder::with_rules();
    folder.write("a.yar", "rule A { strings: $a = \"x\" condition: $a }");
    folder.write("x", vec![b'x'; 400_000]);
    let mut child = folder.command(&["scan", "--rules", "a.yar", "-s", "x"]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut start = [0; 10];
    stdout.read_exact(&mut start).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?} {stderr}", output.status);
    assert!(!stderr.contains("error"), "{stderr}");
}

#[test]
fn progress_and_stats_go_to_standard_error() {
    let folder = Folder::with_database();
    let ran = scan(&folder, &["--progress", "always", "--stats", "target"]).expect(1, "progress: 1 files");
    assert!(ran.stderr.contains("GB/s") && ran.stderr.contains("candidates/MB"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "Needle target\n");
    assert_eq!(scan(&folder, &["target"]).stderr, "");
}

#[test]
fn modules_get_reports() {
    let folder = Folder::with_rules();
    let rule = r#"import "cuckoo" rule Lookup { condition: cuckoo.network.dns_lookup(/example/) == 1 }"#;
    folder.write("lookup.yar", rule);
    folder.write("report.json", r#"{"network": {"domains": [{"domain": "example.com"}]}}"#);
    let with = |data: &[&str]| {
        let args = [&["scan", "--rules", "lookup.yar", "target"], data].concat();
        folder.run(&args)
    };
    assert_eq!(with(&["-x", "cuckoo=report.json"]).expect(1, "").stdout, "Lookup target\n");
    assert_eq!(with(&["-x", "cuckoo=report.json", "--threads", "1"]).expect(1, "").stdout, "Lookup target\n");
    assert_eq!(with(&[]).expect(0, "").stdout, "");
    for (data, why) in [
        (
            "pe=report.json",
            "module `pe` takes no data besides the file; those that do are androguard and cuckoo",
        ),
        ("none=report.json", "no module is called `none`"),
        ("report.json", "expected MODULE=FILE"),
        ("cuckoo=missing.json", "cannot read missing.json, the report for module `cuckoo`"),
        ("cuckoo=.", "cannot read ., the report for module `cuckoo`"),
        (
            "cuckoo=lookup.yar",
            "lookup.yar: the report for module `cuckoo` cannot be read: expected value at line 1 column 1",
        ),
    ] {
        with(&["-x", data]).expect(2, why);
    }
    with(&["-x", "cuckoo=report.json", "-x", "cuckoo=report.json"]).expect(2, "twice");
}

#[test]
fn inspect_shows_modules() {
    let folder = Folder::with_rules();
    let json = folder.run(&["inspect", "target", "--format", "json"]).expect(0, "").json();
    assert_eq!(json["pe"]["is_pe"], false);
    let yaml = folder.run(&["inspect", "--module", "pe", "target"]).expect(0, "").stdout;
    assert!(yaml.starts_with("pe:\n  is_pe: false\n"), "{yaml}");
    folder.run(&["inspect", "--module", "none", "target"]).expect(2, "no module is called `none`");
    folder.run(&["inspect", "missing"]).expect(2, "missing");
}

#[test]
fn inspect_shows_reports() {
    let folder = Folder::with_rules();
    folder.write("cuckoo.json", r#"{"network": {"tcp": [{"dst": "192.0.2.1", "dport": 80}], "hosts": []}}"#);
    folder
        .write("androguard.json", r#"{"min_sdk_version": 9, "certificate": {"sha1": "AB"}, "urls": ["u"]}"#);
    let given = ["-x", "cuckoo=cuckoo.json", "-x", "androguard=androguard.json"];
    let json = |args: &[&str]| {
        let args = [&["inspect", "target", "--format", "json"], args].concat();
        folder.run(&args).expect(0, "").json()
    };
    let shown = json(&given);
    assert_eq!(shown["cuckoo"], serde_json::json!({"network": {"tcp": ["192.0.2.1:80"]}}));
    assert_eq!(shown["androguard"]["min_sdk"], 9);
    assert_eq!(shown["androguard"]["url"], serde_json::json!(["u"]));
    assert_eq!(shown["androguard"]["certificate"]["sha1"], serde_json::json!(["AB"]));
    assert_eq!(shown["pe"]["is_pe"], false);
    let without = json(&[]);
    assert!(without.get("cuckoo").is_none() && without.get("androguard").is_none(), "{without}");
    assert_eq!(json(&["--module", "cuckoo"]), serde_json::json!({"cuckoo": {}}));
}

#[test]
fn try_shows_that_all_works() {
    let folder = Folder::with_rules();
    let ran = folder.run(&["try", "--rules", "rules.yar", "target"]).expect(0, "");
    for word in ["build", "keys", "sign", "verify", "install", "map", "default:Needle", "GB/s"] {
        assert!(ran.stdout.contains(word), "no {word} in\n{}", ran.stdout);
    }
    folder.run(&["try", "--rules", "rules.yar"]).expect(2, "EICAR");
    let eicar = "rule Eicar { strings: $a = \"EICAR-STANDARD-\" condition: $a and filesize < 100 }";
    folder.write("rules/eicar.yar", eicar);
    folder.run(&["try"]).expect(0, "");
}

#[test]
fn a_large_file_is_searched_in_pieces_to_the_same_end() {
    let folder = Folder::with_database();
    let mut data = vec![b'.'; (17 << 20) + 5];
    for place in (0..16).map(|i| (i << 20) + 3 * i).chain((1..5).map(|i| (i << 22) - 3)) {
        data[place..place + 6].copy_from_slice(b"needle");
    }
    folder.write("large", &data);
    let run = |threads| scan(&folder, &["-s", "--threads", threads, "large", "target"]).expect(1, "").stdout;
    let expected = run("1");
    assert_eq!(expected.lines().filter(|line| line.starts_with("0x")).count(), 21);
    assert_eq!(run("2"), expected);
    assert_eq!(run("5"), expected);
}
