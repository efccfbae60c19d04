//! The interactions of an experiment by users' rows, and their files in the run directory: `data/`, written once, from which workers read training and
//! validation. The test part has files of its own, which no worker is told of.

use super::by_row::{by_row, sort_rows};
use super::log::{Interaction, Log, Names};
use super::split::{Filtered, Part};
use crate::error::{Error, Result};
use crate::run::replace_file;
use plugin_api::Interactions;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Items of users, in rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// `[users + 1]`
    pub offsets: Vec<u64>,
    /// Ascending within a row. In validation and test, an item that was never trained on has a number from `Counts::items` on.
    pub items: Vec<u32>,
    /// As many as `items`, or none where all are 1.
    pub ratings: Vec<f32>,
}

impl Rows {
    fn of(users: usize, entries: &[(u32, u32, f32)]) -> Rows {
        let (offsets, mut rated) = by_row(users, entries, |(user, ..)| *user, |(_, item, rating)| (*item, *rating));
        sort_rows(&offsets, &mut rated, &|(item, _): &(u32, f32)| *item);
        let ones = rated.iter().all(|(_, rating)| *rating == 1.0);
        let ratings = if ones { Vec::new() } else { rated.iter().map(|(_, rating)| *rating).collect() };
        Rows { offsets, items: rated.into_iter().map(|(item, _)| item).collect(), ratings }
    }

    pub fn users(&self) -> usize {
        self.offsets.len() - 1
    }

    fn range(&self, user: usize) -> std::ops::Range<usize> {
        self.offsets[user] as usize..self.offsets[user + 1] as usize
    }

    pub fn row(&self, user: usize) -> &[u32] {
        &self.items[self.range(user)]
    }

    /// A user's items with their ratings.
    pub fn rated(&self, user: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let range = self.range(user);
        let ratings = self.ratings.get(range.clone()).unwrap_or(&[]);
        let rating = |place: usize| ratings.get(place).copied().unwrap_or(1.0);
        self.items[range].iter().enumerate().map(move |(place, item)| (*item, rating(place)))
    }

    /// As the SDK has them.
    pub fn interactions(&self, items: usize) -> Result<Interactions<'_>> {
        Ok(Interactions::new(items, &self.offsets, &self.items, &self.ratings)?)
    }

    fn write(&self, folder: &Path, part: &str) -> Result<()> {
        write_npy(&folder.join(format!("{part}.offsets.npy")), &[self.offsets.len()], &self.offsets)?;
        write_npy(&folder.join(format!("{part}.items.npy")), &[self.items.len()], &self.items)?;
        write_npy(&folder.join(format!("{part}.ratings.npy")), &[self.ratings.len()], &self.ratings)
    }

    /// Reads a part: `train`, `validation` or `test`.
    pub fn read(folder: &Path, part: &str) -> Result<Rows> {
        Ok(Rows {
            offsets: read_npy(&folder.join(format!("{part}.offsets.npy")))?.1,
            items: read_npy(&folder.join(format!("{part}.items.npy")))?.1,
            ratings: read_npy(&folder.join(format!("{part}.ratings.npy")))?.1,
        })
    }
}

/// Writes numbers as an `.npy` file.
pub fn write_npy<T: npyz::AutoSerialize + Copy>(path: &Path, shape: &[usize], values: &[T]) -> Result<()> {
    use npyz::WriterBuilder;
    let fail = |error: std::io::Error| Error::io("write", path, &error);
    let shape: Vec<u64> = shape.iter().map(|length| *length as u64).collect();
    let mut bytes = Vec::with_capacity(size_of_val(values) + 128);
    let mut writer =
        npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd().map_err(fail)?;
    writer.extend(values.iter().copied()).map_err(fail)?;
    writer.finish().map_err(fail)?;
    replace_file(path, &bytes)
}

/// The shape and numbers of an `.npy` file.
pub fn read_npy<T: npyz::Deserialize>(path: &Path) -> Result<(Vec<usize>, Vec<T>)> {
    let fail = |error: std::io::Error| Error::io("read", path, &error);
    let file = npyz::NpyFile::new(BufReader::with_capacity(1 << 20, File::open(path).map_err(fail)?)).map_err(fail)?;
    let shape = file.shape().iter().map(|length| *length as usize).collect();
    Ok((shape, file.into_vec().map_err(fail)?))
}

/// What the data came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub users: usize,
    pub items: usize,
    pub train: usize,
    pub validation: usize,
    pub test: usize,
    /// Interactions of validation and test whose user has none in training; they are in no score.
    pub unknown_users: usize,
    /// Interactions of validation and test with items that were never trained on: nobody can recommend those, and they count as missed.
    pub untrained_items: usize,
    /// Users with one interaction in all; they are trained on and never tested.
    pub single: usize,
    #[serde(flatten)]
    pub filtered: Filtered,
}

/// An experiment's data.
#[derive(Debug)]
pub struct Data {
    pub users: Vec<String>,
    pub items: Vec<String>,
    pub train: Rows,
    pub validation: Rows,
    pub test: Rows,
    pub counts: Counts,
}

