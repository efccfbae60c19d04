//! The one way to write a file whole: aside, synced, renamed.

use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

/// Replaces `path` by these bytes. A crash leaves the old file or the new one, never a part.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    create_folder(folder)?;
    let write = || -> std::io::Result<()> {
        let mut aside = tempfile::Builder::new().prefix(ASIDE.0).suffix(ASIDE.1).tempfile_in(folder)?;
        aside.write_all(bytes)?;
        // Temporary files are private by default; results are for whoever may read the folder.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            aside.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        aside.as_file().sync_all()?;
        aside.persist(path).map_err(|error| error.error)?;
        sync_folder(folder);
        Ok(())
    };
    write().map_err(|error| Error::io("write", path, &error))
}

/// How the names of files begin and end that are not whole yet.
const ASIDE: (&str, &str) = (".new-", ".tmp");

/// Removes what was written aside below a folder and never renamed, since its writer was killed.
pub fn clear_unfinished(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let unfinished = name.starts_with(ASIDE.0) && name.ends_with(ASIDE.1);
        match (entry.file_type().is_ok_and(|kind| kind.is_dir()), unfinished) {
            (true, true) => drop(std::fs::remove_dir_all(entry.path())),
            (true, false) => clear_unfinished(&entry.path()),
            (false, true) => drop(std::fs::remove_file(entry.path())),
            (false, false) => {}
        }
    }
}

/// Puts a folder in its place whole: `fill` writes into one aside, whose files are synced before the two change places. A crash leaves the
/// old folder or the new one, never a part, and never neither (but between two renames where the file system cannot exchange folders).
pub fn replace_folder(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_folder(parent)?;
    let fail = |error: std::io::Error| Error::io("write", path, &error);
    clear_abandoned(parent);
    let (new, _held) = folder_aside(parent).map_err(fail)?;
    fill(new.path())?;
    sync_below(new.path()).map_err(fail)?;
    // Temporary folders are private by default.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(new.path(), std::fs::Permissions::from_mode(0o755)).map_err(fail)?;
    }
    // What is left aside, the old folder, is removed when the new one is in its place, and not before.
    let old = if !path.exists() {
        std::fs::rename(new.keep(), path).map_err(fail)?;
        None
    } else if exchange(new.path(), path).is_ok() {
        Some(new)
    } else {
        let (old, _old_held) = folder_aside(parent).map_err(fail)?;
        std::fs::rename(path, old.path().join("old")).map_err(fail)?;
        std::fs::rename(new.keep(), path).map_err(fail)?;
        Some(old)
    };
    sync_folder(parent);
    drop(old);
    Ok(())
}

/// A folder to write into, with a lock that tells others that it is being written: the parent may hold what many commands put there.
fn folder_aside(parent: &Path) -> std::io::Result<(tempfile::TempDir, Option<File>)> {
    loop {
        let aside = tempfile::Builder::new().prefix(ASIDE.0).suffix(ASIDE.1).tempdir_in(parent)?;
        let held = match File::open(aside.path()) {
            Ok(folder) => match folder.try_lock() {
                Ok(()) => Some(folder),
                // Somebody takes it for abandoned.
                Err(TryLockError::WouldBlock) => continue,
                // Where folders cannot be locked, nobody can find them abandoned.
                Err(TryLockError::Error(_)) => None,
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(_) => None,
        };
        if aside.path().is_dir() {
            return Ok((aside, held));
        }
    }
}

/// Removes the folders aside whose writers were killed: nobody holds their locks.
fn clear_abandoned(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with(ASIDE.0) && name.ends_with(ASIDE.1) && entry.path().is_dir()) {
            continue;
        }
        let Ok(folder) = File::open(entry.path()) else { continue };
        if folder.try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Lets two folders change places in one step; not every file system can.
#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn sync_below(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_below(&entry.path())?,
            false => File::open(entry.path())?.sync_all()?,
        }
    }
    sync_folder(folder);
    Ok(())
}

/// Makes a folder and its parents.
pub fn create_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io("create the folder", folder, &error))
}

/// Makes a rename or a new file last. File systems that cannot sync a folder keep the file all the same.
pub fn sync_folder(folder: &Path) {
    if let Ok(handle) = File::open(folder) {
        let _ = handle.sync_all();
    }
}

/// SHA-256 of a file's bytes, in hexadecimal.
pub fn file_digest(path: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    add_to_digest(&mut digest, path)?;
    Ok(hex(&digest.finalize()))
}

/// Adds a file's bytes to a digest.
pub fn add_to_digest(digest: &mut Sha256, path: &Path) -> Result<()> {
    let fail = |error: std::io::Error| Error::io("read", path, &error);
    let mut file = File::open(path).map_err(fail)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(fail)? {
            0 => return Ok(()),
            read => digest.update(&buffer[..read]),
        }
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn what_a_killed_writer_left_aside_is_removed_and_what_is_being_written_is_not() {
        let place = tempfile::tempdir().unwrap();
        let abandoned = place.path().join(".new-abc.tmp");
        std::fs::create_dir(&abandoned).unwrap();
        std::fs::write(abandoned.join("model.safetensors"), b"half").unwrap();
        replace_folder(&place.path().join("one"), |one| {
            assert!(!abandoned.exists(), "what was abandoned is there still");
            replace_folder(&place.path().join("other"), |_| Ok(()))?;
            assert!(one.is_dir(), "what is being written was taken for abandoned");
            Ok(())
        })
        .unwrap();
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_is_replaced_is_there_at_every_moment() {
        let place = tempfile::tempdir().unwrap();
        let folders = ["one", "other"].map(|name| place.path().join(name));
        folders.iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        if let Err(error) = exchange(&folders[0], &folders[1]) {
            println!("skipped: folders cannot be exchanged on {}: {error}", place.path().display());
            return;
        }
        folders.iter().for_each(|folder| std::fs::remove_dir(folder).unwrap());
        let path = place.path().join("checkpoint");
        let fill = |aside: &Path| {
            (0..200).for_each(|file| std::fs::write(aside.join(file.to_string()), b"state").unwrap());
            Ok(())
        };
        replace_folder(&path, fill).unwrap();
        let over = AtomicBool::new(false);
        let absent = std::thread::scope(|scope| {
            let looks = scope.spawn(|| {
                let mut absent = 0;
                while !over.load(Ordering::Relaxed) {
                    absent += usize::from(!path.join("199").is_file());
                }
                absent
            });
            (0..10).for_each(|_| replace_folder(&path, fill).unwrap());
            over.store(true, Ordering::Relaxed);
            looks.join().unwrap()
        });
        assert_eq!(absent, 0, "looks that found no checkpoint");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "something was left aside");
    }
}
