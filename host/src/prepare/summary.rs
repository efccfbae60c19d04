//! What was prepared, for a person: counts at each step as the study prints them, lengths of references, sizes of categories.

use super::charts::{Bar, grouped, svg, text};
use super::files::{CATEGORIES, LENGTHS, SUMMARY};
use super::manifest::{Counts, Prepared};
use crate::error::Result;
use crate::run::replace_file;
use category_classifier::{CATEGORIES_FILE, CategoriesFile};
use language::attributes::{VOCABULARY_FILE, Vocabulary};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Words in a row of the histogram, and rows before "and more".
const STEP: usize = 5;
const ROWS: usize = 20;

/// Writes the text and both charts; returns the text.
pub fn write(prepared: &Prepared) -> Result<String> {
    let (mut lengths, mut categories) = (BTreeMap::new(), BTreeMap::new());
    let mut references = 0usize;
    let mut words = 0usize;
    for item in prepared.items()? {
        let item = item?;
        for reference in &item.references {
            let count = reference.split_whitespace().count();
            references += 1;
            words += count;
            *lengths.entry((count / STEP).min(ROWS)).or_insert(0usize) += 1;
        }
        *categories.entry(item.category.unwrap_or_else(|| "(none)".to_owned())).or_insert(0usize) += 1;
    }
    let last = lengths.keys().max().copied().unwrap_or(0);
    let lengths: Vec<Bar> = (0..=last)
        .map(|row| {
            let label = match row {
                ROWS => format!("{} or more", ROWS * STEP),
                row => format!("{}–{}", row * STEP, row * STEP + STEP - 1),
            };
            Bar { label, count: lengths.get(&row).copied().unwrap_or(0) }
        })
        .collect();
    let mut categories: Vec<Bar> = categories.into_iter().map(|(label, count)| Bar { label, count }).collect();
    categories.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.label.cmp(&b.label)));

    let manifest = &prepared.manifest;
    let mut out = format!("{}, prepared from {}\n\n", manifest.dataset, manifest.root.display());
    out += &steps(&manifest.counts);
    let vocabulary = Vocabulary::read(&prepared.folder.join(VOCABULARY_FILE)).ok();
    if let Some(vocabulary) = vocabulary.filter(|_| manifest.steps.contains_key("attributes")) {
        let _ = writeln!(
            out,
            "\nattributes: {}, each {} times or more in the training references",
            grouped(vocabulary.counts.len()),
            vocabulary.least
        );
    }
    let told = std::fs::read(prepared.folder.join(CATEGORIES_FILE)).ok();
    if let Some(told) = told.and_then(|text| serde_json::from_slice::<CategoriesFile>(&text).ok()) {
        let held_out = told.held_out.map_or("nothing is held out".to_owned(), |held_out| {
            let right = format!("{} of {}", grouped(held_out.correct), grouped(held_out.references));
            format!("right on {:.1} % of the {} references ({right})", held_out.accuracy * 100.0, held_out.split)
        });
        let _ = writeln!(out, "category classifier: {held_out}");
    }
    let mean = words as f64 / references.max(1) as f64;
    let _ = writeln!(out, "\nwords a reference ({} references, {mean:.1} on average)", grouped(references));
    out += &text(&lengths, 40);
    let _ = writeln!(out, "\nitems a category ({})", grouped(manifest.counts.categories));
    out += &text(&categories, 40);

    let write = |name: &str, text: &str| replace_file(&prepared.folder.join(name), text.as_bytes());
    write(LENGTHS, &svg(&format!("{}: words a reference", manifest.dataset), &lengths))?;
    write(CATEGORIES, &svg(&format!("{}: items a category", manifest.dataset), &categories))?;
    write(SUMMARY, &out)?;
    Ok(out)
}

/// The counts as a table: what is left after each step, and what it left out.
fn steps(counts: &Counts) -> String {
    let rows = [
        ("records", counts.records),
        ("with a description", counts.with_description),
        ("with an image", counts.with_image),
        ("readable, of an id of their own", counts.usable),
        ("of a category to keep", counts.of_category),
        ("in a split", counts.kept),
    ];
    let mut out = String::new();
    let mut earlier = counts.records;
    for (label, count) in rows {
        let left = earlier - count.min(earlier);
        let note = if left > 0 { format!("  −{}", grouped(left)) } else { String::new() };
        let _ = writeln!(out, "  {label:<32} {:>10}{note}", grouped(count));
        earlier = count;
    }
    for (label, count) in
        [("train", counts.splits.train), ("validation", counts.splits.validation), ("test", counts.splits.test)]
    {
        let _ = writeln!(out, "    {label:<30} {:>10}", grouped(count));
    }
    out
}
