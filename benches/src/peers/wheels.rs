//! Windows programs out of pinned Python packages: big, public, signed by nobody's antivirus vendor, and the same
//! everywhere.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::progress;
use super::sets::files_below;

/// The packages whose libraries are the set `pe`, each with its version: numeric code, networking, images, a GUI
/// toolkit and a debugger, built by different compilers.
pub const DEFAULT: [&str; 7] = [
    "scipy==1.17.1",
    "grpcio==1.85.3",
    "pillow==13.0.0",
    "pandas==3.1.1",
    "opencv-python-headless==5.0.0.93",
    "PyQt5-Qt5==5.15.2",
    "debugpy==1.8.22",
];
/// The one that is small enough for a quick corpus and has programs of several kinds.
pub const QUICK: [&str; 1] = ["debugpy==1.8.22"];

const PROGRAM_SUFFIXES: [&str; 3] = ["dll", "pyd", "exe"];
/// A program larger than this is none of these packages'; it keeps a damaged archive from filling the disk.
const LARGEST_PROGRAM: u64 = 256 << 20;

/// Downloads the packages `names` (`NAME==VERSION`) and unpacks their programs below `scratch`. `find_links` are folders
/// where pip looks too.
///
/// # Errors
/// A name has no version, pip is missing or fails, or an archive can't be read.
pub fn programs(names: &[String], find_links: &[PathBuf], scratch: &Path) -> anyhow::Result<Vec<PathBuf>> {
    for name in names {
        ensure!(name.contains("=="), "--wheel {name}: give the version too, as {name}==VERSION");
    }
    progress(&format!("downloading {}", names.join(", ")));
    let downloads = scratch.join("wheels");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--platform", "win_amd64", "--python-version", "3.11", "--only-binary=:all:"])
        .arg("--dest")
        .arg(&downloads);
    for folder in find_links {
        pip.arg("--find-links").arg(folder);
    }
    let output =
        pip.args(names).output().context("cannot run `python3 -m pip download`; install Python and pip")?;
    if !output.status.success() {
        bail!("`pip download` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let mut found = Vec::new();
    for wheel in files_below(&downloads)? {
        let name = wheel.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        unpack(&wheel, &scratch.join("programs").join(name), &mut found)?;
    }
    Ok(found)
}

/// Writes the programs of one archive into the new folder `to`, by number, so that no name in it is a path of ours.
fn unpack(wheel: &Path, to: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let context = || format!("cannot read {}", wheel.display());
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut archive = zip::ZipArchive::new(File::open(wheel).with_context(context)?).with_context(context)?;
    for number in 0..archive.len() {
        let mut member = archive.by_index(number).with_context(context)?;
        let name = member.name().with_context(context)?.rsplit('/').next().unwrap_or_default().to_owned();
        let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix).to_ascii_lowercase();
        if !PROGRAM_SUFFIXES.contains(&suffix.as_str()) || member.size() > LARGEST_PROGRAM {
            continue;
        }
        let target = to.join(format!("{number:05}")).join(&name);
        let written = || format!("cannot write {}", target.display());
        ensure!(!name.contains('\\') && name != "..", "{}: odd name {name}", wheel.display());
        std::fs::create_dir_all(to.join(format!("{number:05}"))).with_context(written)?;
        std::io::copy(&mut member, &mut File::create(&target).with_context(written)?)
            .with_context(written)?;
        found.push(target);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_are_unpacked() {
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("a-1-py3-none-win_amd64.whl");
        let mut writer = zip::ZipWriter::new(File::create(&wheel).unwrap());
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for name in ["a/x.DLL", "a/readme.txt", "b/x.dll", "plain"] {
            writer.start_file(name, stored).unwrap();
            writer.write_all(b"MZ").unwrap();
        }
        writer.finish().unwrap();
        let mut found = Vec::new();
        unpack(&wheel, &folder.path().join("out"), &mut found).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["x.DLL", "x.dll"]);
        assert_eq!(std::fs::read(&found[0]).unwrap(), b"MZ");
    }

    #[test]
    fn packages_are_pinned() {
        assert!(DEFAULT.iter().chain(&QUICK).all(|name| name.contains("==")));
        let error = programs(&["scipy".to_owned()], &[], Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("scipy==VERSION"), "{error}");
    }
}
