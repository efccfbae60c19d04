//! Captions of the first validation items, scored: what a loss does not tell.

use crate::error::Result;
use crate::score::{Corpus, CorpusItem, score_whole};
use crate::worker::{Reported, ScoreMetric, make_metric};
use indexmap::IndexMap;
use plugin_api::Item;

/// Can these metrics be made, and do their values have names of their own?
///
/// # Errors
/// What a plugin says, a value that a metric does not have, or one that two report.
pub fn check(metrics: &[ScoreMetric]) -> Result<()> {
    let mut reported = Reported::default();
    metrics.iter().try_for_each(|metric| reported.add(metric, &make_metric(metric)?.values))
}

/// Corpus values, unscaled, of captions of these items.
pub fn score(metrics: &[ScoreMetric], items: &[&Item], captions: Vec<String>) -> Result<IndexMap<String, f64>> {
    let candidates = items.iter().zip(captions).map(|(item, candidate)| CorpusItem {
        id: item.id.clone(),
        candidate,
        references: item.references.clone(),
        category: item.category.clone(),
    });
    let corpus = Corpus::new(candidates.collect());
    let mut scores = IndexMap::new();
    if corpus.is_empty() {
        return Ok(scores);
    }
    for wanted in metrics {
        let mut metric = make_metric(wanted)?;
        let scored = score_whole(&mut metric, &corpus, None)
            .map_err(|error| error.context(format!("metric {}", wanted.spec.entry)))?;
        for (value, score) in scored.values.iter().zip(scored.corpus) {
            if wanted.reports(&value.name) {
                scores.insert(value.name.clone(), score.value);
            }
        }
    }
    Ok(scores)
}
