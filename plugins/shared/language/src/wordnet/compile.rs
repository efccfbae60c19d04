//! From WordNet's own database files (`wndb`(5WN), Debian package `wordnet-base`) to a [`WordNet`].

use super::{Pos, WordNet, WordNetError};
use std::collections::HashMap;
use std::path::Path;

/// Where Debian's `wordnet-base` puts the database.
pub const DEBIAN_FOLDER: &str = "/usr/share/wordnet";

/// Reads `data.*`, `index.*` and `*.exc`.
pub fn read_database(folder: &Path) -> Result<WordNet, WordNetError> {
    let mut wordnet = WordNet::default();
    for pos in Pos::ALL {
        let name = match pos {
            Pos::Noun => "noun",
            Pos::Verb => "verb",
            Pos::Adjective => "adj",
            Pos::Adverb => "adv",
        };
        // A synset is known by its offset in the data file; here synsets are numbered in the files' order.
        let mut numbers = HashMap::new();
        each_line(folder, &format!("data.{name}"), |line| {
            let mut fields = line.split(' ');
            numbers.insert(fields.next()?.to_owned(), wordnet.files.len() as u32);
            wordnet.files.push(fields.next()?.parse().ok()?);
            Some(())
        })?;
        each_line(folder, &format!("index.{name}"), |line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let synsets: usize = fields.get(2)?.parse().ok()?;
            let offsets = &fields[fields.len().checked_sub(synsets)?..];
            let senses = offsets.iter().map(|offset| numbers.get(*offset).copied()).collect::<Option<Box<[u32]>>>()?;
            wordnet.lemmas.entry((*fields.first()?).into()).or_default()[pos as usize] = senses;
            Some(())
        })?;
        each_line(folder, &format!("{name}.exc"), |line| {
            let mut words = line.split(' ').map(Box::<str>::from);
            wordnet.exceptions[pos as usize].insert(words.next()?, words.collect());
            Some(())
        })?;
    }
    Ok(wordnet)
}

/// The definitions and examples of every synset, one text each: English that may be learnt from, free of the treebank's topics.
pub fn read_glosses(folder: &Path) -> Result<Vec<String>, WordNetError> {
    let mut glosses = Vec::new();
    for name in ["data.noun", "data.verb", "data.adj", "data.adv"] {
        each_line(folder, name, |line| {
            glosses.push(line.split_once(" | ")?.1.trim().to_owned());
            Some(())
        })?;
    }
    Ok(glosses)
}

/// Calls `read` for each line but the licence at a file's head; `None` from it is an error that names the line.
fn each_line(folder: &Path, name: &str, mut read: impl FnMut(&str) -> Option<()>) -> Result<(), WordNetError> {
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path)
        .map_err(|source| WordNetError::File { path: path.display().to_string(), source })?;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with("  ") && !line.is_empty()) {
        read(line).ok_or_else(|| WordNetError::Line { path: path.display().to_string(), line: number + 1 })?;
    }
    Ok(())
}
