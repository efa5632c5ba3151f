//! Runs the binary in a temporary folder.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod release;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A rule that matches `needle`, with all a rule can have.
pub const RULE: &str = r#"
rule Needle : hay stack {
    meta:
        description = "a needle"
        score = 7
        good = true
    strings:
        $a = "needle"
        $b = { 00 01 ?? 03 }
    condition:
        $a or $b
}
"#;

/// A temporary folder in which the binary runs.
pub struct Folder {
    dir: tempfile::TempDir,
}

/// What the binary did.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Folder { dir: tempfile::tempdir().unwrap() }
    }

    /// With `rules.yar`, and `target` that matches.
    pub fn with_rules() -> Self {
        let folder = Self::new();
        folder.write("rules.yar", RULE);
        folder.write("target", "hay needle hay");
        folder
    }

    /// With an unsigned database `rules.hmk` too.
    pub fn with_database() -> Self {
        let folder = Self::with_rules();
        assert_eq!(folder.run(&["build", "rules.yar", "-o", "rules.hmk"]).code, 0);
        folder
    }

    /// With two keys, a `policy` that wants both, and a database that has both signatures.
    pub fn with_signed_database() -> Self {
        let folder = Self::with_rules();
        folder.make_keys();
        let key = ["--key", "keys/test_build.secret"];
        let ran =
            folder.run(&[&["build", "rules.yar", "-o", "rules.hmk", "--db", "test/core"], &key[..]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let ran = folder.run(&["sign", "--key", "keys/test_audit.secret", "rules.hmk"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        folder
    }

    pub fn make_keys(&self) {
        let mut policy = "db test/core\n".to_owned();
        for name in ["build", "audit"] {
            let ran = self.run(&["key", "new", &format!("test/{name}"), "-o", "keys"]);
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            let key = fs::read_to_string(self.path(&format!("keys/test_{name}.vkey"))).unwrap();
            policy += &format!("signer {name} {key}");
        }
        policy += "group release all build audit\nquorum release\n";
        self.write("policy", policy);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn link(&self, to: impl AsRef<Path>, name: &str) {
        std::os::unix::fs::symlink(to, self.path(name)).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hallmark"));
        command.args(args).current_dir(self.dir.path());
        command.env_remove("HALLMARK_POLICY").env("HOME", self.dir.path()).env_remove("XDG_CONFIG_HOME");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output().unwrap())
    }

    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        ran(child.wait_with_output().unwrap())
    }
}

impl Ran {
    /// Fails unless this was the exit code and standard error has the text.
    #[track_caller]
    pub fn expect(self, code: i32, stderr: &str) -> Ran {
        let said = self.stderr.contains(stderr);
        assert!(self.code == code && said, "exit code {}\n{}\n{}", self.code, self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}", self.stdout))
    }
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("not ended by a signal"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
