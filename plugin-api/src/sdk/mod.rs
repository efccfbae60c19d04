//! The plugin author's side: one module a kind of component, plus errors, settings and the host's services.

mod bench;
mod captioner;
mod dataset;
mod encoder;
mod error;
mod host;
mod lora;
mod metric;
mod recommender;
mod registration;
mod settings;
mod trainer;
mod weights;

pub use bench::{BatchBench, BenchReport, BenchRequest, BenchScores};
pub use captioner::{
    Caption, CaptionInput, Captioner, CaptionerConfig, CaptionerDescription, Device, EmbeddingSpace, Finish,
    Generation, Image, Modality,
};
pub use dataset::{Dataset, DatasetConfig, ImageSource, Item, ItemError};
pub use encoder::{Encoder, EncoderConfig, EncoderDescription, EncoderInputs, PreparedInputs};
pub use error::{ErrorKind, PluginError, Result};
pub use host::{Host, LogLevel};
pub use lora::{LinearLayer, LoraStrategy, LoraTarget};
pub use metric::{ItemScore, Metric, MetricConfig, MetricItem, MetricValue, ReferenceSet, Text};
pub use recommender::{
    Best, Features, FitStep, Interactions, Ranked, Recommender, RecommenderConfig, RecommenderDescription, best_unseen,
};
pub use registration::RecommenderEntry;
pub use registration::{
    AssetEntry, CaptionerEntry, DatasetEntry, EncoderEntry, LoraStrategyEntry, MetricEntry, PackageEntry, TrainerEntry,
};
pub use registration::{BenchEntry, WeightsEntry};
pub use settings::Settings;
pub use trainer::{
    AdamW, Adaptation, Loss, MergeConfig, Prepared, Trainer, TrainerConfig, TrainerDescription, TrainingInput,
};
pub use weights::{MemoryNeed, ModelSource, StoredTensors, WeightsReport};
