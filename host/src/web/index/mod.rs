//! A run as the app reads it: offsets, columns and text to search, made by reading every file once, in the background, and again where
//! a file has changed. Requests take a snapshot; nothing here answers one.

mod captions;
mod follow;
mod items;
pub mod lines;
mod names;
mod scores;
mod texts;

pub use captions::{Changed, State};
pub use follow::Follower;
pub use items::Items;
pub use scores::{Mark, Scores, marked};

use crate::run::Plan;
use crate::score::CorpusScore;
use captions::Captions;
use indexmap::IndexMap;
use plugin_api::MetricValue;
use std::sync::Arc;

/// A run at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Rises with every change.
    pub version: u64,
    pub plan: Arc<Plan>,
    pub datasets: Vec<Arc<Dataset>>,
    /// Files are still being read for the first time.
    pub indexing: bool,
    /// The run's plan cannot be read any more, and why.
    pub trouble: Option<String>,
}

/// A dataset of the run.
#[derive(Debug, Clone)]
pub struct Dataset {
    pub name: String,
    pub items: Arc<Items>,
    /// In the plan's order of models.
    pub cells: Vec<Arc<Cell>>,
    /// What the run's metrics report, in the plan's order.
    pub metrics: Vec<MetricValue>,
    /// The most frequent attributes, for suggestions.
    pub attributes: Vec<String>,
}

/// A model on the dataset.
#[derive(Debug, Default)]
pub struct Cell {
    pub model: String,
    pub captions: Captions,
    pub scores: Option<Arc<Scores>>,
    /// Corpus values by name.
    pub corpus: IndexMap<String, CorpusScore>,
    /// How to print them.
    pub described: Vec<MetricValue>,
    /// Why the cell failed.
    pub failure: Option<String>,
}

impl Snapshot {
    pub fn dataset(&self, name: &str) -> Option<&Arc<Dataset>> {
        self.datasets.iter().find(|dataset| dataset.name == name)
    }

    /// Items captioned or failed, of all there are to be.
    pub fn progress(&self) -> (usize, usize) {
        let cells = self.datasets.iter().flat_map(|dataset| dataset.cells.iter().map(move |cell| (dataset, cell)));
        cells.fold((0, 0), |(done, all), (dataset, cell)| {
            let own = if cell.failure.is_some() { dataset.items.len() } else { cell.done() };
            (done + own, all + dataset.items.len())
        })
    }

    /// Is something still missing that is not known to have failed?
    pub fn in_progress(&self) -> bool {
        let (done, all) = self.progress();
        done < all
    }
}

impl Dataset {
    pub fn cell(&self, model: &str) -> Option<usize> {
        self.cells.iter().position(|cell| cell.model == model)
    }

    pub fn metric(&self, name: &str) -> Option<&MetricValue> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

impl Cell {
    /// Items with a caption or an error.
    pub fn done(&self) -> usize {
        self.captions.captioned + self.captions.failed
    }

    /// The value of a metric on a row, unscaled.
    pub fn value(&self, metric: &str, row: usize) -> Option<f32> {
        let value = *self.scores.as_ref()?.column(metric)?.get(row)?;
        (!value.is_nan()).then_some(value)
    }
}
