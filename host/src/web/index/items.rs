//! The items of a dataset: where each line of `items/DATASET.jsonl` lies, its row by id, its category, and its text to search.

use super::lines::{Signature, Span, read, scan};
use super::names::Names;
use super::texts::Texts;
use plugin_api::Item;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

/// No category.
pub const NONE: u32 = u32::MAX;

/// A dataset's items, by row: their order in the file.
#[derive(Debug)]
pub struct Items {
    file: Option<File>,
    pub(super) signature: Option<Signature>,
    spans: Vec<Span>,
    rows: HashMap<Box<str>, u32>,
    pub categories: Names,
    /// The place in `categories` by row.
    pub category: Vec<u32>,
    pub texts: Texts,
    /// Lines that are no items.
    pub damaged: usize,
}

impl Items {
    /// Reads the file once. One that is absent or cannot be read has no items.
    pub fn index(path: &Path) -> Items {
        let signature = Signature::of(path);
        let file = signature.and_then(|_| File::open(path).ok());
        let mut items = Items {
            file: None,
            signature,
            spans: Vec::new(),
            rows: HashMap::new(),
            categories: Names::default(),
            category: Vec::new(),
            texts: Texts::default(),
            damaged: 0,
        };
        let Some(file) = file else { return items };
        let parse = |line: &[u8]| {
            let item: Item = serde_json::from_slice(line).ok()?;
            let text = searchable(&item);
            Some((item.id, item.category, text))
        };
        let scanned = scan(&file, 0, parse, |span, parsed| match parsed {
            Some((id, category, text)) => items.add(span, id, category.as_deref(), &text),
            None => items.damaged += 1,
        });
        items.damaged += usize::from(scanned.is_err());
        items.spans.shrink_to_fit();
        items.texts.shrink();
        items.file = Some(file);
        items
    }

    fn add(&mut self, span: Span, id: String, category: Option<&str>, text: &str) {
        self.rows.entry(id.into()).or_insert(self.spans.len() as u32);
        self.spans.push(span);
        self.category.push(category.map_or(NONE, |name| self.categories.place(name)));
        self.texts.push(text);
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn row(&self, id: &str) -> Option<usize> {
        self.rows.get(id).map(|row| *row as usize)
    }

    /// Reads one item; none if the file has changed under it.
    pub fn read(&self, row: usize) -> Option<Item> {
        let line = read(self.file.as_ref()?, *self.spans.get(row)?).ok()?;
        let item: Item = serde_json::from_slice(&line).ok()?;
        (self.row(&item.id)? <= row).then_some(item)
    }
}

fn searchable(item: &Item) -> String {
    let metadata = item.metadata.values().map(String::as_str);
    let parts = [item.id.as_str()].into_iter().chain(item.references.iter().map(String::as_str)).chain(metadata);
    parts.chain(item.category.as_deref()).collect::<Vec<_>>().join("\n")
}
