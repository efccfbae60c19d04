//! The captions of a cell: where each item's prediction lies in the shards' files, what became of it, and its text to search. Files that
//! have grown are read on from where reading ended.

use super::Items;
use super::lines::{Signature, Span, read, scan};
use super::texts::Texts;
use crate::run::{Outcome, Prediction};
use plugin_api::Finish;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What became of an item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Pending,
    Captioned,
    /// The caption ended at the limit of tokens.
    CutOff,
    Failed,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    span: Span,
    file: u16,
    state: State,
}

/// A shard's file, as far as it was read.
#[derive(Debug, Clone)]
struct Shard {
    path: PathBuf,
    file: Arc<File>,
    signature: Signature,
    end: u64,
}

/// A cell's predictions by row of the dataset's items.
#[derive(Debug, Clone, Default)]
pub struct Captions {
    shards: Vec<Shard>,
    places: Vec<Place>,
    pub texts: Texts,
    pub captioned: usize,
    pub failed: usize,
    /// Lines that are no predictions, or of no item.
    pub damaged: usize,
}

impl Captions {
    pub fn new(rows: usize) -> Captions {
        Captions { places: vec![Place::default(); rows], texts: Texts::new(rows), ..Captions::default() }
    }

    /// The captions as the files are now; none if nothing has changed.
    pub fn refreshed(&self, folder: &Path, items: &Items) -> Option<Captions> {
        let files = shard_files(folder);
        let known = |shard: &Shard| files.iter().any(|(path, _)| *path == shard.path);
        let grown = |(path, now): &(PathBuf, Signature)| match self.shards.iter().find(|shard| shard.path == *path) {
            Some(shard) => shard.signature.inode == now.inode && shard.signature.length <= now.length,
            None => true,
        };
        let same = |(path, now): &(PathBuf, Signature)| {
            self.shards.iter().any(|shard| shard.path == *path && shard.signature == *now)
        };
        if files.len() == self.shards.len() && files.iter().all(same) {
            return None;
        }
        let goes_on = self.shards.iter().all(known) && files.iter().all(grown);
        let mut captions = if goes_on { self.clone() } else { Captions::new(items.len()) };
        for (path, signature) in files {
            captions.read_on(path, signature, items);
        }
        Some(captions)
    }

    fn read_on(&mut self, path: PathBuf, signature: Signature, items: &Items) {
        let number = match self.shards.iter().position(|shard| shard.path == path) {
            Some(number) => number,
            None => {
                let Ok(file) = File::open(&path) else { return };
                self.shards.push(Shard { path, file: Arc::new(file), signature, end: 0 });
                self.shards.len() - 1
            }
        };
        let (file, from) = (Arc::clone(&self.shards[number].file), self.shards[number].end);
        let parse = |line: &[u8]| {
            let prediction: Prediction = serde_json::from_slice(line).ok()?;
            Some((items.row(&prediction.id)?, prediction.outcome))
        };
        let end = scan(&file, from, parse, |span, parsed| match parsed {
            Some((row, outcome)) => self.set(row, number as u16, span, &outcome),
            None => self.damaged += 1,
        });
        self.damaged += usize::from(end.is_err());
        let shard = &mut self.shards[number];
        shard.signature = signature;
        shard.end = end.unwrap_or(shard.end);
    }

    fn set(&mut self, row: usize, file: u16, span: Span, outcome: &Outcome) {
        match self.places[row].state {
            State::Pending => {}
            State::Failed => self.failed -= 1,
            State::Captioned | State::CutOff => self.captioned -= 1,
        }
        let state = match outcome {
            Outcome::Caption { caption, finish, .. } => {
                self.captioned += 1;
                self.texts.set(row, caption);
                if *finish == Finish::Length { State::CutOff } else { State::Captioned }
            }
            Outcome::Failed { .. } => {
                self.failed += 1;
                State::Failed
            }
        };
        self.places[row] = Place { span, file, state };
    }

    pub fn state(&self, row: usize) -> State {
        self.places[row].state
    }

    /// Reads one item's prediction. `Err` if its file has changed under it, `Ok(None)` if there is none yet.
    pub fn read(&self, row: usize, id: &str) -> Result<Option<Outcome>, Changed> {
        let place = self.places.get(row).ok_or(Changed)?;
        if place.state == State::Pending {
            return Ok(None);
        }
        let shard = self.shards.get(place.file as usize).ok_or(Changed)?;
        let line = read(&shard.file, place.span).map_err(|_| Changed)?;
        let prediction: Prediction = serde_json::from_slice(&line).map_err(|_| Changed)?;
        if prediction.id == id { Ok(Some(prediction.outcome)) } else { Err(Changed) }
    }
}

/// A file is no longer what it was when it was indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed;

fn shard_files(folder: &Path) -> Vec<(PathBuf, Signature)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("shard-") && name.ends_with(".jsonl")
        })
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files.into_iter().filter_map(|path| Some((path.clone(), Signature::of(&path)?))).collect()
}
