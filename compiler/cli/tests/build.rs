//! `build` and `check`: exit codes, outputs, and every kind of bad input.

mod common;

use std::fs;

use common::{Folder, RULE};

#[test]
fn check_says_what_is_wrong_and_where() {
    let folder = Folder::with_rules();
    folder.run(&["check", "rules.yar"]).expect(0, "1 file: 0 errors");
    folder.write("bad.yar", "rule a {\n  condition: nothing_known\n}\n");
    let ran = folder.run(&["check", "rules.yar", "bad.yar"]).expect(1, "bad.yar:2:14");
    assert!(ran.stderr.contains("error[E"), "{}", ran.stderr);
    assert!(ran.stderr.contains("^^^^^^^^^^^^^"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\x1B'), "no colours in a pipe");
    assert!(ran.stdout.is_empty());
}

#[test]
fn check_prints_json_and_sarif() {
    let folder = Folder::new();
    folder.write("bad.yar", "rule a {\n  condition: nothing_known\n}\n");
    let json = folder.run(&["check", "--format", "json", "bad.yar"]).expect(1, "").json();
    assert_eq!(json["errors"], 1);
    let diagnostic = &json["diagnostics"][0];
    assert_eq!(diagnostic["severity"], "error");
    assert_eq!(diagnostic["file"], "bad.yar");
    assert_eq!(diagnostic["primary"]["line"], 2);
    assert_eq!(diagnostic["primary"]["column"], 14);
    let code = diagnostic["code"].as_str().unwrap().to_owned();

    let sarif = folder.run(&["check", "--format", "sarif", "bad.yar"]).expect(1, "").json();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], code);
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 2);

    let explained = folder.run(&["check", "--explain", &code.to_lowercase()]).expect(0, "");
    assert!(explained.stdout.starts_with(&code));
    folder.run(&["check", "--explain", "E9999"]).expect(2, "E9999");
}

#[test]
fn usage_errors_are_two() {
    let folder = Folder::with_rules();
    folder.run(&["build", "rules.yar"]).expect(2, "--output");
    folder.run(&["check"]).expect(2, "PATH");
    folder.run(&["build", "rules.yar", "-o", "x.hmk", "-d", "1x=1"]).expect(2, "not a variable name");
    folder
        .run(&["build", "rules.yar", "-o", "no/such/folder/x.hmk"])
        .expect(2, "cannot write no/such/folder/x.hmk");
    folder
        .run(&["build", "rules.yar", "-o", "x.hmk", "--include-dir", "none"])
        .expect(2, "no such directory");
}

#[test]
fn bad_inputs_are_named() {
    let folder = Folder::new();
    folder.run(&["check", "missing.yar"]).expect(2, "missing.yar");
    folder.link("nowhere", "dangling.yar");
    folder.run(&["check", "dangling.yar"]).expect(2, "dangling.yar");

    fs::create_dir(folder.path("empty")).unwrap();
    folder.run(&["check", "empty"]).expect(2, "no *.yar or *.yara file");

    folder.write("loop/a.yar", RULE);
    folder.link(".", "loop/back");
    folder.run(&["check", "loop"]).expect(2, "directory loop: loop/back");

    folder.write("broken/a.yar", RULE);
    folder.link("nowhere", "broken/b.yar");
    folder.run(&["check", "broken"]).expect(2, "broken/b.yar");

    folder.write("binary.yar", b"\x7FELF\x02\x01\x01\x00\x00\xFF\xFE rule");
    folder.run(&["check", "binary.yar"]).expect(1, "binary.yar");
    folder.run(&["build", "binary.yar", "-o", "x.hmk"]).expect(1, "error[E");
    assert!(!folder.path("x.hmk").exists());
}

#[test]
fn invalid_rules_are_left_out_only_when_asked_and_each_is_listed() {
    let folder = Folder::with_rules();
    folder.write("bad.yar", "rule Broken { condition: nothing_known }");
    folder.run(&["build", "rules.yar", "bad.yar", "-o", "x.hmk"]).expect(1, "nothing was written");
    assert!(!folder.path("x.hmk").exists());
    let args = ["build", "rules.yar", "bad.yar", "-o", "x.hmk", "--ignore-invalid-rules", "--stats=json"];
    let ran = folder.run(&args).expect(0, "rejected: rule Broken (bad.yar:1): E");
    assert_eq!(ran.json()["rejected"], 1);
    assert_eq!(ran.json()["rules"], 1);
}

#[test]
fn namespaces_come_from_the_command_line() {
    let folder = Folder::with_rules();
    folder.write("dir/sub/b.yara", "rule B { condition: true }");
    folder.write("dir/a.yar", "rule A { condition: true }");
    folder.write("dir/c.txt", "not a rule");
    let names = |args: &[&str]| {
        folder.run(&[&["build", "-o", "x.hmk"], args].concat()).expect(0, "");
        let dump = folder.run(&["dump", "x.hmk", "--format", "json"]).expect(0, "").json();
        let rules = dump["rules"].as_array().unwrap().clone();
        let name = |rule: &serde_json::Value| {
            format!("{}:{}", rule["namespace"].as_str().unwrap(), rule["name"].as_str().unwrap())
        };
        let mut names: Vec<_> = rules.iter().map(name).collect();
        names.sort();
        names
    };
    assert_eq!(names(&["rules.yar", "dir"]), ["default:A", "default:B", "default:Needle"]);
    assert_eq!(names(&["rules.yar", "ns:dir"]), ["default:Needle", "ns:A", "ns:B"]);
    assert_eq!(names(&["dir", "--path-as-namespace"]), ["dir/a.yar:A", "dir/sub/b.yara:B"]);
}

