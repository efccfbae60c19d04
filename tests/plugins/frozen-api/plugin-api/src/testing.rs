//! For plugin authors' own tests: a small corpus in memory, scored as the host would.

use crate::abi::{MetricItemRef, ReferenceSetRef, TextRef};
use crate::sdk::{ItemScore, Metric, MetricItem, ReferenceSet, Result};
use abi_stable::std_types::{ROption, RSlice, RStr};

/// An item of a test corpus. Tokens are the text's words, lowercased; give exact tokens separated by single spaces where they
/// matter.
#[derive(Debug, Clone, Default)]
pub struct TestItem {
    pub id: String,
    pub candidate: String,
    pub references: Vec<String>,
    pub category: Option<String>,
}

impl TestItem {
    pub fn new(candidate: &str, references: &[&str]) -> TestItem {
        TestItem {
            candidate: candidate.to_owned(),
            references: references.iter().map(|text| (*text).to_owned()).collect(),
            ..TestItem::default()
        }
    }
}

/// Items' scores, and the corpus values of all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    pub items: Vec<ItemScore>,
    pub corpus: Vec<f64>,
}

/// Shows the metric every item's references, scores every item and sums the statistics, as the host does.
pub fn score(metric: &mut impl Metric, items: &[TestItem]) -> Result<Scored> {
    let lowered: Vec<(String, Vec<String>)> = items
        .iter()
        .map(|item| (item.candidate.to_lowercase(), item.references.iter().map(|text| text.to_lowercase()).collect()))
        .collect();
    for (item, (candidate, references)) in items.iter().zip(&lowered) {
        with_item(item, candidate, references, |item| metric.observe(&ReferenceSet(&item.0.truth)))?;
    }
    let mut scores = Vec::new();
    for (item, (candidate, references)) in items.iter().zip(&lowered) {
        scores.push(with_item(item, candidate, references, |item| metric.score(item))?);
    }
    let width = scores.first().map_or(0, |score: &ItemScore| score.statistics.len());
    let mut sums = vec![0.0; width];
    for score in &scores {
        for (sum, value) in sums.iter_mut().zip(&score.statistics) {
            *sum += value;
        }
    }
    Ok(Scored { corpus: metric.corpus(&sums), items: scores })
}

fn words(lowered: &str) -> Vec<RStr<'_>> {
    lowered.split(' ').filter(|word| !word.is_empty()).map(RStr::from_str).collect()
}

fn with_item<T>(
    item: &TestItem,
    candidate: &str,
    references: &[String],
    visit: impl FnOnce(&MetricItem<'_>) -> T,
) -> T {
    let tokens: Vec<Vec<RStr<'_>>> = references.iter().map(|text| words(text)).collect();
    let texts: Vec<TextRef<'_>> = item
        .references
        .iter()
        .zip(&tokens)
        .map(|(raw, tokens)| TextRef { raw: RStr::from_str(raw), tokens: RSlice::from_slice(tokens) })
        .collect();
    let candidate_tokens = words(candidate);
    let record = MetricItemRef {
        candidate: TextRef { raw: RStr::from_str(&item.candidate), tokens: RSlice::from_slice(&candidate_tokens) },
        truth: ReferenceSetRef {
            id: RStr::from_str(&item.id),
            references: RSlice::from_slice(&texts),
            category: item.category.as_deref().map_or(ROption::RNone, |name| ROption::RSome(RStr::from_str(name))),
        },
    };
    visit(&MetricItem(&record))
}
