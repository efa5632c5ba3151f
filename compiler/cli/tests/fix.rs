//! `check --fix`, and how fixes are shown.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::Folder;

const BROKEN: &str = "rule a : x, y, x {\n    strings:\n        $a = \"wxyz\" wide wide ASCII\n    condition:\n        $a && pe.is_pe\n}\n";
const FIXED: &str = "import \"pe\"\nrule a : x y {\n    strings:\n        $a = \"wxyz\" wide ascii\n    condition:\n        $a and pe.is_pe\n}\n";

#[test]
fn certain_fixes_are_applied_in_rounds() {
    let folder = Folder::new();
    folder.write("rules/a.yar", BROKEN);
    folder.write("rules/good.yar", "rule g {\n    condition:\n        filesize > 9\n}\n");
    fs::set_permissions(folder.path("rules/a.yar"), fs::Permissions::from_mode(0o640)).unwrap();
    folder.run(&["check", "rules"]).expect(1, "can be fixed with --fix");
    assert_eq!(fs::read_to_string(folder.path("rules/a.yar")).unwrap(), BROKEN, "nothing was asked for");

    let ran = folder.run(&["check", "--fix", "rules"]).expect(0, "fixed 7 problems in 1 file");
    assert!(ran.stderr.contains("2 files: 0 errors, 0 warnings"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(folder.path("rules/a.yar")).unwrap(), FIXED);
    assert_eq!(fs::metadata(folder.path("rules/a.yar")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(folder.path("rules")).unwrap().count(), 2, "nothing is left behind");
    folder.run(&["check", "--fix", "rules"]).expect(0, "fixed 0 problems in 0 files");
}

#[test]
fn suggestions_are_shown_and_not_applied() {
    let folder = Folder::new();
    let text = "rule a {\n    strings:\n        $abc = \"x\"\n    condition:\n        #abd > 1 or any of ($abc)\n}\n";
    folder.write("a.yar", text);
    let ran = folder.run(&["check", "--fix", "a.yar"]).expect(1, "fixed 0 problems in 0 files");
    assert!(ran.stderr.contains("help: did you mean `$abc`?"), "{}", ran.stderr);
    assert!(ran.stderr.contains("+         #abc > 1"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("can be fixed"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(folder.path("a.yar")).unwrap(), text);
}

#[test]
fn fixes_are_data_in_json_and_sarif() {
    let folder = Folder::new();
    folder.write("a.yar", "rule a {\n    condition:\n        filesize > 1 && é\n}\n".replace('é', "true"));
    let json = folder.run(&["check", "--format", "json", "a.yar"]).expect(1, "").json();
    let fix = &json["diagnostics"][0]["fix"];
    assert_eq!(fix["applicability"], "certain");
    assert_eq!(fix["edits"][0]["text"], "and");
    assert_eq!((fix["edits"][0]["line"].as_u64(), fix["edits"][0]["column"].as_u64()), (Some(3), Some(22)));
    assert!(json["fixed"].is_null());

    let sarif = folder.run(&["check", "--format", "sarif", "a.yar"]).expect(1, "").json();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["properties"]["fixApplicability"], "certain");
    let change = &result["fixes"][0]["artifactChanges"][0];
    assert_eq!(change["artifactLocation"]["uri"], "a.yar");
    assert_eq!(change["replacements"][0]["deletedRegion"]["startColumn"], 22);
    assert_eq!(change["replacements"][0]["insertedContent"]["text"], "and");

    let json = folder.run(&["check", "--fix", "--format", "json", "a.yar"]).json();
    assert_eq!((&json["fixed"], &json["errors"]), (&1.into(), &0.into()));
}

#[test]
fn included_files_change_only_when_they_are_named() {
    let folder = Folder::new();
    folder.write("main.yar", "include \"lib/part.yar\"\n");
    folder.write("lib/part.yar", "rule p : t t {\n    condition:\n        filesize > 1\n}\n");
    folder.run(&["check", "--fix", "main.yar"]).expect(1, "fixed 0 problems in 0 files");
    assert!(fs::read_to_string(folder.path("lib/part.yar")).unwrap().contains("t t"));
    folder
        .run(&["check", "--fix", "--path-as-namespace", "main.yar", "lib/part.yar"])
        .expect(0, "fixed 1 problem in 1 file");
    assert!(!fs::read_to_string(folder.path("lib/part.yar")).unwrap().contains("t t"));
    folder.run(&["check", "--fix", "missing.yar"]).expect(2, "missing.yar");
}
