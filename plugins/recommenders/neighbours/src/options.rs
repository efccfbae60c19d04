//! What an experiment's file may set of a neighbourhood.

use crate::similarity::{Implementation, Measure};
use plugin_api::{PluginError, RecommenderConfig, Result};
use serde::Deserialize;

/// A neighbourhood's parameters, with Elliot's defaults.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Options {
    /// How many of the most similar count: the k of "top k".
    #[serde(alias = "neighbors")]
    pub neighbours: usize,
    pub similarity: Measure,
    pub implementation: Implementation,
    /// Every interaction weighs 1, whatever its rating.
    pub implicit: bool,
    /// Added to the denominator of `aiolli`'s measures.
    pub shrink: f64,
    /// False: `aiolli`'s cosine stays a dot product.
    #[serde(alias = "normalise")]
    pub normalize: bool,
    #[serde(alias = "asymmetric_alpha")]
    pub asymmetric_alpha: f64,
    #[serde(alias = "tversky_alpha")]
    pub tversky_alpha: f64,
    #[serde(alias = "tversky_beta")]
    pub tversky_beta: f64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            neighbours: 40,
            similarity: Measure::Cosine,
            implementation: Implementation::Standard,
            implicit: false,
            shrink: 0.0,
            normalize: true,
            asymmetric_alpha: 0.5,
            tversky_alpha: 1.0,
            tversky_beta: 1.0,
        }
    }
}

impl Options {
    pub fn read(config: &RecommenderConfig) -> Result<Options> {
        let options: Options = config.settings.parse_as("the parameters")?;
        if options.neighbours == 0 {
            return Err(PluginError::configuration("`neighbours` is 0: nobody would recommend anything")
                .help("give at least 1; the study has 20 for items and 10 for users"));
        }
        if !options.implementation.has(options.similarity) {
            let (own, similarity) = (options.implementation.name(), options.similarity.name());
            let known = options.implementation.measures().map(Measure::name).collect::<Vec<_>>().join(", ");
            return Err(PluginError::configuration(format!(
                "the implementation `{own}` has no similarity `{similarity}`"
            ))
            .help(format!("it has: {known}")));
        }
        let sound = [options.shrink, options.tversky_alpha, options.tversky_beta, options.asymmetric_alpha];
        if sound.iter().any(|value| !value.is_finite() || *value < 0.0) {
            return Err(PluginError::configuration(
                "shrink, asymmetric-alpha, tversky-alpha and tversky-beta are numbers of at least 0",
            ));
        }
        Ok(options)
    }
}
