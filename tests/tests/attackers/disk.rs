//! A disk that is full, and a limit on the size of files: an installation that fails half-way leaves nothing behind, and
//! works when there is room again.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::endpoint::{CURRENT, Endpoint, NEXT, again, left_out, release};

/// Set for the process with a small disk: where that is.
const SMALL_DISK: &str = "HALLMARK_TEST_SMALL_DISK";
/// Set for the process with small files: the store.
const SMALL_FILES: &str = "HALLMARK_TEST_SMALL_FILES";
const PAGE: u64 = 4096;

#[test]
fn a_full_disk_changes_nothing() {
    const NAME: &str = "disk::a_full_disk_changes_nothing";
    if let Some(disk) = std::env::var_os(SMALL_DISK) {
        let disk = PathBuf::from(disk);
        no_room(&disk.join("a"), fill_blocks);
        return no_room(&disk.join("b"), fill_names);
    }
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().to_str().unwrap();
    let mounted = |then: &[&str]| {
        let mount = "mount -t tmpfs -o size=8m,nr_inodes=200,mode=755 none \"$1\" && shift && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--", "sh", "-c", mount, "sh", disk]).args(then);
        command
    };
    if !mounted(&["true"]).output().is_ok_and(|output| output.status.success()) {
        return left_out(NAME, "mounting a small file system needs root, unshare and mount");
    }
    let inner = again(NAME, SMALL_DISK, disk);
    let program = [inner.get_program()].into_iter().chain(inner.get_args());
    let program: Vec<_> = program.map(|word| word.to_str().unwrap()).collect();
    let output = mounted(&program).env(SMALL_DISK, disk).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Gives more and more room until it is enough. `fill` takes all but some units and says how to give them back.
fn no_room(disk: &Path, fill: fn(&Path, usize)) {
    fs::create_dir(disk).unwrap();
    let endpoint = Endpoint::at(disk.join("store"));
    let next = release(NEXT).container().unwrap();
    let filler = disk.join("filler");
    let mut failures = 0;
    for room in 0.. {
        fs::create_dir(&filler).unwrap();
        fill(&filler, room);
        let offered = endpoint.offer(&next);
        fs::remove_dir_all(&filler).unwrap();
        if offered == Ok(NEXT) {
            break;
        }
        endpoint.refuses(&format!("room for {room}"), offered, &["Io/StorageFull"]);
        endpoint.unharmed();
        failures += 1;
    }
    // Image, note, policy or state: each of them was once the one that there was no room for.
    assert!(failures >= 3, "{failures}");
    assert_eq!(crate::endpoint::detects(&endpoint.store), NEXT);
    fs::remove_dir_all(disk).unwrap();
}

fn fill_blocks(filler: &Path, pages: usize) {
    let mut file = File::create(filler.join("file")).unwrap();
    while file.write_all(&[1; PAGE as usize]).is_ok() {}
    let len = file.metadata().unwrap().len() / PAGE * PAGE;
    file.set_len(len - pages as u64 * PAGE).unwrap();
}

fn fill_names(filler: &Path, names: usize) {
    let path = |n: usize| filler.join(n.to_string());
    let made = (0..).take_while(|n| File::create(path(*n)).is_ok()).count();
    (made - names..made).for_each(|n| fs::remove_file(path(n)).unwrap());
}

/// Runs everywhere: the system refuses to write past some length instead of the disk being full.
#[test]
fn files_that_may_not_grow_change_nothing() {
    const NAME: &str = "disk::files_that_may_not_grow_change_nothing";
    if let Some(store) = std::env::var_os(SMALL_FILES) {
        let endpoint = Endpoint::existing(Path::new(&store));
        let offered = endpoint.offer(&release(NEXT).container().unwrap());
        return endpoint.refuses("a small file", offered, &["Io/FileTooLarge"]);
    }
    let endpoint = Endpoint::new();
    let image = release(NEXT).note().release().image.bytes;
    let blocks = image / 1024;
    assert!(blocks > 8);
    for limit in [1, 8, blocks - 1] {
        // The signal that comes with the error would end the process.
        let limited = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$@\"");
        let inner = again(NAME, SMALL_FILES, "");
        let output = Command::new("bash")
            .args(["-c", &limited, "sh"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .env(SMALL_FILES, &endpoint.store)
            .output()
            .unwrap();
        assert!(output.status.success(), "{limit}: {}", String::from_utf8_lossy(&output.stderr));
        endpoint.unharmed();
    }
    assert_eq!(endpoint.offer(&release(NEXT).container().unwrap()), Ok(NEXT));
    assert_eq!(NEXT, CURRENT + 1);
}
