//! What a folder held before a command began in it, so that a command that is refused at once can give it back: to another command, or to the
//! same with what was wrong corrected.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What a folder held before.
pub struct Found {
    folder: PathBuf,
    /// None: there was no such folder.
    names: Option<BTreeSet<OsString>>,
}

impl Found {
    /// To be asked before anything is made in the folder.
    pub fn in_folder(folder: &Path) -> Found {
        let names =
            std::fs::read_dir(folder).ok().map(|entries| entries.flatten().map(|entry| entry.file_name()).collect());
        Found { folder: folder.to_owned(), names }
    }

    /// Removes what was put there since. What cannot be removed stays: the refusal is what is to be told.
    pub fn restore(&self) {
        let Some(names) = &self.names else {
            let _ = std::fs::remove_dir_all(&self.folder);
            return;
        };
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if names.contains(&entry.file_name()) {
                continue;
            }
            let _ = match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => std::fs::remove_dir_all(entry.path()),
                false => std::fs::remove_file(entry.path()),
            };
        }
    }
}
