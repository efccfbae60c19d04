//! Metrics: from captions and references to numbers.

use super::{Host, Result, Settings};
use crate::abi;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a metric is made with.
#[derive(Clone)]
pub struct MetricConfig {
    /// The prepared dataset's folder (attribute vocabulary, category classifier), where there is one.
    pub dataset: Option<PathBuf>,
    /// Where installed assets are (`host assets`), such as METEOR's paraphrases.
    pub assets: Option<PathBuf>,
    pub settings: Settings,
    pub host: Host,
}

/// A caption or reference: its text, and its tokens by the PTB tokenizer, lowercased, punctuation dropped.
#[derive(Clone, Copy)]
pub struct Text<'a>(pub(crate) &'a abi::TextRef<'a>);

impl<'a> Text<'a> {
    /// The text as the model or the catalogue has it.
    pub fn raw(&self) -> &'a str {
        self.0.raw.as_str()
    }

    /// The tokens in order. A token may hold a no-break space (`1\u{a0}3/4`).
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = &'a str> + Clone + use<'a> {
        self.0.tokens.as_slice().iter().map(|token| token.as_str())
    }

    pub fn token_count(&self) -> usize {
        self.0.tokens.len()
    }
}

/// An item's references and what else is true of it.
#[derive(Clone, Copy)]
pub struct ReferenceSet<'a>(pub(crate) &'a abi::ReferenceSetRef<'a>);

impl<'a> ReferenceSet<'a> {
    pub fn id(&self) -> &'a str {
        self.0.id.as_str()
    }

    /// At least one.
    pub fn references(&self) -> impl ExactSizeIterator<Item = Text<'a>> + Clone + use<'a> {
        self.0.references.as_slice().iter().map(Text)
    }

    /// The true category, where the dataset has one.
    pub fn category(&self) -> Option<&'a str> {
        self.0.category.as_ref().map(|category| category.as_str()).into_option()
    }
}

/// A caption with what it is judged by.
#[derive(Clone, Copy)]
pub struct MetricItem<'a>(pub(crate) &'a abi::MetricItemRef<'a>);

impl<'a> MetricItem<'a> {
    pub fn candidate(&self) -> Text<'a> {
        Text(&self.0.candidate)
    }

    pub fn truth(&self) -> ReferenceSet<'a> {
        ReferenceSet(&self.0.truth)
    }

    pub fn id(&self) -> &'a str {
        self.truth().id()
    }

    pub fn references(&self) -> impl ExactSizeIterator<Item = Text<'a>> + Clone + use<'a> {
        self.truth().references()
    }
}

/// One number that a metric reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricValue {
    /// Such as `bleu-4`.
    pub name: String,
    /// The table's heading, such as `BLEU-4`.
    pub heading: String,
    /// False where less is better.
    #[serde(default = "yes")]
    pub higher_is_better: bool,
    /// Tables multiply by it: 100 for scores in 0…1, 1 for counts.
    #[serde(default = "hundred")]
    pub scale: f64,
    /// The heading where space is dear, such as `MAP`: LaTeX tables use it, and published tables are matched by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<String>,
}

fn yes() -> bool {
    true
}

fn hundred() -> f64 {
    100.0
}

impl MetricValue {
    /// A score in 0…1, or one that is printed like them: higher is better, tables multiply by 100.
    pub fn score(name: &str, heading: &str) -> MetricValue {
        MetricValue { name: name.into(), heading: heading.into(), higher_is_better: true, scale: 100.0, short: None }
    }

    /// A plain quantity, printed as it is.
    pub fn quantity(name: &str, heading: &str) -> MetricValue {
        MetricValue { scale: 1.0, ..Self::score(name, heading) }
    }

    /// With a short heading.
    #[must_use]
    pub fn short(self, short: &str) -> MetricValue {
        MetricValue { short: Some(short.into()), ..self }
    }
}

/// What a metric finds of one item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ItemScore {
    /// One number for each of [`Metric::values`].
    pub values: Vec<f64>,
    /// What the corpus values are computed from, once summed over items. Of one length for all items.
    pub statistics: Vec<f64>,
    /// What the app may show of the item, as JSON: matched words, graphs.
    pub detail: Option<String>,
}

impl ItemScore {
    /// For a metric whose corpus value is the mean of its items' values (with [`Metric::corpus`] left as it is).
    pub fn mean(values: impl Into<Vec<f64>>) -> ItemScore {
        let values = values.into();
        let statistics = values.iter().copied().chain([1.0]).collect();
        ItemScore { values, statistics, detail: None }
    }
}

/// A judge of captions.
///
/// The host shows every item's references once (`observe`, in order, before any scoring), then asks for items (`score`, from
/// several threads, in any order), then for corpus values of sums of statistics (`corpus`, thousands of times: the bootstrap
/// resamples items and never scores again).
pub trait Metric: Send + Sync + 'static {
    /// The numbers that this metric reports, in the order of [`ItemScore::values`].
    fn values(&self) -> Vec<MetricValue>;

    /// Takes note of an item's references: document frequencies, vocabulary.
    fn observe(&mut self, _truth: &ReferenceSet<'_>) -> Result<()> {
        Ok(())
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore>;

    /// The corpus values from statistics summed over items. The default is the mean, for [`ItemScore::mean`].
    fn corpus(&self, statistics: &[f64]) -> Vec<f64> {
        match statistics.split_last() {
            Some((count, sums)) if *count > 0.0 => sums.iter().map(|sum| sum / count).collect(),
            Some((_, sums)) => vec![0.0; sums.len()],
            None => Vec::new(),
        }
    }
}