#[test]
fn includes_stay_inside() {
    let folder = Folder::new();
    folder.write("rules/main.yar", "include \"part.yar\"\nrule Main { condition: Part }");
    folder.write("rules/part.yar", "rule Part { condition: true }");
    folder.run(&["check", "rules/main.yar"]).expect(0, "2 files");
    folder.write("secret.yar", "rule Secret { condition: true }");
    folder.write("rules/main.yar", "include \"../secret.yar\"");
    folder.run(&["check", "rules/main.yar"]).expect(1, "leads outside");
    folder.run(&["check", "rules/main.yar", "--include-dir", "."]).expect(0, "");
    folder.write("rules/main.yar", "include \"../rules/main.yar\"");
    folder.run(&["check", "rules/main.yar"]).expect(1, "error[E");
}

#[test]
fn includes_are_looked_up_in_all_include_dirs_in_their_order() {
    let folder = Folder::new();
    folder.write(
        "rules/main.yar",
        "include \"one.yar\"\ninclude \"both.yar\"\nrule Main { condition: One and Both }",
    );
    folder.write("a/one.yar", "include \"two.yar\"\nrule One { condition: Two }");
    folder.write("b/two.yar", "rule Two { condition: true }");
    folder.write("b/both.yar", "rule Both { condition: true }");
    folder.write("c/both.yar", "rule NotThis { condition: true }");
    let check = |dirs: &[&str]| {
        let dirs = dirs.iter().flat_map(|dir| ["--include-dir", dir]);
        folder.run(&["check", "rules/main.yar"].into_iter().chain(dirs).collect::<Vec<_>>())
    };
    check(&["a", "b", "c"]).expect(0, "4 files");
    check(&["a", "c", "b"]).expect(1, "E0100");
    check(&["a"]).expect(1, "was not found in");
}

#[test]
fn the_same_rules_give_the_same_bytes() {
    let folder = Folder::with_rules();
    folder.write("d/a.yar", "rule A { strings: $a = \"first\" condition: $a }");
    folder.write("d/b.yar", "rule B { strings: $a = /sec(on|r)d/ condition: $a }");
    for (out, threads) in [("1.hmk", "1"), ("2.hmk", "2"), ("3.hmk", "8")] {
        folder.run(&["build", "d", "rules.yar", "-o", out, "--threads", threads]).expect(0, "");
    }
    let read = |name: &str| fs::read(folder.path(name)).unwrap();
    assert!(read("1.hmk") == read("2.hmk") && read("2.hmk") == read("3.hmk"));
    let moved = Folder::new();
    for name in ["d/a.yar", "d/b.yar", "rules.yar"] {
        moved.write(name, read(name));
    }
    moved.run(&["build", "d", "rules.yar", "-o", "1.hmk"]).expect(0, "");
    assert!(read("1.hmk") == fs::read(moved.path("1.hmk")).unwrap(), "the path makes no difference");
}

#[test]
fn externals_have_the_type_they_look_like() {
    let folder = Folder::new();
    folder.write(
        "e.yar",
        "rule E { condition: n == 3 and f > 1.0 and b and s contains \"x\" and q == \"12\" }",
    );
    let defines = ["-d", "n=3", "-d", "f=1.5", "-d", "b=true", "-d", "s=axb", "-d", "q=\"12\""];
    folder.run(&[&["build", "e.yar", "-o", "e.hmk"], &defines[..]].concat()).expect(0, "");
    folder.write("t", "");
    let ran = folder.run(&["scan", "--allow-unsigned", "e.hmk", "t"]).expect(1, "");
    assert_eq!(ran.stdout, "E t\n");
    folder.run(&["scan", "--allow-unsigned", "e.hmk", "t", "-d", "n=4"]).expect(0, "");
    folder
        .run(&["scan", "--allow-unsigned", "e.hmk", "t", "-d", "other=4"])
        .expect(2, "`other` is not declared");
}

#[test]
fn dump_shows_rules_and_conditions() {
    let folder = Folder::with_database();
    let dump = folder.run(&["dump", "rules.hmk", "--format", "json"]).expect(0, "").json();
    assert_eq!(dump["rules"][0]["name"], "Needle");
    assert_eq!(dump["rules"][0]["tags"], serde_json::json!(["hay", "stack"]));
    assert!(dump["image"]["digest"].as_str().unwrap().starts_with("sha256:"));
    assert!(!dump["sections"].as_array().unwrap().is_empty());
    let text =
        folder.run(&["dump", "rules.hmk", "--rule", "default:Needle", "--timing"]).expect(0, "prove").stdout;
    assert!(text.contains("condition") && text.contains("gate other,pe,elf\n"), "{text}");
    assert!(text.contains("pattern $a existence trigger(other,pe,elf)"), "{text}");
    assert!(text.contains("  run ") && text.contains(" ns/MB\n"), "{text}");
    assert!(text.contains("bytes { 00 01 ?? 03 }"), "{text}");
    folder.run(&["dump", "rules.hmk", "--rule", "Nothing"]).expect(2, "no rule `Nothing`");
}

#[test]
fn help_has_examples() {
    let folder = Folder::new();
    let commands =
        ["try", "build", "check", "scan", "dump", "inspect", "sign", "verify", "install", "status"];
    for command in commands {
        let help = folder.run(&[command, "--help"]).expect(0, "").stdout;
        assert!(help.contains(&format!("  hallmark {command}")), "{help}");
    }
    assert!(folder.run(&["key", "new", "--help"]).expect(0, "").stdout.contains("  hallmark key new"));
}
