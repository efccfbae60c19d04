//! A metric that uses all that the first plugin-api gave a metric: options, references shown beforehand, tokens and raw text, the
//! category, statistics with a corpus value of their own, details, and the host's log.

use plugin_api::{
    ItemScore, Metric, MetricConfig, MetricItem, MetricValue, ReferenceSet, Result, export_plugin, register_metric,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// What every count is multiplied by.
    factor: f64,
}

impl Default for Options {
    fn default() -> Options {
        Options { factor: 1.0 }
    }
}

struct Frozen {
    options: Options,
    observed: f64,
}

impl Frozen {
    fn new(config: &MetricConfig) -> Result<Frozen> {
        Ok(Frozen { options: config.settings.parse()?, observed: 0.0 })
    }
}

impl Metric for Frozen {
    fn values(&self) -> Vec<MetricValue> {
        vec![MetricValue::quantity("frozen-words", "Words"), MetricValue::quantity("frozen-observed", "Observed")]
    }

    fn observe(&mut self, truth: &ReferenceSet<'_>) -> Result<()> {
        self.observed += truth.references().len() as f64;
        Ok(())
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        let words = item.candidate().tokens().filter(|token| !token.is_empty()).count() as f64 * self.options.factor;
        let category = item.truth().category().unwrap_or("none");
        let detail = format!(r#"{{"letters":{},"category":"{category}"}}"#, item.candidate().raw().chars().count());
        Ok(ItemScore { values: vec![words, self.observed], statistics: vec![words, 1.0], detail: Some(detail) })
    }

    fn corpus(&self, statistics: &[f64]) -> Vec<f64> {
        vec![statistics[0] / statistics[1].max(1.0), self.observed]
    }
}

register_metric!("frozen", "Words a caption, by the first plugin-api", Frozen::new);
export_plugin!();
