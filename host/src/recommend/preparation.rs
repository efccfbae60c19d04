//! The data of an experiment: logs read, filtered, split and written into the run directory, or found there.

use super::data::{Data, write_npy};
use super::experiment::Experiment;
use super::features::{Missing, no_features};
use super::log::Log;
use super::split::{Filtered, Part, collapse, collapse_parts, filter, split};
use crate::embed;
use crate::error::{Error, Result};
use crate::stop;
use std::collections::HashSet;

impl Experiment<'_> {
    /// The data: as it was written, or read, filtered, split and written.
    pub fn data(&self) -> Result<Data> {
        let folder = self.data_folder();
        if let Some(data) = Data::read(&folder)? {
            return Ok(data);
        }
        let began = std::time::Instant::now();
        let mut log = Log::default();
        let mut parts: Vec<Part> = Vec::new();
        let mut filtered = Filtered::default();
        for (path, part, columns) in self.logs()? {
            self.reporter.note(&format!("reading {}", path.display()));
            // Nothing is scored on training, which may be rated in any way.
            log.greatest_rating = self.config.evaluation.greatest_rating()?.filter(|_| part != Some(Part::Train));
            let read = log.read(&path, columns.as_ref())?;
            if read == 0 {
                return Err(Error::usage(format!("{} holds no interactions", path.display())));
            }
            filtered.read += read;
            parts.extend(part.map(|part| std::iter::repeat_n(part, read)).into_iter().flatten());
        }
        let read_seconds = began.elapsed().as_secs_f64();
        if let Some(by) = &self.config.data.split {
            filtered.duplicates = collapse(&mut log);
            filtered.without_features = self.drop_items(&mut log, &mut parts)?;
            let found = filter(&mut log, &self.config.data.filter);
            (filtered.filtered, filtered.rounds) = (found.filtered, found.rounds);
            parts = split(&log, by, self.config.seed)?;
        } else {
            (filtered.duplicates, filtered.repeated) = collapse_parts(&mut log, &mut parts);
            filtered.without_features = self.drop_items(&mut log, &mut parts)?;
        }
        stop::check()?;
        let data = Data::of(log, &parts, filtered)?;
        drop(parts);
        let prepare_seconds = began.elapsed().as_secs_f64() - read_seconds;
        data.write(&folder)?;
        let listed: Vec<u32> = (0..data.users.len() as u32)
            .filter(|user| !data.validation.row(*user as usize).is_empty() || !data.test.row(*user as usize).is_empty())
            .collect();
        write_npy(&folder.join("ranked.npy"), &[listed.len()], &listed)?;
        let counts = &data.counts;
        self.reporter.note(&format!(
            "{} interactions of {} users with {} items to train on, {} for validation, {} for test \
             (read in {read_seconds:.1} s, prepared in {prepare_seconds:.1} s)",
            counts.train, counts.users, counts.items, counts.validation, counts.test
        ));
        for (count, what) in [
            (counts.filtered.duplicates, "interactions repeat an earlier one and were dropped"),
            (
                counts.filtered.repeated,
                "interactions of validation and test are with items that their user has in an earlier part and were dropped",
            ),
            (counts.filtered.without_features, "interactions are with items without features and were dropped"),
            (counts.filtered.filtered, "interactions were filtered out"),
            (counts.single, "users have one interaction; they are trained on and never tested"),
            (counts.unknown_users, "interactions of validation and test are of users who are not in training"),
            (counts.untrained_items, "interactions of validation and test are with items that were never trained on"),
        ] {
            if count > 0 {
                self.reporter.note(&format!("  {count} {what}"));
            }
        }
        Ok(data)
    }

    /// Takes out items without features, where that is a modality's policy. `parts` are those of the interactions, or none before a split.
    fn drop_items(&self, log: &mut Log, parts: &mut Vec<Part>) -> Result<usize> {
        let before = log.interactions.len();
        for source in self.used_sources().iter().filter(|source| source.missing == Missing::Drop) {
            let known: HashSet<String> = embed::Features::open(&source.path)?.ids.into_iter().collect();
            let kept: Vec<bool> = log.items.iter().map(|item| known.contains(item.as_ref())).collect();
            let mut own = log.interactions.iter().map(|it| kept[it.item as usize]);
            parts.retain(|_| own.next().unwrap_or(true));
            log.interactions.retain(|it| kept[it.item as usize]);
            if log.interactions.is_empty() {
                return Err(no_features(&source.path, kept.len()));
            }
        }
        Ok(before - log.interactions.len())
    }
}