impl Data {
    /// Users and items are those of the training part, in natural order.
    pub fn of(log: Log, parts: &[Part], filtered: Filtered) -> Result<Data> {
        let trained = || log.interactions.iter().zip(parts).filter(|(_, part)| **part == Part::Train).map(|(it, _)| it);
        let (user_places, users) = ranked(&log.users, trained().map(|it| it.user));
        let (mut item_places, items) = ranked(&log.items, trained().map(|it| it.item));
        if users.is_empty() {
            return Err(
                Error::usage("no interaction is left to train on").help("a milder filter, or a larger training part")
            );
        }
        let mut counts = Counts { users: users.len(), items: items.len(), filtered, ..Counts::default() };
        let mut uses = vec![0u32; log.users.len()];
        log.interactions.iter().for_each(|it| uses[it.user as usize] += 1);
        counts.single = uses.iter().filter(|count| **count == 1).count();
        let mut next = items.len() as u32;
        let mut entries: [Vec<(u32, u32, f32)>; 3] = Default::default();
        for (Interaction { user, item, rating, .. }, part) in log.interactions.iter().zip(parts) {
            let user = user_places[*user as usize];
            if user == u32::MAX {
                counts.unknown_users += 1;
                continue;
            }
            let place = &mut item_places[*item as usize];
            if *place == u32::MAX {
                *place = next;
                next += 1;
            }
            counts.untrained_items += usize::from(*place as usize >= items.len());
            entries[*part as usize].push((user, *place, *rating));
        }
        let [train, validation, test] = entries;
        (counts.train, counts.validation, counts.test) = (train.len(), validation.len(), test.len());
        let new = if counts.filtered.repeated > 0 { ", with an item that is new to them" } else { "" };
        for (count, part) in [(counts.validation, "validation"), (counts.test, "test")] {
            if count == 0 {
                return Err(Error::usage(format!(
                    "the {part} part has no interaction of a user who is trained on{new}"
                ))
                .help("a milder filter, or a larger share for it"));
            }
        }
        drop(log);
        let rows = |entries: Vec<(u32, u32, f32)>| Rows::of(users.len(), &entries);
        let (train, validation, test) = (rows(train), rows(validation), rows(test));
        Ok(Data { train, validation, test, users, items, counts })
    }

    /// Writes the folder; the counts come last and tell that it is whole.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let lines = |names: &[String]| names.iter().map(|name| format!("{name}\n")).collect::<String>();
        replace_file(&folder.join("users.txt"), lines(&self.users).as_bytes())?;
        replace_file(&folder.join("items.txt"), lines(&self.items).as_bytes())?;
        self.train.write(folder, "train")?;
        self.validation.write(folder, "validation")?;
        self.test.write(folder, "test")?;
        let counts = serde_json::to_string_pretty(&self.counts).unwrap_or_default();
        replace_file(&counts_file(folder), format!("{counts}\n").as_bytes())
    }

    /// Reads what [`Data::write`] wrote; none if it never came to its end.
    pub fn read(folder: &Path) -> Result<Option<Data>> {
        let Ok(counts) = std::fs::read(counts_file(folder)) else { return Ok(None) };
        let Ok(counts) = serde_json::from_slice(&counts) else { return Ok(None) };
        let rows = |part| Rows::read(folder, part);
        Ok(Some(Data {
            users: read_names(&folder.join("users.txt"))?,
            items: read_names(&folder.join("items.txt"))?,
            train: rows("train")?,
            validation: rows("validation")?,
            test: rows("test")?,
            counts,
        }))
    }
}

fn counts_file(folder: &Path) -> PathBuf {
    folder.join("counts.json")
}

/// A name a line.
pub fn read_names(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, &error))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// The place of every name among those that are used, in natural order (`u32::MAX` for the others), and the used names.
fn ranked(names: &Names, used: impl Iterator<Item = u32>) -> (Vec<u32>, Vec<String>) {
    let mut places = vec![u32::MAX; names.len()];
    used.for_each(|name| places[name as usize] = 0);
    let mut chosen: Vec<(u32, &str)> = (names.iter().enumerate())
        .filter(|(place, _)| places[*place] == 0)
        .map(|(place, name)| (place as u32, name.as_ref()))
        .collect();
    // Numbers by their value, where all are numbers; else by letters.
    let numbers: Option<Vec<u64>> =
        chosen.iter().map(|(_, name)| name.parse().ok().filter(|_| name.len() < 19)).collect();
    match numbers {
        Some(numbers) => {
            let mut keyed: Vec<(u64, (u32, &str))> = numbers.into_iter().zip(chosen).collect();
            keyed.par_sort_unstable_by(|a, b| (a.0, a.1.1).cmp(&(b.0, b.1.1)));
            chosen = keyed.into_iter().map(|(_, entry)| entry).collect();
        }
        None => chosen.par_sort_unstable_by_key(|(_, name)| *name),
    }
    let mut sorted = Vec::with_capacity(chosen.len());
    for (rank, (place, name)) in chosen.into_iter().enumerate() {
        places[place as usize] = rank as u32;
        sorted.push(name.to_owned());
    }
    (places, sorted)
}
