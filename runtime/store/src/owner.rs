//! Who could change a file, or put another one in its place. What is mapped, and what is believed without a signature,
//! may be changed by this user and root only: the file itself, its folder, and every folder above it.

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::Error;

/// How many symbolic links may be on the way to a store; the kernel follows as many.
const MAX_LINKS: usize = 40;

/// Write permission of the group and of others. An access control list that lets anyone else write shows in the bits of
/// the group too, which are its mask.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// In a folder with this bit only the owner of an entry, the owner of the folder and root may rename or remove it.
const STICKY: u32 = 0o1000;

/// Refuses what anyone but this user or root could change.
pub(crate) fn check_owner_and_mode(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let insecure = |why| Error::Insecure { path: path.to_owned(), why };
    check_owner(metadata).map_err(insecure)?;
    match metadata.mode() & WRITABLE_BY_OTHERS {
        0 => Ok(()),
        _ => Err(insecure("writable by group or others")),
    }
}

/// Checks a directory that must not be a link and that nobody else may change.
pub(crate) fn check_directory(path: &Path) -> Result<(), Error> {
    let metadata = std::fs::symlink_metadata(path).map_err(|e| Error::io("inspect", path, e))?;
    if metadata.is_symlink() {
        return Err(Error::Link { path: path.to_owned() });
    }
    if !metadata.is_dir() {
        return Err(Error::NotADirectory { path: path.to_owned() });
    }
    check_owner_and_mode(path, &metadata)
}

/// Checks every folder on the way from the root to `path`, which is looked at by [`check_directory`]: nobody else may be able to put something else in the place
/// of the next one. That holds for folders that only this user or root can write, and for sticky ones such as `/tmp`,
/// whose entries belong to them. Links are followed one by one, and what they lead through is checked in the same way.
/// What does not exist yet is nobody's.
pub(crate) fn check_way_to(path: &Path) -> Result<(), Error> {
    let absolute = std::path::absolute(path).map_err(|e| Error::io("find", path, e))?;
    let mut ahead = names(&absolute);
    let mut at = PathBuf::from("/");
    let mut links = 0usize;
    loop {
        let metadata = match std::fs::symlink_metadata(&at) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("inspect", &at, error)),
        };
        if ahead.is_empty() && !metadata.is_symlink() {
            return Ok(());
        }
        let exposed = |why| Error::Exposed { folder: at.clone(), path: path.to_owned(), why };
        check_owner(&metadata).map_err(exposed)?;
        if metadata.is_symlink() {
            links = links.saturating_add(1);
            if links > MAX_LINKS {
                return Err(exposed("one symbolic link too many"));
            }
            let target = std::fs::read_link(&at).map_err(|e| Error::io("read the link", &at, e))?;
            ahead.extend(names(&target));
            match target.is_absolute() {
                true => at = PathBuf::from("/"),
                false => drop(at.pop()),
            }
        } else {
            let mode = metadata.mode();
            if metadata.is_dir() && mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
                return Err(exposed("writable by group or others, and not sticky"));
            }
        }
        match ahead.pop() {
            Some(name) if name == ".." => drop(at.pop()),
            // A link to `/` leaves no name to go on with.
            name => at.extend(name),
        }
    }
}

/// The names of a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let named =
        path.components().rev().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    named.map(|part| part.as_os_str().to_owned()).collect()
}

fn check_owner(metadata: &Metadata) -> Result<(), &'static str> {
    match metadata.uid() {
        0 => Ok(()),
        owner if owner == rustix::process::geteuid().as_raw() => Ok(()),
        _ => Err("owned by neither this user nor root"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    /// `above/store` in a folder of its own, which has the mode.
    fn store_below(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let above = dir.path().join("above");
        create_dir(&above).unwrap();
        create_dir(above.join("store")).unwrap();
        set_permissions(&above, Permissions::from_mode(mode)).unwrap();
        (dir, above)
    }

    fn exposed(path: &Path) -> Option<PathBuf> {
        match check_way_to(path) {
            Ok(()) => None,
            Err(Error::Exposed { folder, .. }) => Some(folder),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn folders_above_are_writable_by_nobody_else_or_sticky() {
        for (mode, safe) in
            [(0o755, true), (0o700, true), (0o775, false), (0o757, false), (0o1777, true), (0o1775, true)]
        {
            let (_dir, above) = store_below(mode);
            let found = exposed(&above.join("store"));
            assert_eq!(found, (!safe).then(|| above.clone()), "{mode:o}");
            assert_eq!(exposed(&above.join("not/there/yet")).is_none(), safe, "{mode:o}");
        }
        let (_dir, above) = store_below(0o777);
        let message = check_way_to(&above.join("store")).unwrap_err().to_string();
        assert!(message.contains("above: ") && message.contains("chmod"), "{message}");
    }

    #[test]
    fn links_on_the_way_are_checked_like_folders() {
        let (dir, above) = store_below(0o755);
        let link = |to: &Path, name: &str| {
            symlink(to, dir.path().join(name)).unwrap();
            dir.path().join(name)
        };
        let safe = [
            link(&above, "absolute").join("store"),
            link(Path::new("above/../above"), "relative").join("store"),
            link(Path::new("relative"), "twice").join("./store/.."),
        ];
        safe.iter().for_each(|path| assert_eq!(exposed(path), None, "{}", path.display()));
        set_permissions(&above, Permissions::from_mode(0o777)).unwrap();
        safe.iter().for_each(|path| assert_eq!(exposed(path), Some(above.clone()), "{}", path.display()));
        let circle = link(Path::new("circle"), "circle");
        assert_eq!(exposed(&circle), Some(circle.clone()));
        write(dir.path().join("file"), "").unwrap();
        assert!(matches!(check_way_to(&dir.path().join("file/store")), Err(Error::Io { .. })));
        assert_eq!(check_directory(&circle), Err(Error::Link { path: circle }));
        assert_eq!(exposed(&link(Path::new("/"), "root")), None);
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        let (_dir, above) = store_below(0o755);
        // Giving a file away takes root; for anyone else the file of root does not do as one of a stranger.
        if chown(&above, Some(12_345), None).is_err() {
            assert!(!rustix::process::geteuid().is_root());
            return;
        }
        assert_eq!(exposed(&above.join("store")), Some(above.clone()));
        assert!(matches!(check_directory(&above), Err(Error::Insecure { .. })));
        let link = above.join("link");
        chown(&above, Some(0), None).unwrap();
        symlink("store", &link).unwrap();
        assert_eq!(exposed(&link), None);
        std::os::unix::fs::lchown(&link, Some(12_345), None).unwrap();
        assert_eq!(exposed(&link), Some(link.clone()));
    }
}
