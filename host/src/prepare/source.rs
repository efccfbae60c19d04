//! What is prepared: a catalogue that yields records, and the files that it lies in, by which a change is noticed later.

use crate::error::{Error, Result};
use crate::loader::Dataset;
use crate::run::hex;
use crate::stop;
use plugin_api::{ImageSource, Item, ItemError, PluginError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// A dataset as far as preparation needs one.
pub trait Catalogue {
    /// Streams every record; the sink returns false to stop.
    fn read(&self, sink: &mut dyn FnMut(Result<Item, ItemError>) -> bool) -> Result<(), PluginError>;

    /// An item's image, by its locator.
    fn image(&self, locator: &str) -> Result<ImageSource, PluginError>;
}

impl Catalogue for Dataset {
    fn read(&self, sink: &mut dyn FnMut(Result<Item, ItemError>) -> bool) -> Result<(), PluginError> {
        Dataset::read(self, sink)
    }

    fn image(&self, locator: &str) -> Result<ImageSource, PluginError> {
        Dataset::image(self, locator)
    }
}

/// A file of the source, as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Below the root, or the whole path if it lies elsewhere.
    pub path: String,
    pub bytes: u64,
    /// Nanoseconds since 1970: a file of that size and time is taken to be the same without reading it. (In seconds, a change soon after
    /// preparation would go unseen.)
    pub modified: u64,
    /// Of the whole file, or of [`SAMPLES`] blocks of it if it is larger than [`WHOLE`].
    pub sha256: String,
}

/// The most bytes of a file that are all read for its digest.
pub const WHOLE: u64 = 256 << 20;
const SAMPLES: u64 = 64;
const BLOCK: u64 = 1 << 20;

/// The files directly in the root (not those of its folders, which hold images) and those of the split files' folder.
pub fn source_files(root: &Path, splits: Option<&Path>) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for folder in std::iter::once(root).chain(splits) {
        let entries = std::fs::read_dir(folder).map_err(|error| {
            Error::usage(Error::io("list", folder, &error).message).help("give the vendor's folder with --source DIR")
        })?;
        for entry in entries {
            let path = entry.map_err(|error| Error::io("list", folder, &error))?.path();
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if hidden || !path.is_file() {
                continue;
            }
            let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            stop::check()?;
            files.push(SourceFile::of(&path, shown)?);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    Ok(files)
}

/// What has changed since, a line a file; empty if nothing has. A file that was read then and is gone now counts, as does a new one.
pub fn changes(root: &Path, splits: Option<&Path>, then: &[SourceFile]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for file in then {
        let path = root.join(&file.path);
        let Ok(metadata) = std::fs::metadata(&path) else {
            lines.push(format!("{} is gone", file.path));
            continue;
        };
        let (bytes, modified) = (metadata.len(), nanoseconds(&metadata));
        if bytes != file.bytes {
            lines.push(format!("{} had {} bytes and has {bytes}", file.path, file.bytes));
        } else if modified != file.modified && SourceFile::of(&path, file.path.clone())?.sha256 != file.sha256 {
            lines.push(format!("{} has the same size and other contents", file.path));
        }
    }
    let known = |path: &str| then.iter().any(|file| file.path == path);
    for folder in std::iter::once(root).chain(splits) {
        for path in std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            if !hidden && path.is_file() && !known(&shown) {
                lines.push(format!("{shown} is new"));
            }
        }
    }
    lines.sort();
    lines.dedup();
    Ok(lines)
}

impl SourceFile {
    fn of(path: &Path, shown: String) -> Result<SourceFile> {
        let fail = |error: std::io::Error| Error::io("read", path, &error);
        let mut file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        let bytes = metadata.len();
        let mut digest = Sha256::new();
        let mut block = vec![0; BLOCK as usize];
        let mut add = |file: &mut File, most: u64| -> std::io::Result<()> {
            let mut part = file.take(most);
            loop {
                match part.read(&mut block)? {
                    0 => return Ok(()),
                    read => digest.update(&block[..read]),
                }
            }
        };
        if bytes <= WHOLE {
            add(&mut file, u64::MAX).map_err(fail)?;
        } else {
            for sample in 0..SAMPLES {
                file.seek(SeekFrom::Start((bytes - BLOCK) / (SAMPLES - 1) * sample)).map_err(fail)?;
                add(&mut file, BLOCK).map_err(fail)?;
            }
        }
        Ok(SourceFile { path: shown, bytes, modified: nanoseconds(&metadata), sha256: hex(&digest.finalize()) })
    }
}

fn nanoseconds(metadata: &std::fs::Metadata) -> u64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_change_is_named_and_a_touched_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a.csv", "one");
        write("b.csv", "two");
        let mut then = source_files(folder.path(), None).unwrap();
        assert!(changes(folder.path(), None, &then).unwrap().is_empty());
        for file in &mut then {
            file.modified -= 5;
        }
        assert!(changes(folder.path(), None, &then).unwrap().is_empty(), "the time alone is no change");
        write("a.csv", "ONE");
        std::fs::remove_file(folder.path().join("b.csv")).unwrap();
        write("c.csv", "three");
        let lines = changes(folder.path(), None, &then).unwrap();
        assert_eq!(lines, ["a.csv has the same size and other contents", "b.csv is gone", "c.csv is new"]);
        write("a.csv", "one and more");
        assert!(changes(folder.path(), None, &then).unwrap()[0].contains("had 3 bytes and has 12"));
    }
}
