//! Category accuracy. Beside the captions' value stands how often the classifier is right on the same items' true captions: the
//! most that a perfect captioner could reach.

use category_classifier::{CategoriesFile, CategoryClassifier, open};
use plugin_api::{Host, ItemScore, Metric, MetricConfig, MetricItem, MetricValue, PluginError, ReferenceSet, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Once;

/// The metric, with the prepared dataset's classifier.
pub struct CategoryAccuracy {
    dataset: String,
    classifier: Box<dyn CategoryClassifier>,
    told: CategoriesFile,
    /// Of the true captions of the items seen: how many are classified rightly.
    true_captions: u64,
    true_right: u64,
    /// Categories of items that the classifier does not know, with their numbers of items.
    unknown: BTreeMap<String, u64>,
    said: Once,
    host: Host,
}

/// An item's detail, for the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The caption's category by the classifier.
    pub predicted: String,
    /// The item's own; none if the dataset gives none, and then the item does not count.
    pub category: Option<String>,
    /// The first true caption's category by the classifier.
    pub reference_predicted: String,
}

impl CategoryAccuracy {
    /// # Errors
    /// There is no prepared dataset, or it has no classifier that can be read.
    pub fn new(config: &MetricConfig) -> Result<CategoryAccuracy> {
        config.settings.none()?;
        let folder = config.dataset.as_ref().ok_or_else(|| {
            PluginError::configuration("category-accuracy needs a prepared dataset, with its classifier of categories")
                .help("run `host prepare DATASET`, then the same command again")
        })?;
        let (told, classifier) = open(folder).map_err(|error| {
            PluginError::configuration(format!("the classifier of categories cannot be read: {error}"))
                .help("run `host prepare DATASET --steps categories`, then the same command again")
        })?;
        let dataset = folder.file_name().unwrap_or_default().display().to_string();
        let (true_captions, true_right) = (0, 0);
        Ok(CategoryAccuracy {
            dataset,
            classifier,
            told,
            true_captions,
            true_right,
            unknown: BTreeMap::new(),
            said: Once::new(),
            host: config.host,
        })
    }

    fn say_once(&self) {
        self.said.call_once(|| {
            let held_out = self.told.held_out.as_ref();
            let held_out = held_out.map(|held_out| {
                format!("; on the {} split when it was trained: {:.1} %", held_out.split, held_out.accuracy * 100.0)
            });
            let share = self.true_right as f64 / self.true_captions.max(1) as f64;
            self.host.info(&format!(
                "category-accuracy on {}: of the true captions {:.1} % are classified rightly ({} of {}){}",
                self.dataset,
                share * 100.0,
                self.true_right,
                self.true_captions,
                held_out.unwrap_or_default()
            ));
            if let Some((first, _)) = self.unknown.first_key_value() {
                self.host.warn(&format!(
                    "category-accuracy on {}: {} items have a category that the classifier does not know and cannot be right in; \
                     the first is `{first}`",
                    self.dataset,
                    self.unknown.values().sum::<u64>()
                ));
            }
        });
    }
}

impl Metric for CategoryAccuracy {
    fn values(&self) -> Vec<MetricValue> {
        vec![MetricValue::score("category-accuracy", "Category")]
    }

