//! Files of one JSON document a line, appended and synced a batch at a time: what a crash leaves of them is whole lines, and perhaps a torn
//! last one, which is dropped.

use super::files::{create_folder, sync_folder};
use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// Reads the lines. A torn last line (no newline, or not JSON) is left out, and the length of what is whole is returned beside the lines, in
/// bytes. An absent file is no lines.
///
/// # Errors
/// The file cannot be read, or a line before the last is damaged.
pub fn read_journal<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, u64)> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(Error::io("read", path, &error)),
    };
    let mut lines = Vec::new();
    let mut whole = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let torn = !line.ends_with(b"\n");
        let last = whole + line.len() == bytes.len();
        match serde_json::from_slice(line) {
            Ok(read) if !torn => lines.push(read),
            Ok(_) => break,
            Err(_) if last => break,
            Err(error) => {
                return Err(Error::failed(format!("{}:{}: the line is damaged: {error}", path.display(), number + 1))
                    .help("remove that line and run the same command again; its items are then done anew"));
            }
        }
        whole += line.len();
    }
    Ok((lines, whole as u64))
}

/// Appends lines.
#[derive(Debug)]
pub struct Journal<T> {
    path: PathBuf,
    file: File,
    length: u64,
    lines: PhantomData<fn(&T)>,
}

impl<T: Serialize + DeserializeOwned> Journal<T> {
    /// Opens a file and cuts off a torn last line. Returns what is there already.
    pub fn open(path: &Path) -> Result<(Journal<T>, Vec<T>)> {
        let folder = path.parent().unwrap_or(Path::new("."));
        create_folder(folder)?;
        let (lines, length) = read_journal(path)?;
        let open = OpenOptions::new().create(true).append(true).open(path);
        let file = open.map_err(|error| Error::io("write", path, &error))?;
        let fail = |error| Error::io("write", path, &error);
        // What is whole keeps its time of change.
        if file.metadata().map_err(fail)?.len() != length {
            file.set_len(length).map_err(fail)?;
        }
        sync_folder(folder);
        Ok((Journal { path: path.to_owned(), file, length, lines: PhantomData }, lines))
    }

    /// Appends lines and syncs them. After an error the file holds exactly the earlier ones.
    pub fn append(&mut self, batch: &[T]) -> Result<()> {
        let text = lines(&self.path, batch)?;
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // A disk that is full still lets a file shrink; should even that fail, the torn line is dropped on resume.
            let _ = self.file.set_len(self.length);
            return Err(Error::io("append to", &self.path, &error));
        }
        self.length += text.len() as u64;
        Ok(())
    }
}

/// The text of lines.
pub(super) fn lines<T: Serialize>(path: &Path, batch: &[T]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in batch {
        serde_json::to_writer(&mut text, line)
            .map_err(|error| Error::failed(format!("cannot write a line of {}: {error}", path.display())))?;
        text.push(b'\n');
    }
    Ok(text)
}
