//! Configurations as they cross the border: JSON objects, read leniently so that either side may be the newer one.

use crate::sdk::{Device, Generation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// What a captioner is created with; see `sdk::CaptionerConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaptionerMessage {
    pub weights: PathBuf,
    pub adapter: Option<PathBuf>,
    pub device: Device,
    pub threads: usize,
    pub prompt: Option<String>,
    pub generation: Generation,
    pub settings: Value,
}

/// What an encoder is created with; see `sdk::EncoderConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncoderMessage {
    pub weights: PathBuf,
    #[serde(default)]
    pub adapter: Option<PathBuf>,
    pub device: Device,
    pub threads: usize,
    pub settings: Value,
}

/// What a dataset is opened with; see `sdk::DatasetConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetMessage {
    pub root: PathBuf,
    pub settings: Value,
}

/// What a trainer is created with; see `sdk::TrainerConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainerMessage {
    pub weights: PathBuf,
    pub device: Device,
    pub threads: usize,
    pub prompt: Option<String>,
    pub generation: Generation,
    pub settings: Value,
}

/// What is merged; see `sdk::MergeConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeMessage {
    pub weights: PathBuf,
    pub adapter: PathBuf,
    pub output: PathBuf,
}

/// What a metric is made with; see `sdk::MetricConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricMessage {
    pub dataset: Option<PathBuf>,
    pub assets: Option<PathBuf>,
    pub settings: Value,
}

/// What a recommender is made with; see `sdk::RecommenderConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecommenderMessage {
    pub seed: u64,
    pub threads: usize,
    pub settings: Value,
}
