//! Scoring a corpus with one metric family.

use super::{Corpus, CorpusScore, Interval, Resampler};
use crate::error::{Error, Result};
use crate::loader::{BatchScores, Metric};
use plugin_api::MetricValue;
use rayon::prelude::*;

/// How the error of a panic begins, which names no item.
const PANICKED: &str = "the plugin panicked";

/// A family's scores: its values' descriptions, items `[items, values]`, and the corpus.
pub struct ScoredFamily {
    pub values: Vec<MetricValue>,
    pub items: BatchScores,
    pub corpus: Vec<CorpusScore>,
}

/// Scores a whole corpus with a metric that has not seen it yet.
///
/// # Errors
/// What the metric says, or what is not finite of what it gives; with the item, where it is one's.
pub fn score_whole(metric: &mut Metric, corpus: &Corpus, resampler: Option<Resampler>) -> Result<ScoredFamily> {
    corpus.observed_by(metric)?;
    score_family(metric, corpus, resampler).map_err(|error| match error.message.contains(PANICKED) {
        true => with_item(metric, corpus, error),
        false => error,
    })
}

/// The error with the first item that gives one by itself: a panic names none. Threads go on with a metric that has panicked in another,
/// so that asking it again is nothing new.
fn with_item(metric: &Metric, corpus: &Corpus, error: Error) -> Error {
    let alone = |item: usize| corpus.scored_in_order(metric, &[item]).err().map(|error| (item, error));
    match (0..corpus.len()).into_par_iter().find_map_first(alone) {
        Some((item, own)) if !own.message.contains(&format!("`{}`", corpus.id(item))) => {
            own.context(format!("item `{}`", corpus.id(item)))
        }
        Some((_, own)) => own,
        None => error,
    }
}

/// The first number of an item that cannot be saved and averaged, if there is one: a sentence.
fn not_finite(items: &BatchScores, values: usize, corpus: &Corpus) -> Option<String> {
    for (what, numbers, width) in [("value", &items.values, values), ("statistic", &items.statistics, items.width)] {
        if let Some(place) = numbers.iter().position(|number| !number.is_finite()) {
            let (item, number) = (corpus.id(place / width.max(1)), numbers[place]);
            return Some(format!("item `{item}`: it gives a {what} that is not finite ({number})"));
        }
    }
    None
}

/// Every item's scores, then the corpus's, with intervals where resamples are asked for. The metric must have observed its corpus.
fn score_family(metric: &Metric, corpus: &Corpus, resampler: Option<Resampler>) -> Result<ScoredFamily> {
    let items = corpus.scored_by(metric)?;
    if let Some(what) = not_finite(&items, metric.values.len(), corpus) {
        return Err(Error::failed(what));
    }
    let width = items.width;
    let mut sum = vec![0.0; width];
    for row in items.statistics.chunks_exact(width.max(1)) {
        for (total, value) in sum.iter_mut().zip(row) {
            *total += value;
        }
    }
    let values = metric.corpus(&sum, width)?;
    let mut scores: Vec<CorpusScore> = values.into_iter().map(|value| CorpusScore { value, interval: None }).collect();
    if let Some(resampler) = resampler.filter(|_| corpus.len() > 1) {
        let resampled = metric.corpus(&resampler.sums(&items.statistics, width), width)?;
        for (place, score) in scores.iter_mut().enumerate() {
            score.interval = Interval::of(resampled.iter().skip(place).step_by(metric.values.len()).copied().collect());
        }
    }
    Ok(ScoredFamily { values: metric.values.clone(), items, corpus: scores })
}