    fn observe(&mut self, truth: &ReferenceSet<'_>) -> Result<()> {
        if let Some(category) = truth.category() {
            if self.told.categories.iter().all(|known| known.name != category) {
                *self.unknown.entry(category.to_owned()).or_default() += 1;
            }
            for reference in truth.references() {
                self.true_captions += 1;
                self.true_right += u64::from(self.classifier.category_of(reference.raw()) == category);
            }
        }
        Ok(())
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        if self.true_captions == 0 {
            return Err(PluginError::data("no item has a category, so none can be right").help(
                "give each item its `category`, as the prepared dataset spells it, or leave category-accuracy out",
            ));
        }
        self.say_once();
        let predicted = self.classifier.category_of(item.candidate().raw());
        let truth = item.truth().category();
        let right = f64::from(u8::from(truth == Some(predicted)));
        let reference = item.references().next().map_or("", |reference| self.classifier.category_of(reference.raw()));
        let judgement = Judgement {
            predicted: predicted.to_owned(),
            category: truth.map(str::to_owned),
            reference_predicted: reference.to_owned(),
        };
        Ok(ItemScore {
            values: vec![right],
            statistics: vec![right, f64::from(u8::from(truth.is_some()))],
            detail: serde_json::to_string(&judgement).ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use category_classifier::{CategoryCount, Example, train};
    use plugin_api::Settings;
    use plugin_api::testing::{Recorder, TestItem, score};
    use std::path::Path;

    /// A prepared folder whose classifier knows dresses and jeans.
    fn prepared(folder: &Path) {
        let names = ["Dress", "Jeans"].map(str::to_owned).to_vec();
        let examples = [("a red dress", 0), ("long dress in cotton", 0), ("blue jeans", 1), ("jeans in denim", 1)];
        let examples: Vec<Example> = examples.into_iter().map(|(text, place)| Example::new(text, place)).collect();
        let model = train(names.clone(), &examples, 1);
        let counts = names.into_iter().map(|name| CategoryCount { name, train: 2, ..CategoryCount::default() });
        let told = CategoriesFile::linear(counts.collect(), 4, 1, None);
        std::fs::write(folder.join(category_classifier::MODEL_FILE), model.to_bytes()).unwrap();
        std::fs::write(folder.join(category_classifier::CATEGORIES_FILE), told.to_json()).unwrap();
    }

    fn item(candidate: &str, reference: &str, category: Option<&str>) -> TestItem {
        TestItem { category: category.map(str::to_owned), ..TestItem::new(candidate, &[reference]) }
    }

    #[test]
    fn accuracy_is_the_share_of_items_with_a_category_and_true_captions_are_told_of() {
        let folder = tempfile::tempdir().unwrap();
        prepared(folder.path());
        let recorder = Recorder::new();
        let config = MetricConfig {
            dataset: Some(folder.path().into()),
            assets: None,
            settings: Settings::default(),
            host: recorder.host(),
        };
        let mut metric = CategoryAccuracy::new(&config).unwrap();
        let items = [
            item("a dress", "red dress", Some("Dress")),
            item("some jeans", "cotton dress", Some("Dress")),
            item("blue denim", "jeans", Some("Jeans")),
            item("a dress", "a dress", None),
        ];
        let scored = score(&mut metric, &items).unwrap();
        assert_eq!(scored.items.iter().map(|score| score.values[0]).collect::<Vec<_>>(), [1.0, 0.0, 1.0, 0.0]);
        assert_eq!(scored.corpus, [2.0 / 3.0]);
        let judgement: Judgement = serde_json::from_str(scored.items[1].detail.as_deref().unwrap()).unwrap();
        assert_eq!((judgement.predicted.as_str(), judgement.category.as_deref()), ("Jeans", Some("Dress")));
        let messages = recorder.messages();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].1.contains("100.0 % are classified rightly (3 of 3)"), "{}", messages[0].1);
    }

    #[test]
    fn items_without_any_category_have_no_accuracy_and_unknown_ones_are_told_of() {
        let folder = tempfile::tempdir().unwrap();
        prepared(folder.path());
        let recorder = Recorder::new();
        let (assets, settings) = (None, Settings::default());
        let config = MetricConfig { dataset: Some(folder.path().into()), assets, settings, host: recorder.host() };
        let without = [item("a dress", "a dress", None), item("jeans", "jeans", None)];
        let error = score(&mut CategoryAccuracy::new(&config).unwrap(), &without).err().unwrap();
        assert!(error.to_string().contains("no item has a category"), "{error}");
        let misspelt = [item("a dress", "a dress", Some("Dress")), item("jeans", "jeans", Some("jeans"))];
        let scored = score(&mut CategoryAccuracy::new(&config).unwrap(), &misspelt).unwrap();
        assert_eq!(scored.corpus, [0.5]);
        let warning = &recorder.messages()[1].1;
        assert!(warning.contains("1 items") && warning.contains("`jeans`"), "{warning}");
    }

    #[test]
    fn without_a_prepared_dataset_the_error_names_the_command() {
        let folder = tempfile::tempdir().unwrap();
        for dataset in [None, Some(folder.path().to_owned())] {
            let config = MetricConfig { dataset, assets: None, settings: Settings::default(), host: Host::silent() };
            let error = CategoryAccuracy::new(&config).err().unwrap();
            assert!(error.to_string().contains("host prepare"), "{error}");
        }
    }
}
