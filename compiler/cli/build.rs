//! Computes the digest of the compiler's own sources, which release notes name: the SHA-256 of a sorted list in the
//! format of coreutils' `sha256sum`, with names relative to the workspace.

#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// What decides the bytes of an image, and of the container around it.
const PARTS: [&str; 7] = [
    "Cargo.lock",
    "compiler/Cargo.toml",
    "compiler/publish",
    "compiler/src",
    "runtime/container",
    "runtime/image",
    "rust-toolchain.toml",
];

fn main() {
    let manifest_dir = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let workspace = manifest_dir.join("../..");
    let mut names = Vec::new();
    for part in PARTS {
        println!("cargo::rerun-if-changed={}", workspace.join(part).display());
        collect(&workspace, Path::new(part), &mut names);
    }
    names.sort();
    let mut list = String::new();
    for name in names {
        let content = fs::read(workspace.join(&name)).unwrap_or_default();
        // Writing to a String can't fail.
        let _ = writeln!(list, "{}  {name}", hex(&Sha256::digest(content)));
    }
    println!("cargo::rustc-env=HALLMARK_COMPILER_DIGEST=sha256:{}", hex(&Sha256::digest(list)));
}

/// The files at and below `workspace/part`, by name.
fn collect(workspace: &Path, part: &Path, names: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(workspace.join(part)) else {
        if workspace.join(part).is_file() {
            names.extend(part.to_str().map(str::to_owned));
        }
        return;
    };
    for entry in entries.flatten() {
        collect(workspace, &part.join(entry.file_name()), names);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
