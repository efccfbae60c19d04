//! The experiment's file: `[data]`, `[evaluation]`, `[features.NAME]`, `[[models]]`. Read strictly: a key that is not known is an error with the nearest known
//! one.

use super::evaluation::Evaluation;
use super::features::Missing;
use super::grid::{Trial, expand};
use super::split::{Filter, Split};
use super::{log::Columns, suggestion};
use crate::error::{Error, Result};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file as people write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Of everything random: splits, models, resampling.
    #[serde(default = "study_seed")]
    pub seed: u64,
    pub data: DataConfig,
    #[serde(default)]
    pub evaluation: Evaluation,
    #[serde(default)]
    pub features: IndexMap<String, FeatureConfig>,
    #[serde(default)]
    pub models: Vec<ModelConfig>,
}

fn study_seed() -> u64 {
    123
}

/// `[data]`: three files; or one log, or a dataset's, with a filter and a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DataConfig {
    /// The tables' title; by default the dataset's or the log's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactions: Option<PathBuf>,
    /// Of `interactions`, where it has a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// A dataset of the registry that says where its interactions are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    #[serde(default)]
    pub filter: Filter,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}

/// `[features.NAME]`: a folder of features; or a model whose space a dataset is embedded in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FeatureConfig {
    /// A folder that `host embed` wrote, or one of the same form; with a model, the folder that is written, by default `features/NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// What embeds the items: an encoder, or a captioner that embeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which of its spaces, where it has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// By default that of the interactions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Narrows the embeddings to the components that explain more than this share of their variance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pca: Option<f64>,
    #[serde(default)]
    pub missing: Missing,
    /// Another item's features for each item: a check that a gain comes from them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shuffle: bool,
}

/// `[[models]]`; other keys are the recommender's parameters, of which a list is a grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    pub name: String,
    pub recommender: String,
    /// Names of `[features.…]`, or folders.
    #[serde(default)]
    pub features: Vec<String>,
    #[serde(flatten)]
    pub parameters: toml::Table,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, has an unknown key, or asks for what cannot be.
    pub fn read(path: &Path) -> Result<Config> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::usage(Error::io("read the experiment", path, &error).message)
                .help("docs/recommend.md shows what such a file holds")
        })?;
        let config: Config = toml::from_str(&text).map_err(|error| {
            let failure = Error::usage(format!("{} is no experiment:\n{error}", path.display()));
            match unknown_field(error.message()) {
                Some(help) => failure.help(help),
                None => failure.help("docs/recommend.md shows what such a file holds"),
            }
        })?;
        config.check().map_err(|error| error.context(path.display()))?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        if self.models.is_empty() {
            return Err(Error::usage("there are no models").help("add [[models]] with a name and a recommender"));
        }
        let mut names = std::collections::HashSet::new();
        for model in &self.models {
            let fits = |letter: char| letter.is_alphanumeric() || "._-+@ ()=,:".contains(letter);
            if model.name.is_empty() || model.name.starts_with(['.', ' ']) || !model.name.chars().all(fits) {
                return Err(Error::usage(format!("`{}` is no name for a model", model.name))
                    .help("use letters, digits, dashes, parentheses and the like"));
            }
            if !names.insert(&model.name) {
                return Err(Error::usage(format!("two models are named `{}`", model.name)));
            }
            self.trials(model)?;
        }
        for (name, features) in &self.features {
            features.check(name, &self.data).map_err(|error| error.context(format!("[features.{name}]")))?;
        }
        self.evaluation.check()?;
        self.data.check()
    }

    /// A model's trials: every combination of its parameters' lists.
    pub fn trials(&self, model: &ModelConfig) -> Result<Vec<Trial>> {
        expand(&model.parameters).map_err(|error| error.context(format!("model `{}`", model.name)))
    }
}

impl FeatureConfig {
    fn check(&self, name: &str, data: &DataConfig) -> Result<()> {
        let of_model =
            [("space", self.space.is_some()), ("dataset", self.dataset.is_some()), ("pca", self.pca.is_some())];
        match (&self.model, &self.path) {
            (None, None) => Err(Error::usage("there is neither a path nor a model")
                .help("path = \"…\" is a folder of features; model = \"…\" has them embedded")),
            (None, Some(_)) => match of_model.iter().find(|(_, given)| *given) {
                Some((key, _)) => Err(Error::usage(format!("`{key}` belongs to a model, and none is named"))),
                None => Ok(()),
            },
            (Some(_), _) if self.dataset.is_none() && data.dataset.is_none() => {
                Err(Error::usage("it is not said which dataset is embedded")
                    .help("dataset = \"…\", as in the registry"))
            }
            (Some(_), None) if name.starts_with('.') || name.contains(['/', '\\']) => {
                Err(Error::usage("the name is none for a folder").help("path = \"…\" says where the features go"))
            }
            _ if self.pca.is_some_and(|share| !(share > 0.0 && share < 1.0)) => {
                Err(Error::usage("`pca` is the share of the variance that is kept, between 0 and 1"))
            }
            _ => Ok(()),
        }
    }
}

