//! The first pass: every record looked at once. Items go, normalised, to a file aside; what is kept in memory is what the split and the category
//! filter ask for.

use super::normalise::normalised;
use super::options::PrepareOptions;
use super::output::OutputFile;
use super::source::Catalogue;
use crate::error::{Error, Result};
use crate::stop;
use plugin_api::{Item, ItemError};
use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use tempfile::NamedTempFile;

/// Why a record is no item. The study counts the first two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Description,
    Image,
    Duplicate,
    Unreadable,
}

impl Cause {
    /// What `dropped.csv` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Description => "description",
            Cause::Image => "image",
            Cause::Duplicate => "duplicate",
            Cause::Unreadable => "unreadable",
        }
    }

    /// From a plugin's words: plugins say "no description" and "no image" of what lacks them.
    fn of(error: &ItemError) -> Cause {
        let says = |words: &str| error.message.contains(words);
        if says(": no description") {
            Cause::Description
        } else if says(": no image") {
            Cause::Image
        } else if says(" already") {
            Cause::Duplicate
        } else {
            Cause::Unreadable
        }
    }
}

/// What is left of an item in memory: its id, product, split by the vendor and category, without texts.
pub struct Records {
    pub slim: Vec<Item>,
    pub categories: BTreeMap<String, usize>,
    pub tally: Tally,
    spool: NamedTempFile,
}

/// Records by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub records: usize,
    pub without_description: usize,
    pub without_image: usize,
    pub duplicates: usize,
    pub unreadable: usize,
    /// Why the first record that was dropped is no item, for the error of a catalogue without any.
    pub first_fault: Option<String>,
}

/// Reads the catalogue; what is dropped goes to `dropped`.
pub fn read(
    catalogue: &dyn Catalogue,
    options: &PrepareOptions,
    folder: &std::path::Path,
    dropped: &mut OutputFile,
) -> Result<Records> {
    // Named as all is that a killed command leaves aside.
    let spool = tempfile::Builder::new().prefix(".new-").suffix(".tmp").tempfile_in(folder);
    let spool = spool.map_err(|error| Error::io("write", folder, &error))?;
    let mut writer = std::io::BufWriter::with_capacity(1 << 16, spool);
    let (mut slim, mut categories, mut tally) = (Vec::new(), BTreeMap::new(), Tally::default());
    let mut ids = HashSet::new();
    let mut failure = None;
    catalogue.read(&mut |record| {
        if stop::requested() {
            return false;
        }
        tally.records += 1;
        let taken = match record.and_then(|item| usable(item, options)) {
            Ok(item) if !ids.insert(item.id.clone()) => drop_one(
                dropped,
                &mut tally,
                &item.id,
                Cause::Duplicate,
                "its id stands in the dataset already; the first is used",
            ),
            Ok(item) => {
                if let Some(category) = &item.category {
                    *categories.entry(category.clone()).or_insert(0) += 1;
                }
                let written = serde_json::to_writer(&mut writer, &item)
                    .map_err(|error| error.to_string())
                    .and_then(|()| writer.write_all(b"\n").map_err(|error| error.to_string()));
                slim.push(Item {
                    id: item.id,
                    product: item.product,
                    split: item.split,
                    category: item.category,
                    ..Item::default()
                });
                written.map_err(|error| Error::failed(format!("cannot write to {}: {error}", folder.display())))
            }
            Err(error) => drop_one(dropped, &mut tally, &error.id, Cause::of(&error), &error.message),
        };
        failure = taken.err();
        failure.is_none()
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    stop::check()?;
    let spool = writer.into_inner().map_err(|error| Error::io("write", folder, error.error()))?;
    Ok(Records { slim, categories, tally, spool })
}

fn drop_one(dropped: &mut OutputFile, tally: &mut Tally, id: &str, cause: Cause, message: &str) -> Result<()> {
    *match cause {
        Cause::Description => &mut tally.without_description,
        Cause::Image => &mut tally.without_image,
        Cause::Duplicate => &mut tally.duplicates,
        Cause::Unreadable => &mut tally.unreadable,
    } += 1;
    tally.first_fault.get_or_insert_with(|| message.to_owned());
    dropped.csv(&[id, cause.name(), message])
}

/// The item with its references normalised, or why it is of no use.
fn usable(mut item: Item, options: &PrepareOptions) -> Result<Item, ItemError> {
    let fault = |id: &str, message: String| Err(ItemError { id: id.to_owned(), message });
    if item.id.trim().is_empty() {
        return fault("", "it has no id".into());
    }
    let mut longest = 0;
    let texts = std::mem::take(&mut item.references);
    for text in texts.iter().map(|text| normalised(text, options.lowercase)) {
        let length = text.chars().count();
        longest = longest.max(length);
        if !text.is_empty() && length <= options.longest {
            item.references.push(text);
        }
    }
    if item.references.is_empty() {
        let why = match longest {
            0 => "the text is empty".to_owned(),
            _ => format!("the text has {longest} characters, more than {} (`longest`)", options.longest),
        };
        return fault(&item.id, format!("{}: no description ({why})", item.id));
    }
    item.category = item.category.map(|category| normalised(&category, false)).filter(|category| !category.is_empty());
    Ok(item)
}

impl Records {
    /// The items again, in order, from the file aside.
    pub fn items(&self) -> Result<impl Iterator<Item = Result<Item>>> {
        let path = self.spool.path().to_owned();
        let file = self.spool.reopen().map_err(|error| Error::io("read", &path, &error))?;
        Ok(BufReader::with_capacity(1 << 16, file).lines().map(move |line| {
            let line = line.map_err(|error| Error::io("read", &path, &error))?;
            serde_json::from_str(&line).map_err(|error| Error::failed(format!("{}: {error}", path.display())))
        }))
    }
}
