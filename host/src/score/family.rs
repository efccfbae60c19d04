//! Scoring a corpus with one metric family.

use super::{Corpus, CorpusScore, Interval, Resampler};
use crate::error::{Error, Result};
use crate::loader::{BatchScores, Metric};
use plugin_api::MetricValue;

/// A family's scores: its values' descriptions, items `[items, values]`, and the corpus.
pub struct ScoredFamily {
    pub values: Vec<MetricValue>,
    pub items: BatchScores,
    pub corpus: Vec<CorpusScore>,
}

/// Scores every item, then the corpus, with intervals where resamples are asked for. The metric must have observed its corpus.
///
/// # Errors
/// What the plugin says, or it gives what is no number.
pub fn score_family(metric: &Metric, corpus: &Corpus, resampler: Option<Resampler>) -> Result<ScoredFamily> {
    let items = corpus.scored_by(metric)?;
    let width = items.width;
    if let Some(place) = items.statistics.iter().position(|number| !number.is_finite()) {
        return Err(Error::failed(format!(
            "the metric gives item `{}` statistics that are no finite numbers",
            corpus.id(place / width.max(1))
        )));
    }
    if let Some(place) = items.values.iter().position(|number| !number.is_finite()) {
        let (item, value) = (place / metric.values.len(), place % metric.values.len());
        return Err(Error::failed(format!(
            "the metric gives item `{}` a `{}` that is no finite number",
            corpus.id(item),
            metric.values[value].name
        )));
    }
    let mut sum = vec![0.0; width];
    for row in items.statistics.chunks_exact(width.max(1)) {
        for (total, value) in sum.iter_mut().zip(row) {
            *total += value;
        }
    }
    let values = metric.corpus(&sum, width)?;
    if values.len() != metric.values.len() {
        return Err(Error::failed("the metric gives another number of corpus values than it names"));
    }
    if let Some(place) = values.iter().position(|value| !value.is_finite()) {
        let name = &metric.values[place].name;
        return Err(Error::failed(format!("the metric gives the corpus a `{name}` that is no finite number")));
    }
    let mut scores: Vec<CorpusScore> = values.into_iter().map(|value| CorpusScore { value, interval: None }).collect();
    if let Some(resampler) = resampler.filter(|_| corpus.len() > 1) {
        let resampled = metric.corpus(&resampler.sums(&items.statistics, width), width)?;
        for (place, score) in scores.iter_mut().enumerate() {
            score.interval = Interval::of(resampled.iter().skip(place).step_by(metric.values.len()).copied().collect());
        }
    }
    Ok(ScoredFamily { values: metric.values.clone(), items, corpus: scores })
}
