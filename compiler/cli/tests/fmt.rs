//! `fmt`: files, standard input, exit codes, and files that must not be touched.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::Folder;

const CRUSHED: &str = "rule a{condition:true}";
const TIDY: &str = "rule a {\n    condition:\n        true\n}\n";

#[test]
fn files_are_replaced_whole_with_their_mode_and_links() {
    let folder = Folder::new();
    folder.write("rules/a.yar", CRUSHED);
    folder.write("rules/b.yara", TIDY);
    folder.write("rules/c.txt", CRUSHED);
    folder.write("elsewhere/real.yar", CRUSHED);
    folder.link("../elsewhere/real.yar", "rules/link.yar");
    fs::set_permissions(folder.path("rules/a.yar"), fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(folder.path("rules/b.yara")).unwrap().modified().unwrap();

    let ran = folder.run(&["fmt", "--check", "rules"]).expect(1, "3 files: 2 would change");
    assert_eq!(ran.stdout, "rules/a.yar\nrules/link.yar\n");
    assert_eq!(fs::read_to_string(folder.path("rules/a.yar")).unwrap(), CRUSHED);

    folder.run(&["fmt", "rules"]).expect(0, "3 files: 2 changed");
    assert_eq!(fs::read_to_string(folder.path("rules/a.yar")).unwrap(), TIDY);
    assert_eq!(fs::read_to_string(folder.path("elsewhere/real.yar")).unwrap(), TIDY);
    assert_eq!(fs::read_to_string(folder.path("rules/c.txt")).unwrap(), CRUSHED);
    assert!(fs::symlink_metadata(folder.path("rules/link.yar")).unwrap().is_symlink());
    assert_eq!(fs::metadata(folder.path("rules/a.yar")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::metadata(folder.path("rules/b.yara")).unwrap().modified().unwrap(), before);
    assert_eq!(fs::read_dir(folder.path("rules")).unwrap().count(), 4, "nothing is left behind");
    folder.run(&["fmt", "--check", "rules"]).expect(0, "3 files: 0 would change");
}

#[test]
fn files_with_errors_are_left_alone() {
    let folder = Folder::new();
    folder.write("a.yar", CRUSHED);
    folder.write("bad.yar", "rule b{condition:}");
    let ran =
        folder.run(&["fmt", "bad.yar", "a.yar"]).expect(1, "2 files: 1 changed, 1 with errors left alone");
    assert!(ran.stderr.contains("error[E0001]") && ran.stderr.contains("bad.yar:1:18"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(folder.path("bad.yar")).unwrap(), "rule b{condition:}");
    assert_eq!(fs::read_to_string(folder.path("a.yar")).unwrap(), TIDY);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let folder = Folder::new();
    for args in [&["fmt"][..], &["fmt", "-"]] {
        let ran = folder.run_with_input(args, CRUSHED.as_bytes()).expect(0, "");
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (TIDY, ""));
    }
    let ran = folder.run_with_input(&["fmt", "--indent", "tab", "-"], CRUSHED.as_bytes()).expect(0, "");
    assert_eq!(ran.stdout, TIDY.replace("    ", "\t"));
    let ran = folder.run_with_input(&["fmt", "--check"], CRUSHED.as_bytes()).expect(1, "");
    assert_eq!(ran.stdout, "<stdin>\n");
    assert_eq!(folder.run_with_input(&["fmt", "--check", "-"], TIDY.as_bytes()).expect(0, "").stdout, "");
    let ran = folder.run_with_input(&["fmt"], b"rule").expect(1, "<stdin>:1:5");
    assert_eq!(ran.stdout, "");
}

#[test]
fn usage_errors_are_two() {
    let folder = Folder::new();
    folder.write("a.yar", TIDY);
    folder.run(&["fmt", "missing.yar"]).expect(2, "missing.yar");
    folder.run(&["fmt", "-", "a.yar"]).expect(2, "standard input");
    folder.run(&["fmt", "--indent", "0", "a.yar"]).expect(2, "neither `tab` nor a number");
    fs::create_dir(folder.path("empty")).unwrap();
    folder.run(&["fmt", "empty"]).expect(2, "no *.yar or *.yara file");
}
