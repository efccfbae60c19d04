//! METEOR as a plugin's metric: its options, its names in tables, its data.

use crate::aligner::Rules;
use crate::scorer::Scorer;
use crate::statistics::Statistics;
use meteor_data::{INSTALL_COMMAND, Lexicon, PARAPHRASE_FILE, Paraphrases};
use plugin_api::{Host, ItemScore, Metric, MetricConfig, MetricItem, MetricValue, PluginError, Result, Text};
use serde::Deserialize;
use std::path::Path;

/// Synonyms, irregular forms and function words; `data/README.md` says where they come from.
static LEXICON: &[u8] = include_bytes!("../data/lexicon.bin");

/// The options of `[metrics.meteor]`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Options {
    /// Whether phrases match through the paraphrase table, an asset. Without it the metric goes by another name.
    paraphrase: bool,
    /// Whether to score exactly as METEOR 1.5 does (integer truncation, charged distances), or as its papers say.
    exact_reference: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { paraphrase: true, exact_reference: true }
    }
}

pub struct Meteor {
    scorer: Scorer,
    value: MetricValue,
}

impl Meteor {
    /// # Errors
    /// Where the options are wrong, or the paraphrase table is asked for and not installed or damaged.
    pub fn create(config: &MetricConfig) -> Result<Meteor> {
        let options: Options = config.settings.parse()?;
        let lexicon = Lexicon::new(LEXICON).ok_or_else(|| PluginError::internal("METEOR's lexicon is damaged"))?;
        let paraphrases = if options.paraphrase { Some(open_paraphrases(config)?) } else { None };
        let rules = if options.exact_reference { Rules::Reference } else { Rules::Published };
        let (name, heading) = match (options.exact_reference, options.paraphrase) {
            (true, true) => ("meteor", "METEOR"),
            (true, false) => ("meteor-no-paraphrase", "METEOR (no paraphrase)"),
            (false, true) => ("meteor-published", "METEOR (as published)"),
            (false, false) => ("meteor-published-no-paraphrase", "METEOR (as published, no paraphrase)"),
        };
        Ok(Meteor { scorer: Scorer::new(lexicon, paraphrases, rules), value: MetricValue::score(name, heading) })
    }
}

/// Installs the paraphrase table from the wheel of pycocoevalcap or the file inside it.
pub(crate) fn install_paraphrases(file: &Path, assets: &Path, _host: Host) -> Result<String> {
    let installed = meteor_data::install(file, assets).map_err(|error| PluginError::data(error.to_string()))?;
    let megabytes = installed.bytes as f64 / 1e6;
    Ok(format!("METEOR's paraphrase table is at {} ({megabytes:.0} MB)", installed.path.display()))
}

fn open_paraphrases(config: &MetricConfig) -> Result<Paraphrases> {
    let help = format!(
        "run `{INSTALL_COMMAND}` (pip fetches the Python package pycocoevalcap 1.2, 104 MB), or set \
         `paraphrase = false` under [metrics.meteor] for METEOR without paraphrases, which is reported as \
         `meteor-no-paraphrase`"
    );
    let path = match &config.assets {
        Some(assets) => assets.join(PARAPHRASE_FILE),
        None => {
            return Err(PluginError::configuration(
                "METEOR needs its paraphrase table, and no folder of assets is set",
            )
            .help(help));
        }
    };
    if !path.exists() {
        let message =
            format!("METEOR needs its paraphrase table, which is not installed ({} is missing)", path.display());
        return Err(PluginError::configuration(message).help(help));
    }
    Paraphrases::open(&path).map_err(|error| {
        PluginError::data(format!("METEOR's paraphrase table: {error}")).help(format!("run `{INSTALL_COMMAND}`"))
    })
}

impl Metric for Meteor {
    fn values(&self) -> Vec<MetricValue> {
        vec![self.value.clone()]
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        let references: Vec<String> = item.references().map(joined).collect();
        let segment = self
            .scorer
            .score(&joined(item.candidate()), references.iter().map(String::as_str))
            .map_err(|error| PluginError::data(format!("item `{}`: {error}", item.id())))?;
        Ok(ItemScore { values: vec![segment.score], statistics: segment.statistics.to_vector(), detail: None })
    }

    fn corpus(&self, statistics: &[f64]) -> Vec<f64> {
        vec![Statistics::from_vector(statistics).map_or(0.0, |sum| sum.score())]
    }
}

/// The tokens as METEOR's normaliser wants them: with spaces between.
fn joined(text: Text<'_>) -> String {
    let mut joined = String::with_capacity(text.raw().len() + 8);
    for token in text.tokens() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(token);
    }
    joined
}