impl DataConfig {
    fn check(&self) -> Result<()> {
        let parts = [("train", &self.train), ("validation", &self.validation), ("test", &self.test)];
        let given = parts.iter().filter(|(_, path)| path.is_some()).count();
        let sources =
            usize::from(given > 0) + usize::from(self.interactions.is_some()) + usize::from(self.dataset.is_some());
        if sources != 1 {
            return Err(Error::usage(if sources == 0 {
                "[data] names no interactions"
            } else {
                "[data] names several sources of interactions"
            })
            .help("give train, validation and test; or interactions; or dataset"));
        }
        if let Some((name, _)) = parts.iter().find(|(_, path)| path.is_none()).filter(|_| given > 0) {
            let why = match *name {
                "validation" => "parameters are chosen on validation and never on test",
                _ => "all three parts are needed",
            };
            return Err(Error::usage(format!("[data] has no `{name}`: {why}"))
                .help("give the three files; or one with interactions = \"…\" and a split"));
        }
        if given > 0 && (self.split.is_some() || self.filter != Filter::default() || self.columns.is_some()) {
            return Err(Error::usage("[data] has files for each part, and a filter, split or columns for them")
                .help("filters and splits are for `interactions` and `dataset`"));
        }
        if given == 0 && self.split.is_none() {
            return Err(Error::usage("[data] has no split")
                .help("such as split = { by = \"temporal-user\", test = 0.2, validation = 0.1 }"));
        }
        if let Some(split) = &self.split {
            split.check()?;
        }
        if self.columns.is_some() && self.interactions.is_none() {
            return Err(Error::usage("[data] has columns, which belong to `interactions`"));
        }
        Ok(())
    }
}

/// "did you mean" for serde's "unknown field `x`, expected one of `a`, `b`".
pub fn unknown_field(message: &str) -> Option<String> {
    let rest = &message[message.find("unknown field `").or_else(|| message.find("unknown variant `"))?..];
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let (wrong, known) = (quoted.next()?, quoted.collect::<Vec<&str>>());
    (!known.is_empty()).then(|| suggestion(wrong, &known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    const DATA: &str = "[data]\ntrain = \"a\"\nvalidation = \"b\"\ntest = \"c\"\n";
    const LOG: &str = "[data]\ninteractions = \"a\"\n";
    const MODEL: &str = "[[models]]\nname = \"m\"\nrecommender = \"item-knn\"\nneighbours = [5, 20]\nshrink = 10\n";

    #[test]
    fn a_list_is_a_grid() {
        let config = read(&format!("{DATA}{MODEL}")).unwrap();
        let trials = config.trials(&config.models[0]).unwrap();
        assert_eq!(trials.len(), 2);
        assert_eq!(trials[1].parameters["neighbours"], toml::Value::Integer(20));
    }

    #[test]
    fn what_cannot_be_is_said_with_what_to_do() {
        for (text, wrong, help) in [
            (format!("{DATA}tset = 1\n{MODEL}"), "unknown field `tset`", "did you mean `test`"),
            (format!("{DATA}[evaluation]\ncutofs = [1]\n{MODEL}"), "unknown field", "did you mean `cutoffs`"),
            (format!("{DATA}[evaluation]\nmetrics = [\"ndgc\"]\n{MODEL}"), "no metric `ndgc`", "did you mean `ndcg`"),
            (DATA.to_owned(), "no models", "[[models]]"),
            (format!("{DATA}{MODEL}{MODEL}"), "two models are named `m`", ""),
            (
                format!("[data]\ntrain = \"a\"\ntest = \"b\"\n{MODEL}"),
                "no `validation`: parameters are chosen",
                "split",
            ),
            (format!("[data]\ninteractions = \"a\"\n{MODEL}"), "no split", "temporal-user"),
            (format!("{DATA}[evaluation]\nselect = \"gini@5\"\n{MODEL}"), "gini@5 says nothing", "ndcg"),
            (format!("{DATA}[evaluation]\nselect = \"recall\"\n{MODEL}"), "no cut-off", "recall@20"),
            (format!("{LOG}split = {{ by = \"leave-n-out\", test = 0.3 }}\n{MODEL}"), "`test` of the split", "n = 1"),
            (format!("{LOG}split = {{ by = \"random\", n = 3 }}\n{MODEL}"), "`n` of the split", "shares"),
            (format!("{LOG}split = {{ by = \"random\", test = nan }}\n{MODEL}"), "are above 0 and below 1", ""),
            (format!("{LOG}split = {{ by = \"leave-n-out\", n = 0 }}\n{MODEL}"), "`n = 0`", ""),
            (format!("{DATA}[features.f]\nspase = \"a\"\n{MODEL}"), "unknown field `spase`", "did you mean `space`"),
            (format!("{DATA}[features.f]\n{MODEL}"), "[features.f]: there is neither a path nor a model", "embedded"),
            (format!("{DATA}[features.f]\nmodel = \"a\"\n{MODEL}"), "which dataset", "dataset ="),
            (format!("{DATA}[features.f]\npath = \"a\"\npca = 0.9\n{MODEL}"), "`pca` belongs to a model", ""),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.message.contains(wrong), "{error}");
            assert!(error.help.clone().unwrap_or_default().contains(help), "{error}");
        }
    }

    #[test]
    fn the_studys_preset_is_an_experiment() {
        let preset = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recommend/study.toml");
        let config = Config::read(&preset).unwrap();
        let names: Vec<&str> = config.models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names.first(), Some(&"Random"));
        // The rows that the study publishes, by the same names.
        let figures = toml::from_str::<toml::Table>(include_str!("../../data/study-tables.toml")).unwrap();
        let rows: Vec<&str> =
            figures["recommendation"]["rows"].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect();
        assert_eq!(names, rows);
    }
}
