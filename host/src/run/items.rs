//! `items/DATASET.jsonl`: the items of the evaluated split, kept with the run so that scoring and reading it needs no dataset.

use super::files::replace_file;
use crate::error::{Error, Result};
use plugin_api::Item;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Writes the items whole, one line an item.
pub fn write_items(path: &Path, items: &[Item]) -> Result<()> {
    let mut text = Vec::new();
    for item in items {
        serde_json::to_writer(&mut text, item)
            .map_err(|error| Error::failed(format!("cannot write item `{}`: {error}", item.id)))?;
        text.push(b'\n');
    }
    replace_file(path, &text)
}

/// Reads them back, in the dataset's order.
pub fn read_items(path: &Path) -> Result<Vec<Item>> {
    let file = File::open(path).map_err(|error| Error::io("read", path, &error))?;
    let lines = BufReader::new(file).lines().enumerate();
    lines
        .map(|(number, line)| {
            let line = line.map_err(|error| Error::io("read", path, &error))?;
            serde_json::from_str(&line)
                .map_err(|error| Error::failed(format!("{}:{}: not an item: {error}", path.display(), number + 1)))
        })
        .collect()
}
