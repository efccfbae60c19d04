//! What a registry's tables hold, as people write them.

use indexmap::IndexMap;
use plugin_api::Generation;
use serde::Deserialize;

/// `[plugins.NAME]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginEntry {
    /// A library's short name (`blip2`) or a path.
    pub library: String,
}

/// `[models.NAME]`
#[derive(Debug, Clone, Deserialize)]
pub struct ModelEntry {
    pub plugin: String,
    /// Which captioner of the plugin, where it has several.
    pub component: Option<String>,
    /// `hf:OWNER/NAME`, or a directory relative to the registry.
    pub weights: String,
    pub revision: Option<String>,
    pub adapter: Option<String>,
    /// Adapters by short name: the registry has a model `NAME+SHORT` for each.
    #[serde(default)]
    pub adapters: IndexMap<String, AdapterEntry>,
    /// Of a model that `adapters` made: the only dataset on which `--models all` takes it.
    #[serde(skip)]
    pub only: Option<String>,
    pub prompt: Option<String>,
    #[serde(default)]
    pub generation: Generation,
    /// The captioner's own options.
    #[serde(flatten)]
    pub settings: toml::Table,
}

/// `[encoders.NAME]`
#[derive(Debug, Clone, Deserialize)]
pub struct EncoderEntry {
    pub plugin: String,
    /// Which encoder of the plugin, where it has several.
    pub component: Option<String>,
    /// `hf:OWNER/NAME`, or a directory relative to the registry.
    pub weights: String,
    pub revision: Option<String>,
    /// The encoder's own options.
    #[serde(flatten)]
    pub settings: toml::Table,
}

/// `[models.NAME.adapters]`, one line: a folder, or a folder and the dataset that it was trained for.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum AdapterEntry {
    Folder(String),
    ForDataset(AdapterForDataset),
}

/// `{ path = "DIR", dataset = "NAME" }`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterForDataset {
    pub path: String,
    pub dataset: String,
}

/// `[datasets.NAME]`
#[derive(Debug, Clone, Deserialize)]
pub struct DatasetEntry {
    pub plugin: String,
    pub component: Option<String>,
    /// The vendor's folder, relative to the registry.
    pub root: String,
    /// A folder with `train.txt`, `validation.txt`, `test.txt`; by default `splits` below the root, where it exists.
    pub splits: Option<String>,
    /// The folder of the prepared dataset; by default `prepared/NAME` beside the registry, where it exists.
    pub prepared: Option<String>,
    /// How `host prepare` filters and normalises.
    #[serde(default)]
    pub prepare: crate::prepare::PrepareOptions,
    /// Where the dataset's users and their interactions are, if it has any.
    pub interactions: Option<InteractionsEntry>,
    #[serde(flatten)]
    pub settings: toml::Table,
}

/// `interactions` of `[datasets.NAME]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InteractionsEntry {
    /// Below the dataset's root: a CSV file with a header.
    pub file: String,
    pub columns: crate::recommend::Columns,
}

/// `[recommenders.NAME]`
#[derive(Debug, Clone, Deserialize)]
pub struct RecommenderEntry {
    pub plugin: String,
    pub component: Option<String>,
    /// Parameters that hold where an experiment gives none.
    #[serde(flatten)]
    pub settings: toml::Table,
}

/// `[metrics.NAME]`
#[derive(Debug, Clone, Deserialize)]
pub struct MetricEntry {
    pub plugin: String,
    pub component: Option<String>,
    /// The values reported where the family is asked for by its own name; none are all of them.
    #[serde(default)]
    pub values: Vec<String>,
    /// It reads the prepared dataset: `--metrics all` leaves it out where there is none.
    #[serde(default)]
    pub prepared: bool,
    #[serde(flatten)]
    pub settings: toml::Table,
}
