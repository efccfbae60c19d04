//! What people write beside a run: one JSON object a line, appended and synced; of several with one key the last counts. The journals
//! are `notes.jsonl` and `votes.jsonl` in the run's folder; no other file of it is ever written here.

use super::index::lines::Signature;
use crate::error::{Error, Result};
use crate::report::harmless;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More is refused: something is writing that is no person.
const MOST_BYTES: u64 = 64 << 20;

/// A line of a journal.
pub trait Entry: Serialize + DeserializeOwned + Clone + Send + std::fmt::Debug {
    type Key: Ord + Clone + Send + std::fmt::Debug;

    /// What later entries of the same key replace.
    fn key(&self) -> Self::Key;

    /// True if the entry takes an earlier one back.
    fn withdraws(&self) -> bool;
}

/// A journal and what it says now.
#[derive(Debug)]
pub struct Journal<E: Entry> {
    path: PathBuf,
    state: Mutex<State<E>>,
}

#[derive(Debug)]
struct State<E: Entry> {
    signature: Option<Signature>,
    entries: BTreeMap<E::Key, E>,
}

impl<E: Entry> Journal<E> {
    /// Reads the journal, if it is there. Lines that are damaged or half written are skipped.
    pub fn open(path: PathBuf) -> Journal<E> {
        let journal = Journal { path, state: Mutex::new(State { signature: None, entries: BTreeMap::new() }) };
        journal.refresh();
        journal
    }

    /// Reads the journal anew if somebody else has written to it.
    pub fn refresh(&self) {
        let mut state = self.lock();
        let signature = Signature::of(&self.path);
        if signature != state.signature {
            state.entries = read(&self.path).unwrap_or_default();
            state.signature = signature;
        }
    }

    /// Appends an entry, synced.
    ///
    /// # Errors
    /// The file cannot be written, or is beyond its limit.
    pub fn add(&self, entry: E) -> Result<()> {
        let mut state = self.lock();
        let fail = |error: std::io::Error| Error::io("write", &self.path, &error);
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&self.path).map_err(fail)?;
        if file.metadata().map_err(fail)?.len() > MOST_BYTES {
            return Err(Error::failed(format!("{} has reached its limit of 64 MiB", self.path.display())));
        }
        let mut line = Vec::new();
        if !ends_whole(&mut file).map_err(fail)? {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, &entry).map_err(|error| Error::failed(error.to_string()))?;
        line.push(b'\n');
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(fail)?;
        state.signature = Signature::of(&self.path);
        keep(&mut state.entries, entry);
        Ok(())
    }

    pub fn get(&self, key: &E::Key) -> Option<E> {
        self.lock().entries.get(key).cloned()
    }

    /// Every entry that counts, by key.
    pub fn all(&self) -> Vec<E> {
        self.lock().entries.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep<E: Entry>(entries: &mut BTreeMap<E::Key, E>, entry: E) {
    match entry.withdraws() {
        true => drop(entries.remove(&entry.key())),
        false => drop(entries.insert(entry.key(), entry)),
    }
}

fn read<E: Entry>(path: &Path) -> std::io::Result<BTreeMap<E::Key, E>> {
    let mut entries = BTreeMap::new();
    for line in BufReader::new(File::open(path)?.take(2 * MOST_BYTES)).split(b'\n') {
        if let Ok(entry) = serde_json::from_slice::<E>(&line?) {
            keep(&mut entries, entry);
        }
    }
    Ok(entries)
}

/// Is the file empty, or its last line whole?
fn ends_whole(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Now, in seconds since 1970.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |time| time.as_secs())
}

/// Rows as CSV, with cells that no spreadsheet computes.
pub fn csv(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>> {
    let fail = |error: &dyn std::fmt::Display| Error::failed(format!("cannot write CSV: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head).map_err(|error| fail(&error))?;
    for row in rows {
        writer.write_record(row.into_iter().map(harmless)).map_err(|error| fail(&error))?;
    }
    writer.into_inner().map_err(|error| fail(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Line {
        key: u32,
        text: String,
    }

    impl Entry for Line {
        type Key = u32;

        fn key(&self) -> u32 {
            self.key
        }

        fn withdraws(&self) -> bool {
            self.text.is_empty()
        }
    }

    fn line(key: u32, text: &str) -> Line {
        Line { key, text: text.to_owned() }
    }

    #[test]
    fn the_last_entry_counts_and_an_empty_one_withdraws() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.jsonl");
        let journal = Journal::open(path.clone());
        for (key, text) in [(1, "a"), (2, "b"), (1, "c"), (2, "")] {
            journal.add(line(key, text)).unwrap();
        }
        assert_eq!(journal.all(), [line(1, "c")]);
        assert_eq!(Journal::<Line>::open(path.clone()).all(), [line(1, "c")]);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4, "nothing is rewritten");
    }

    #[test]
    fn a_half_written_line_costs_itself_and_not_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.jsonl");
        std::fs::write(&path, "{\"key\":1,\"text\":\"a\"}\n{\"key\":2,\"te").unwrap();
        let journal = Journal::open(path.clone());
        assert_eq!(journal.all(), [line(1, "a")]);
        journal.add(line(3, "c")).unwrap();
        assert_eq!(Journal::<Line>::open(path).all(), [line(1, "a"), line(3, "c")]);
    }

    #[test]
    fn another_programs_entries_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.jsonl");
        let (one, other) = (Journal::open(path.clone()), Journal::open(path));
        one.add(line(1, "a")).unwrap();
        other.refresh();
        assert_eq!(other.get(&1), Some(line(1, "a")));
    }

    #[test]
    fn formulas_are_made_harmless_in_csv() {
        let rows = [vec!["=1+1".to_owned(), "a, \"b\"".to_owned()]];
        let text = String::from_utf8(csv(&["x", "y"], rows.into_iter()).unwrap()).unwrap();
        assert_eq!(text, "x,y\n'=1+1,\"a, \"\"b\"\"\"\n");
    }
}
