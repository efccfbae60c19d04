//! What an experiment's file may set of a factor model.

use plugin_api::{PluginError, RecommenderConfig, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// How a training pair's user is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// Users alike, then one of the user's items: Elliot's.
    Users,
    /// Interactions alike.
    Interactions,
}

/// What becomes of several modalities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Combine {
    /// One beside the other, as one feature vector.
    Concat,
    /// Each has its own projection and user factors.
    Separate,
}

/// BPRMF's and VBPR's parameters, with the study's defaults.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct BilinearOptions {
    pub factors: usize,
    /// Width of the projected features.
    #[serde(alias = "feature_factors")]
    pub feature_factors: usize,
    pub epochs: usize,
    #[serde(alias = "batch_size")]
    pub batch_size: usize,
    #[serde(alias = "learning_rate", alias = "lr")]
    pub learning_rate: f64,
    /// Elliot's l_w: the loss has l_w · ½ · Σ‖·‖² / batch.
    #[serde(alias = "l_w", alias = "l-w")]
    pub l2: f64,
    pub sampling: Sampling,
    pub combine: Combine,
}

impl Default for BilinearOptions {
    fn default() -> BilinearOptions {
        BilinearOptions {
            factors: 64,
            feature_factors: 64,
            epochs: 200,
            batch_size: 1024,
            learning_rate: 1e-3,
            l2: 1e-5,
            sampling: Sampling::Users,
            combine: Combine::Concat,
        }
    }
}

/// LightGCN's and FREEDOM's parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GraphOptions {
    pub factors: usize,
    pub layers: usize,
    pub epochs: usize,
    #[serde(alias = "batch_size")]
    pub batch_size: usize,
    #[serde(alias = "learning_rate", alias = "lr")]
    pub learning_rate: f64,
    #[serde(alias = "l_w", alias = "l-w")]
    pub l2: f64,
    pub sampling: Sampling,
    /// FREEDOM: the nearest items of an item's features that become its neighbours.
    #[serde(alias = "neighbors")]
    pub neighbours: usize,
    /// FREEDOM: layers over the items' own graph.
    #[serde(alias = "item_layers")]
    pub item_layers: usize,
    /// FREEDOM: share of the interactions that an epoch leaves out, those of frequent users and items first.
    pub dropout: f64,
    /// FREEDOM: weight of the loss on projected features.
    #[serde(alias = "feature_weight")]
    pub feature_weight: f64,
}

impl Default for GraphOptions {
    fn default() -> GraphOptions {
        GraphOptions {
            factors: 64,
            layers: 2,
            epochs: 200,
            batch_size: 2048,
            learning_rate: 1e-3,
            l2: 1e-4,
            sampling: Sampling::Users,
            neighbours: 10,
            item_layers: 1,
            dropout: 0.8,
            feature_weight: 1e-3,
        }
    }
}

fn read<T: DeserializeOwned>(config: &RecommenderConfig) -> Result<T> {
    config.settings.parse_as("the parameters")
}

fn sound(counts: [(&str, usize); 3], learning_rate: f64, l2: f64) -> Result<()> {
    if let Some((name, _)) = counts.iter().find(|(_, value)| *value == 0) {
        return Err(PluginError::configuration(format!("`{name}` is 0: nothing could be learnt")));
    }
    if !(learning_rate.is_finite() && learning_rate > 0.0 && l2.is_finite() && l2 >= 0.0) {
        return Err(PluginError::configuration("`learning-rate` is a number above 0 and `l2` one of at least 0"));
    }
    Ok(())
}

impl BilinearOptions {
    pub fn read(config: &RecommenderConfig) -> Result<BilinearOptions> {
        let options: BilinearOptions = read(config)?;
        let counts = [
            ("factors", options.factors),
            ("feature-factors", options.feature_factors),
            ("batch-size", options.batch_size),
        ];
        sound(counts, options.learning_rate, options.l2)?;
        Ok(options)
    }
}

impl GraphOptions {
    pub fn read(config: &RecommenderConfig) -> Result<GraphOptions> {
        let options: GraphOptions = read(config)?;
        let counts =
            [("factors", options.factors), ("batch-size", options.batch_size), ("neighbours", options.neighbours)];
        sound(counts, options.learning_rate, options.l2)?;
        if !(0.0..1.0).contains(&options.dropout) {
            return Err(PluginError::configuration("`dropout` is a share from 0 to below 1"));
        }
        Ok(options)
    }
}
