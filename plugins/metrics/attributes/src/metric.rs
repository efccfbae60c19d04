//! Attribute precision and recall, after the study's own code.
//!
//! H is the caption's attributes, P those of its references that are in the pool A (the vocabulary): precision = |H ∩ P| / |H ∩ A|, recall =
//! |H ∩ P| / |P|, each 0 where its denominator is; over a corpus, the means. The study prints them as "MAP" and "MAR".

use language::attributes::{LEAST, VOCABULARY_FILE, Vocabulary, attributes};
use plugin_api::{ItemScore, Metric, MetricConfig, MetricItem, MetricValue, PluginError, ReferenceSet, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Options in the registry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Options {
    /// A vocabulary file, instead of the prepared dataset's.
    vocabulary: Option<PathBuf>,
    /// How often an attribute occurs at least, where the vocabulary is counted from the references at hand.
    least: Option<u64>,
}

/// The metric. Its vocabulary is the prepared dataset's; without one it is counted from the references that are scored against.
pub struct Attributes {
    vocabulary: Vocabulary,
    counting: bool,
}

/// An item's attributes, for the app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sets {
    /// In the caption and in the references.
    pub matched: BTreeSet<String>,
    /// In the references alone.
    pub missed: BTreeSet<String>,
    /// In the caption and the vocabulary, not in the references.
    pub extra: BTreeSet<String>,
}

impl Sets {
    pub fn new<'a>(candidate: &str, references: impl Iterator<Item = &'a str>, vocabulary: &Vocabulary) -> Sets {
        let named = vocabulary.known(attributes(candidate));
        let truth = vocabulary.known(references.flat_map(attributes));
        Sets { matched: &named & &truth, missed: &truth - &named, extra: &named - &truth }
    }

    pub fn precision(&self) -> f64 {
        share(self.matched.len(), self.extra.len())
    }

    pub fn recall(&self) -> f64 {
        share(self.matched.len(), self.missed.len())
    }
}

fn share(matched: usize, others: usize) -> f64 {
    if matched == 0 { 0.0 } else { matched as f64 / (matched + others) as f64 }
}

impl Attributes {
    /// With the vocabulary of the options or of the prepared dataset.
    pub fn new(config: &MetricConfig) -> Result<Attributes> {
        let options: Options = config.settings.parse()?;
        let prepared = config.dataset.as_ref().map(|folder| folder.join(VOCABULARY_FILE)).filter(|path| path.exists());
        if let Some(path) = options.vocabulary.or(prepared) {
            let vocabulary = Vocabulary::read(&path).map_err(|error| {
                PluginError::configuration(error.to_string()).help("`host prepare` writes the vocabulary anew")
            })?;
            return Ok(Attributes { vocabulary, counting: false });
        }
        let least = options.least.unwrap_or(LEAST);
        config.host.warn(&format!(
            "no attribute vocabulary ({VOCABULARY_FILE}) in the dataset: counting the references at hand, which are not the training \
             split's; attributes that occur fewer than {least} times are left out"
        ));
        Ok(Attributes { vocabulary: Vocabulary { least, ..Vocabulary::default() }, counting: true })
    }

    /// The attributes that count: once counting is over, those that occur often enough.
    fn sets(&self, item: &MetricItem<'_>) -> Sets {
        let candidate = item.candidate().raw();
        let references = item.references().map(|reference| reference.raw());
        if !self.counting {
            return Sets::new(candidate, references, &self.vocabulary);
        }
        let mut sets = Sets::new(candidate, references, &self.vocabulary);
        for lemmas in [&mut sets.matched, &mut sets.missed, &mut sets.extra] {
            lemmas
                .retain(|lemma| self.vocabulary.counts.get(lemma).is_some_and(|count| *count >= self.vocabulary.least));
        }
        sets
    }
}

impl Metric for Attributes {
    fn values(&self) -> Vec<MetricValue> {
        vec![
            MetricValue::score("attribute-precision", "Attr. P (MAP)").short("MAP"),
            MetricValue::score("attribute-recall", "Attr. R (MAR)").short("MAR"),
        ]
    }

    fn observe(&mut self, truth: &ReferenceSet<'_>) -> Result<()> {
        if self.counting {
            for lemma in truth.references().flat_map(|reference| attributes(reference.raw())) {
                *self.vocabulary.counts.entry(lemma).or_insert(0) += 1;
            }
        }
        Ok(())
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        let sets = self.sets(item);
        let mut score = ItemScore::mean([sets.precision(), sets.recall()]);
        // Sets of strings: this cannot fail.
        score.detail = serde_json::to_string(&sets).ok();
        Ok(score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::testing::{TestItem, score};
    use plugin_api::{Host, Settings};

    fn config(settings: serde_json::Value, dataset: Option<PathBuf>) -> MetricConfig {
        MetricConfig { dataset, assets: None, settings: Settings::new(settings), host: Host::silent() }
    }

    #[test]
    fn precision_and_recall_are_shares_of_sets_in_the_vocabulary() {
        let folder = tempfile::tempdir().unwrap();
        let words = ["dress", "red", "cotton", "sleeve", "short"];
        let counts = words.map(|word| (word.to_owned(), 10)).into();
        let vocabulary = Vocabulary { least: 10, counts };
        std::fs::write(folder.path().join(VOCABULARY_FILE), vocabulary.to_json()).unwrap();
        let mut metric = Attributes::new(&config(serde_json::Value::Null, Some(folder.path().into()))).unwrap();
        let items = [
            // Named: dress, red, sleeve (belt is in no vocabulary); true: dress, cotton, sleeve, short.
            TestItem::new("A red dress with sleeves and a belt.", &["Cotton dress.", "A dress with short sleeves."]),
            TestItem::new("The belt.", &["A belt."]),
        ];
        let scored = score(&mut metric, &items).unwrap();
        assert_eq!(scored.items[0].values, [2.0 / 3.0, 2.0 / 4.0]);
        assert_eq!(scored.items[1].values, [0.0, 0.0]);
        assert_eq!(scored.corpus, [1.0 / 3.0, 0.25]);
        let sets: Sets = serde_json::from_str(scored.items[0].detail.as_deref().unwrap()).unwrap();
        assert_eq!(Vec::from_iter(&sets.missed), ["cotton", "short"]);
        assert_eq!(Vec::from_iter(&sets.extra), ["red"]);
    }

    #[test]
    fn without_a_vocabulary_the_references_at_hand_are_counted() {
        let mut metric = Attributes::new(&config(serde_json::json!({ "least": 2 }), None)).unwrap();
        let items = [TestItem::new("red dress", &["red dress"]), TestItem::new("blue coat", &["red coat"])];
        let scored = score(&mut metric, &items).unwrap();
        assert_eq!(scored.items[0].values, [1.0, 1.0], "only red occurs twice");
        assert_eq!(scored.items[1].values, [0.0, 0.0]);
    }

    #[test]
    fn a_wrong_option_and_a_broken_vocabulary_are_errors() {
        assert!(Attributes::new(&config(serde_json::json!({ "leest": 2 }), None)).is_err());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(VOCABULARY_FILE), "{}").unwrap();
        let error = Attributes::new(&config(serde_json::Value::Null, Some(folder.path().into()))).err().unwrap();
        assert!(error.to_string().contains("attributes.json"), "{error}");
    }
}
