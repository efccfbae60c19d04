//! What the host tells the worker that trains, and what the worker tells back.

use super::log::{StepRecord, Validation};
use super::options::TrainOptions;
use crate::worker::{ComponentSpec, ScoreMetric};
use plugin_api::TrainerDescription;
use plugin_api::abi::messages::{DatasetMessage, TrainerMessage};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A training, resolved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrainJob {
    /// Where everything is written. `items/train.jsonl` and `items/validation.jsonl` are there already.
    pub folder: PathBuf,
    pub options: TrainOptions,
    pub trainer: ComponentSpec<TrainerMessage>,
    /// Its message is the strategy's settings.
    pub strategy: ComponentSpec<serde_json::Value>,
    /// For images that the dataset's plugin finds.
    pub dataset: Option<ComponentSpec<DatasetMessage>>,
    /// The prepared dataset whose pack holds the images, where one does.
    pub packed: Option<PathBuf>,
    pub metrics: Vec<ScoreMetric>,
    /// What adapters name as their base.
    pub base: String,
    /// Threads that load images.
    pub loaders: usize,
}

/// How a training goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainNews {
    Ready {
        description: TrainerDescription,
        /// Adapted layers and their parameters.
        layers: usize,
        trainable: u64,
        /// Steps that a checkpoint brought along, of so many.
        done: usize,
        steps: usize,
        /// Images of the steps done, of so many.
        images_done: usize,
        images: usize,
    },
    Step(StepRecord),
    Validated(Validation),
    Saved {
        step: usize,
    },
    /// Asked to stop: this step's checkpoint is the last thing done.
    Stopped {
        step: usize,
    },
    /// An item that cannot be learnt, and why; told once.
    LeftOut {
        id: String,
        reason: String,
    },
}

/// The files of a training's items.
pub fn items_file(folder: &Path, part: &str) -> PathBuf {
    folder.join("items").join(format!("{part}.jsonl"))
}
