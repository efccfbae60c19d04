//! The metric: parse, compare, and the graphs for the app.

use crate::categories::Category;
use crate::matching::compare;
use crate::scene::{SceneGraph, parse};
use plugin_api::{ItemScore, Metric, MetricItem, MetricValue, Result};
use serde_json::json;

/// SPICE and its parts. An item's score of a kind of tuple that neither side has is 0 and does not enter the corpus mean.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spice;

impl Metric for Spice {
    fn values(&self) -> Vec<MetricValue> {
        let part = |category: Category| {
            let name = category.name();
            MetricValue::score(&format!("spice-{name}"), &format!("SPICE {name}"))
        };
        [MetricValue::score("spice", "SPICE")].into_iter().chain(Category::ALL.map(part)).collect()
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        let references: Vec<SceneGraph> = item.references().map(|reference| parse(reference.raw())).collect();
        let comparison = compare(&parse(item.candidate().raw()), &references);
        let mut values = vec![comparison.score()];
        // For each value the sum over items, then the number of items that count.
        let mut statistics = vec![comparison.score(), 1.0];
        for category in Category::ALL {
            let score = comparison.category(category).f1();
            values.push(score.unwrap_or(0.0));
            statistics.extend([score.unwrap_or(0.0), f64::from(u8::from(score.is_some()))]);
        }
        let detail = json!({ "candidate": comparison.candidate, "reference": comparison.reference });
        Ok(ItemScore { values, statistics, detail: Some(detail.to_string()) })
    }

    fn corpus(&self, statistics: &[f64]) -> Vec<f64> {
        statistics.chunks_exact(2).map(|pair| if pair[1] > 0.0 { pair[0] / pair[1] } else { 0.0 }).collect()
    }
}
