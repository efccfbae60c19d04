//! The second pass: the category filter and the split decide item by item; those that stay become `items.jsonl`.

use super::files::ITEMS;
use super::manifest::{Counts, SplitCounts};
use super::options::{CategoryLists, PrepareOptions};
use super::output::OutputFile;
use super::read::Records;
use crate::catalogue::SplitRule;
use crate::error::{Error, Result};
use crate::stop;
use std::collections::BTreeSet;
use std::path::Path;

/// Where items are written, and by which rules.
pub struct Selecting<'a> {
    pub folder: &'a Path,
    pub options: &'a PrepareOptions,
    pub splits: Option<&'a Path>,
    pub seed: u64,
}

impl Selecting<'_> {
    /// Writes the items that stay; the counts of every step, and the digest of the file.
    pub fn write(&self, mut records: Records, dropped: &mut OutputFile) -> Result<(Counts, String)> {
        let reasons = self.refusals(&records);
        let mut kept_flags = reasons.iter().map(Option::is_none);
        let slim = std::mem::take(&mut records.slim);
        // The split is of what stays: shares of 80, 10 and 10 are shares of the prepared dataset.
        let staying: Vec<_> = slim.into_iter().filter(|_| kept_flags.next().unwrap_or(false)).collect();
        let rule = SplitRule::seeded(&staying, self.splits, self.seed)?;
        let mut staying = staying.iter();
        let tally = std::mem::take(&mut records.tally);
        let usable = reasons.len();
        let mut counts = Counts {
            records: tally.records,
            with_description: tally.records - tally.without_description,
            with_image: tally.records - tally.without_description - tally.without_image,
            usable,
            of_category: reasons.iter().filter(|reason| reason.is_none()).count(),
            ..Counts::default()
        };
        let mut items = OutputFile::create(self.folder, ITEMS)?;
        let mut categories = BTreeSet::new();
        for (item, reason) in records.items()?.zip(&reasons) {
            stop::check()?;
            let mut item = item?;
            if let Some(reason) = reason {
                dropped.csv(&[&item.id, "category", reason])?;
                continue;
            }
            let Some(split) = staying.next().and_then(|slim| rule.split_of(slim)) else {
                dropped.csv(&[&item.id, "split", "neither its id nor its product stands in the split files"])?;
                continue;
            };
            counts.splits.add(split)?;
            counts.kept += 1;
            item.split = Some(split.to_owned());
            categories.extend(item.category.clone());
            let mut line = serde_json::to_vec(&item)
                .map_err(|error| Error::failed(format!("cannot write item `{}`: {error}", item.id)))?;
            line.push(b'\n');
            items.write(&line)?;
        }
        counts.categories = categories.len();
        if counts.kept == 0 {
            return Err(Error::failed(format!(
                "no item is left: of {} records {} can be used ({} lack a description, {} an image, {} cannot be read, {} stand twice), and {} of these are of a category to keep{}",
                counts.records,
                counts.usable,
                tally.without_description,
                tally.without_image,
                tally.unreadable,
                tally.duplicates,
                counts.of_category,
                tally.first_fault.map(|fault| format!("\n    the first that is left out: {fault}")).unwrap_or_default()
            ))
            .help("look at `prepare` of the dataset's registry entry, and at the vendor's files"));
        }
        Ok((counts, items.finish()?))
    }

    /// For each item, why its category keeps it out.
    fn refusals(&self, records: &Records) -> Vec<Option<String>> {
        let lists = CategoryLists::of(self.options);
        let minimum = self.options.minimum;
        let refusal = |category: Option<&String>| match category {
            None => lists.need_category(minimum).then(|| "it has no category".to_owned()),
            Some(category) => lists.refusal(category).or_else(|| {
                let size = records.categories.get(category).copied().unwrap_or(0);
                (size < minimum).then(|| format!("its category `{category}` has {size} items, fewer than {minimum}"))
            }),
        };
        records.slim.iter().map(|item| refusal(item.category.as_ref())).collect()
    }
}

impl SplitCounts {
    fn add(&mut self, split: &str) -> Result<()> {
        *match split {
            "train" => &mut self.train,
            "validation" => &mut self.validation,
            "test" => &mut self.test,
            other => {
                return Err(Error::failed(format!("the dataset puts an item into a split `{other}`"))
                    .help("a plugin's splits are train, validation and test"));
            }
        } += 1;
        Ok(())
    }
}
