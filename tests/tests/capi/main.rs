//! The library for C: programs in C and C++ are compiled, linked and run, under valgrind where it is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hallmark_compiler::{ExternalValue, Options, Source, compile};
use hallmark_tests::NoIncludes;
use tempfile::TempDir;

// The library is built because these tests depend on it.
use hallmark as _;

/// What `border.c` expects.
const RULE: &str = r#"
import "console"
rule border : one two {
    meta:
        text = "words"
        number = -7
        flag = true
    strings:
        $a = "Hallmark"
        $x = "secret" xor(1-255)
    condition:
        #a == 2 and $x and owner == "root" and weight > 2.0 and number == 4 and yes and console.log("seen")
}
"#;

/// The repository's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where Cargo puts the libraries: beside this test.
fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// A folder with the image of the rule and a file that it matches.
fn fixture() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let externals = [
        ("owner", ExternalValue::Str(b"nobody".to_vec())),
        ("weight", ExternalValue::Float(0.0)),
        ("number", ExternalValue::Int(0)),
        ("yes", ExternalValue::Bool(false)),
    ];
    let options = Options {
        externals: externals.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Options::default()
    };
    let source =
        Source { namespace: "default".into(), name: "border.yar".into(), text: RULE.as_bytes().to_vec() };
    let compiled = compile(vec![source], &options, &NoIncludes, &mut |_| {});
    let image = folder.path().join("border.img");
    std::fs::write(&image, compiled.image.expect("the rule compiles")).unwrap();
    let data = folder.path().join("data");
    let secret: Vec<u8> = b"secret".iter().map(|byte| byte ^ 2).collect();
    std::fs::write(&data, [b"Hallmark and Hallmark, ", &secret[..]].concat()).unwrap();
    (folder, image, data)
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

/// Compiles a program and links it with the shared library.
fn build(compiler: &str, source: &Path, program: &Path) {
    let warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-pthread"];
    let mut command = Command::new(compiler);
    command.args(warnings).arg(source).arg("-o").arg(program);
    command.arg("-I").arg(root().join("runtime/capi/include")).arg("-L").arg(libraries()).arg("-lhallmark");
    run(command.arg(format!("-Wl,-rpath,{}", libraries().display())));
}

/// The program under valgrind, which finds bytes that are read or freed wrongly, and bytes that are lost. Where it is
/// not installed the program runs by itself, but on the machine of the gate it has to be.
fn checked(program: &Path) -> Command {
    let found =
        Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "valgrind is not installed");
        eprintln!("valgrind is not installed: the program runs without");
        return Command::new(program);
    }
    let mut command = Command::new("valgrind");
    command.args([
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect",
    ]);
    command.arg(program);
    command
}

#[test]
fn every_function_does_what_the_header_says() {
    let (folder, image, data) = fixture();
    let program = folder.path().join("border");
    build("cc", &root().join("tests/tests/capi/border.c"), &program);
    let output = run(checked(&program).arg(&image).arg(&data));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all as it should be\n");
}

#[test]
fn the_header_is_good_for_cplusplus() {
    let (folder, image, data) = fixture();
    let program = folder.path().join("agent");
    build("c++", &root().join("tests/tests/capi/agent.cpp"), &program);
    let output = run(checked(&program).arg(&image).arg(&data));
    // The other variables keep their values, so that nothing matches.
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn the_example_runs_against_an_installed_library() {
    let (folder, image, data) = fixture();
    let prefix = folder.path().join("usr");
    run(Command::new(root().join("runtime/capi/install")).arg(libraries()).arg(&prefix));
    let pc = std::fs::read_to_string(prefix.join("lib/pkgconfig/hallmark.pc")).unwrap();
    assert!(pc.contains(&format!("prefix={}\n", prefix.display())), "{pc}");
    assert!(pc.contains(&format!("Version: {}\n", env!("CARGO_PKG_VERSION"))), "{pc}");
    assert!(!pc.contains('@'), "{pc}");
    let program = folder.path().join("agent");
    let mut command = Command::new("cc");
    command.arg(root().join("runtime/capi/examples/agent.c")).arg("-o").arg(&program);
    // As `pkg-config --static` would say it.
    command.arg("-I").arg(prefix.join("include")).arg(prefix.join("lib/libhallmark.a"));
    let private = pc.lines().find_map(|line| line.strip_prefix("Libs.private: ")).unwrap();
    run(command.args(private.split_whitespace()));

    let usage = Command::new(&program).output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
    let refused = Command::new(&program).arg(&image).arg(&data).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot open the database"), "{refused:?}");
    let scan = |files: &[&Path]| {
        let output = checked(&program).arg("--allow-unsigned").arg(&image).args(files).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(scan(&[&data]), (Some(0), String::new()));
    let (code, error) = scan(&[&data, Path::new("/nowhere")]);
    assert!(code == Some(2) && error.contains("/nowhere"), "{code:?} {error}");
}
