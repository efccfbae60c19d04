//! Keeps a run's snapshot as its files are: reads what is new or has changed, and publishes after every part.

use super::captions::Captions;
use super::items::Items;
use super::lines::Signature;
use super::scores::Scores;
use super::{Cell, Dataset, Snapshot};
use crate::error::Result;
use crate::run::{Plan, RunDir};
use crate::score::FamilyScores;
use plugin_api::MetricValue;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Suggested attributes.
const SUGGESTED: usize = 400;

/// A run and its latest snapshot.
#[derive(Debug)]
pub struct Follower {
    run: RunDir,
    latest: RwLock<Arc<Snapshot>>,
    /// A request has met a file that is not what it was: read everything anew.
    stale: AtomicBool,
}

impl Follower {
    /// A run none of whose files but the plan is read yet.
    pub fn new(run: RunDir, plan: Plan) -> Follower {
        let datasets = plan.datasets.iter().map(|dataset| {
            let cells = plan
                .models_on(&dataset.name)
                .map(|model| Arc::new(Cell { model: model.name.clone(), ..Cell::default() }));
            Arc::new(Dataset {
                name: dataset.name.clone(),
                // Of a path that cannot be: no items.
                items: Arc::new(Items::index(&PathBuf::new())),
                cells: cells.collect(),
                metrics: Vec::new(),
                attributes: Vec::new(),
            })
        });
        let datasets = datasets.collect();
        let snapshot = Snapshot { version: 0, datasets, plan: Arc::new(plan), indexing: true, trouble: None };
        Follower { run, latest: RwLock::new(Arc::new(snapshot)), stale: AtomicBool::new(false) }
    }

    pub fn run(&self) -> &RunDir {
        &self.run
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells that a file is not what it was when it was read.
    pub fn mark_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// Looks at every file and reads what has changed. Publishes a snapshot after each dataset's items and each cell. Returns whether
    /// anything has changed. One thread calls it.
    pub fn refresh(&self) -> bool {
        let before = self.snapshot();
        let mut next = (*before).clone();
        next.trouble = match Plan::read(&self.run.plan_file()) {
            Ok(Some(plan)) if plan != *next.plan => {
                next = (*Follower::new(self.run.clone(), plan).snapshot()).clone();
                next.version = before.version;
                None
            }
            Ok(Some(_)) => None,
            Ok(None) => Some("the run's folder, or run.toml in it, is not there any more".to_owned()),
            Err(error) => Some(error.message),
        };
        let anew = self.stale.swap(false, Ordering::Relaxed);
        let mut changed = next.trouble != before.trouble || next.indexing;
        for place in 0..next.datasets.len() {
            let name = next.datasets[place].name.clone();
            let path = self.run.items_file(&name);
            if anew || Signature::of(&path) != next.datasets[place].items.signature {
                let mut dataset = (*next.datasets[place]).clone();
                dataset.items = Arc::new(Items::index(&path));
                for cell in &mut dataset.cells {
                    let captions = Captions::new(dataset.items.len());
                    *cell = Arc::new(Cell { model: cell.model.clone(), captions, ..Cell::default() });
                }
                next.datasets[place] = Arc::new(dataset);
                changed = true;
                self.publish(&mut next);
            }
        }
        for place in 0..next.datasets.len() {
            for cell in 0..next.datasets[place].cells.len() {
                if let Some(renewed) = self.renewed(&next.datasets[place], cell, &next.plan) {
                    let mut dataset = (*next.datasets[place]).clone();
                    dataset.cells[cell] = Arc::new(renewed);
                    dataset.metrics = metrics(&dataset);
                    dataset.attributes = attributes(&dataset);
                    next.datasets[place] = Arc::new(dataset);
                    changed = true;
                    self.publish(&mut next);
                }
            }
        }
        if changed {
            next.indexing = false;
            self.publish(&mut next);
        }
        changed
    }

    /// The cell as its files are now; none if nothing has changed.
    fn renewed(&self, dataset: &Dataset, cell: usize, plan: &Plan) -> Option<Cell> {
        let old = &dataset.cells[cell];
        let (items, model) = (&dataset.items, &old.model);
        let scores_file = self.run.item_scores_file(&dataset.name, model);
        // Without items there is nothing that captions and scores could be of.
        let captions = match items.is_empty() {
            true => None,
            false => old.captions.refreshed(&self.run.cell(&dataset.name, model), items),
        };
        let signature = Signature::of(&scores_file).filter(|_| !items.is_empty());
        let scores_changed = signature != old.scores.as_ref().map(|scores| scores.signature);
        let failure = self.run.failure(&dataset.name, model).map(|failure| failure.reason);
        if captions.is_none() && !scores_changed && failure == old.failure {
            return None;
        }
        let families = plan.metrics.iter();
        let families: Vec<FamilyScores> = families
            .filter_map(|metric| FamilyScores::read(&self.run.score_file(&dataset.name, model, &metric.name)))
            .collect();
        Some(Cell {
            model: model.clone(),
            captions: captions.unwrap_or_else(|| old.captions.clone()),
            scores: match scores_changed {
                true => Scores::index(&scores_file, items).map(Arc::new),
                false => old.scores.clone(),
            },
            corpus: families.iter().flat_map(|family| family.values.clone()).collect(),
            described: families.into_iter().flat_map(|family| family.describe).collect(),
            failure,
        })
    }

    fn publish(&self, next: &mut Snapshot) {
        next.version += 1;
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next.clone());
    }

    /// The run with all of its files read once.
    ///
    /// # Errors
    /// It is no run directory.
    pub fn read_whole(path: &std::path::Path) -> Result<Follower> {
        let (run, plan) = RunDir::existing(path)?;
        let follower = Follower::new(run, plan);
        follower.refresh();
        Ok(follower)
    }
}

/// The metrics that any cell has, described where a score file describes them.
fn metrics(dataset: &Dataset) -> Vec<MetricValue> {
    let mut metrics: Vec<MetricValue> = Vec::new();
    let described = dataset.cells.iter().flat_map(|cell| cell.described.iter().cloned());
    let named = dataset.cells.iter().filter_map(|cell| cell.scores.as_ref()).flat_map(|scores| scores.metrics());
    for metric in described.chain(named.map(|name| MetricValue::score(name, name))) {
        if metrics.iter().all(|other| other.name != metric.name) {
            metrics.push(metric);
        }
    }
    metrics
}

/// The most frequent attributes of all cells, by name.
fn attributes(dataset: &Dataset) -> Vec<String> {
    let mut counts: std::collections::HashMap<&str, u32> = std::collections::HashMap::new();
    for scores in dataset.cells.iter().filter_map(|cell| cell.scores.as_ref()) {
        for (place, count) in scores.attribute_counts().into_iter().enumerate() {
            if let Some(name) = scores.attributes.get(place as u32) {
                *counts.entry(name).or_insert(0) += count;
            }
        }
    }
    let mut names: Vec<(&str, u32)> = counts.into_iter().collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let mut names: Vec<String> = names.into_iter().take(SUGGESTED).map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}
