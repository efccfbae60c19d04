//! What host and worker say to each other: one JSON object a line, commands down, events up.

use super::super::catalogue::SplitRequest;
use crate::error::{Error, Exit};
use crate::loader::{CheckNews, Family, Library};
use crate::recommend::TrialWork;
use crate::run::Outcome;
use crate::score::PairedComparison;
use crate::train::{TrainJob, TrainNews};
use plugin_api::abi::messages::{
    CaptionerMessage, DatasetMessage, EncoderMessage, MergeMessage, MetricMessage, RecommenderMessage,
};
use plugin_api::{BenchReport, BenchRequest, ModelSource, WeightsReport};
use plugin_api::{CaptionerDescription, EmbeddingSpace, EncoderDescription, RecommenderDescription};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A component to make: from which library, by which names, with what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ComponentSpec<M> {
    pub library: Library,
    /// The component that the registry names, if it does.
    pub component: Option<String>,
    /// The registry entry's own name.
    pub entry: String,
    pub message: M,
}

impl<M> ComponentSpec<M> {
    /// The same component with another message, as to ask the plugin something else.
    pub fn with<N>(&self, message: N) -> ComponentSpec<N> {
        let ComponentSpec { library, component, entry, .. } = self;
        ComponentSpec { library: library.clone(), component: component.clone(), entry: entry.clone(), message }
    }
}

/// What the host asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Command {
    /// Scan a dataset, choose a split's items and write the two files. Answered by `Listed` or `NotSaved`.
    List { dataset: ComponentSpec<DatasetMessage>, request: SplitRequest, items_file: PathBuf, dropped_file: PathBuf },
    /// Load the captioner that `Caption` uses. Answered by `Loaded`.
    Load { captioner: ComponentSpec<CaptionerMessage> },
    /// Tell what a model needs, without loading it. Answered by `Inspected`.
    Inspect { model: ComponentSpec<ModelSource> },
    /// Measure a model. Answered by `Benched`.
    Bench { model: ComponentSpec<BenchRequest> },
    /// Caption items in order. Answered by `Captions` for every batch, then `Done`.
    Caption {
        dataset: Option<ComponentSpec<DatasetMessage>>,
        items: Vec<CaptionItem>,
        batch_size: usize,
        loaders: usize,
    },
    /// Load the encoder that `Embed` uses. Answered by `EncoderLoaded`.
    LoadEncoder { encoder: ComponentSpec<EncoderMessage> },
    /// Embed items in order and write their rows. Answered by `Embedded` for every batch, once its rows are on the disk, then `Done`;
    /// by `NotSaved` where they cannot be written.
    Embed {
        dataset: Option<ComponentSpec<DatasetMessage>>,
        items: Vec<EmbedItem>,
        space: EmbeddingSpace,
        batch_size: usize,
        loaders: usize,
        rows: RowsPlace,
    },
    /// Fine-tune a captioner, or go on with it. Answered by `Training` as it goes, then `Done`.
    Train { job: Box<TrainJob> },
    /// While `Train` is at work: save behind the step in hand and end. No answer of its own.
    Stop,
    /// Write a checkpoint with an adapter merged into it. Answered by `Merged`.
    Merge { model: ComponentSpec<()>, merge: MergeMessage },
    /// Make a recommender and drop it: are its parameters understood? Answered by `Checked`.
    CheckRecommender { recommender: ComponentSpec<RecommenderMessage> },
    /// Make a LoRA strategy and drop it: are its options understood? Answered by `Done`.
    CheckStrategy { strategy: ComponentSpec<serde_json::Value> },
    /// Run one trial of an experiment and write its files. Answered by `Done`.
    Recommend { work: Box<TrialWork> },
    /// Decode an image, shrink it to at most `size` pixels a side and write it as JPEG. Answered by `Pictured`.
    Picture { dataset: Option<ComponentSpec<DatasetMessage>>, image: ImagePlace, size: u32, file: PathBuf },
    /// Score cells of one dataset and write their score files. Answered by `Scoring` before each step, `NotScored` where a
    /// metric fails, then `Done`.
    Score { metrics: Vec<ScoreMetric>, items_file: PathBuf, cells: Vec<ScoreCell>, resamples: usize, seed: u64 },
    /// Try a plugin's library and its components, but for the first `done` findings. Answered by `Checking` as it goes, then `Done`.
    Check { library: Library, families: Vec<Family>, done: usize },
    /// Compare two cells' scores by one metric. Answered by `Compared`.
    Compare { metric: ScoreMetric, baseline: ScoredCell, candidate: ScoredCell, resamples: usize, seed: u64 },
}

/// One image to caption.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaptionItem {
    /// The item's place in the host's list; comes back with the result.
    pub index: usize,
    pub image: ImagePlace,
    pub seed: u64,
}

/// One item to embed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EmbedItem {
    /// The item's place in the host's list; comes back with the result.
    pub index: usize,
    pub id: String,
    pub input: EmbedInput,
}

/// What of an item is embedded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmbedInput {
    Image(ImagePlace),
    Text(String),
}

/// Where rows go.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowsPlace {
    /// One after the other into this file, from this byte on.
    Matrix { file: PathBuf, offset: u64 },
    /// `ID.npy` in this folder.
    Files { folder: PathBuf },
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedResult {
    pub index: usize,
    /// Its text was longer than the model reads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Why it has no row, if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where the worker finds an image.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImagePlace {
    /// What the dataset's `image` takes.
    Locator(String),
    File(PathBuf),
    /// A part of a prepared dataset's pack.
    Packed {
        pack: PathBuf,
        offset: u64,
        bytes: u64,
    },
}

/// A metric to score with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScoreMetric {
    pub spec: ComponentSpec<MetricMessage>,
    /// The values to report; empty: all.
    pub values: Vec<String>,
    /// The plugin's version, for the record.
    pub version: String,
}

impl ScoreMetric {
    /// Is this one of the values that were asked for?
    pub fn reports(&self, value: &str) -> bool {
        self.values.is_empty() || self.values.iter().any(|name| name == value)
    }
}

/// One model's predictions on the dataset, and where its scores go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScoreCell {
    pub model: String,
    pub predictions: PathBuf,
    pub folder: PathBuf,
}

/// One model's scores on a dataset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScoredCell {
    pub model: String,
    /// `METRIC.json` of the metric that is compared.
    pub scores: PathBuf,
    pub items: PathBuf,
    pub statistics: PathBuf,
}

/// What the worker tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    Listed {
        items: usize,
        dropped: usize,
    },
    Loaded {
        description: CaptionerDescription,
    },
    EncoderLoaded {
        description: EncoderDescription,
    },
    /// A batch's rows are on the disk, those of the items without an error, in the items' order.
    Embedded {
        results: Vec<EmbedResult>,
    },
    Inspected {
        report: WeightsReport,
    },
    Benched {
        report: BenchReport,
    },
    /// The results of a batch, in the items' order, with how long its parts took.
    Captions {
        results: Vec<CaptionResult>,
        timing: BatchTiming,
    },
    /// The image is written.
    Pictured {
        width: u32,
        height: u32,
    },
    /// About to work on this metric (none: on shared preparation), for this model.
    Scoring {
        metric: Option<String>,
        model: Option<String>,
    },
    /// This metric cannot score this model; the others go on.
    NotScored {
        metric: String,
        model: String,
        failure: PluginFailure,
    },
    /// How a training goes on.
    Training {
        news: TrainNews,
    },
    /// How the check of a plugin goes on.
    Checking {
        news: CheckNews,
    },
    /// The plugin's sentence about the merged checkpoint.
    Merged {
        said: String,
    },
    /// Two cells' scores by one metric, on the items that both have.
    Compared {
        items: usize,
        values: Vec<PairedComparison>,
    },
    /// The recommender can be made.
    Checked {
        description: RecommenderDescription,
    },
    /// The command is finished.
    Done,
    /// The command failed; the worker lives on.
    Failed(PluginFailure),
    /// What the plugin gave could not be written into the run directory: the run cannot go on.
    NotSaved(PluginFailure),
    Log {
        level: String,
        message: String,
    },
    Progress {
        done: u64,
        total: u64,
    },
}

/// What became of one image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaptionResult {
    pub index: usize,
    pub outcome: Outcome,
}

/// Milliseconds that a batch's parts took, and when they began (since the worker's start): decoding and preparing run on loader
/// threads while the device works on earlier batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchTiming {
    pub load_start: f64,
    pub load: f64,
    pub generate_start: f64,
    pub generate: f64,
}

/// An error on its way from the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFailure {
    pub usage: bool,
    pub message: String,
    pub help: Option<String>,
}

impl From<Error> for PluginFailure {
    fn from(error: Error) -> PluginFailure {
        PluginFailure { usage: error.exit == Exit::Usage, message: error.message, help: error.help }
    }
}

impl From<PluginFailure> for Error {
    fn from(failure: PluginFailure) -> Error {
        let exit = if failure.usage { Exit::Usage } else { Exit::Nothing };
        Error { exit, message: failure.message, help: failure.help }
    }
}
