//! A sweep's file: `[train]` is what all trials share, `[grid]` the values that are tried in every combination, `[random]` how many trials are
//! drawn of which ranges. What is wrong in it is told with its line.

use super::draw::{Choices, draw};
use crate::error::{Error, Result};
use crate::registry::near_miss;
use crate::train::TrainOptions;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// A sweep, as its file says.
#[derive(Debug, Clone)]
pub struct SweepFile {
    /// The options that differ between trials, in the file's order.
    pub varied: Vec<String>,
    pub trials: Vec<Trial>,
    /// As it was written.
    pub text: String,
}

/// One training of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// `001`; the name of its folder.
    pub name: String,
    /// What is its own.
    pub values: IndexMap<String, Value>,
    /// All of it.
    pub options: TrainOptions,
}

impl Trial {
    /// Its folder in the sweep's.
    pub fn folder(&self, sweep: &Path) -> PathBuf {
        trial_folder(sweep, &self.name)
    }

    /// `learning-rate 0.0001, batch-size 16`
    pub fn told(&self) -> String {
        self.values.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ")
    }
}

/// A trial's folder in the sweep's.
pub fn trial_folder(sweep: &Path, name: &str) -> PathBuf {
    sweep.join("trials").join(name)
}

/// A value without TOML's quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    train: Table,
    #[serde(default)]
    grid: IndexMap<String, Vec<Value>>,
    random: Option<Random>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Random {
    trials: usize,
    #[serde(default = "usual_seed")]
    seed: u64,
    options: IndexMap<String, Choices>,
}

fn usual_seed() -> u64 {
    42
}

/// More trials than anybody means to run.
const MOST: usize = 10_000;

impl SweepFile {
    pub fn read(path: &Path) -> Result<SweepFile> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::usage(Error::io("read the sweep", path, &error).message)
                .help("docs/architecture.md shows what a sweep's file holds; sweeps/study.toml is one")
        })?;
        SweepFile::parse(&text, &path.display().to_string())
    }

    /// The sweep that is made in a folder; none if the folder is no sweep's.
    pub fn of_folder(folder: &Path) -> Result<Option<SweepFile>> {
        let path = SweepFile::kept_in(folder);
        if path.is_file() { SweepFile::read(&path).map(Some) } else { Ok(None) }
    }

    /// Where a sweep's folder keeps its file.
    pub fn kept_in(folder: &Path) -> PathBuf {
        folder.join("sweep.toml")
    }

    /// `place` is the file's name for messages.
    pub fn parse(text: &str, place: &str) -> Result<SweepFile> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Error::usage(format!("{place}:{line}: not a sweep: {}", error.message().trim()))
                .help("a sweep has [train] and either [grid] or [random]; sweeps/study.toml is one")
        })?;
        let at = |section: &str, key: &str| format!("{place}:{}", line_of(text, section, key));
        for (key, value) in &file.train {
            check(key, value).map_err(|error| error.context(at("train", key)))?;
        }
        let points = match (&file.random, file.grid.is_empty()) {
            (Some(_), false) => {
                return Err(Error::usage(format!("{}: [grid] and [random] in one sweep", at("random", "")))
                    .help("make two sweeps of them"));
            }
            (None, true) => {
                return Err(Error::usage(format!("{place}: nothing is varied"))
                    .help("add [grid] with lists of values, or [random]; for one training use `host train`"));
            }
            (None, false) => {
                for (key, values) in &file.grid {
                    if values.is_empty() {
                        return Err(Error::usage(format!("{}: `{key}` has no values", at("grid", key))));
                    }
                    for value in values {
                        check(key, value).map_err(|error| error.context(at("grid", key)))?;
                    }
                }
                grid(&file.grid)
            }
            (Some(random), true) => {
                for (key, choices) in &random.options {
                    let place = || at("random.options", key);
                    choices.check().map_err(|error| error.context(place()))?;
                    for value in choices.examples() {
                        check(key, &value).map_err(|error| error.context(place()))?;
                    }
                }
                draw(&random.options, random.trials.min(MOST + 1), random.seed)
            }
        };
        let varied: Vec<String> = points.first().map(|point| point.keys().cloned().collect()).unwrap_or_default();
        if points.is_empty() || points.len() > MOST {
            return Err(Error::usage(format!("{place}: {} trials", points.len()))
                .help(format!("a sweep has 1 to {MOST} trials")));
        }
        if let Some(key) = varied.iter().find(|key| file.train.contains_key(*key)) {
            return Err(Error::usage(format!("{}: `{key}` is varied too", at("train", key)))
                .help("an option stands in [train] or is varied, not both"));
        }
        let mut trials = Vec::with_capacity(points.len());
        for (number, values) in points.into_iter().enumerate() {
            let mut table = file.train.clone();
            table.extend(values.iter().map(|(key, value)| (key.clone(), value.clone())));
            let options: TrainOptions = table.try_into().map_err(|error| Error::usage(format!("{place}: {error}")))?;
            if !options.validates() {
                return Err(Error::usage(format!(
                    "{}: a sweep is ranked by validation loss",
                    at("train", "validation-split")
                ))
                .help("name a validation split"));
            }
            options.check().map_err(|error| error.context(place))?;
            trials.push(Trial { name: format!("{:03}", number + 1), values, options });
        }
        for key in ["model", "dataset"] {
            if !file.train.contains_key(key) && !varied.iter().any(|varied| varied == key) {
                return Err(Error::usage(format!("{}: no `{key}`", at("train", "")))
                    .help("[train] names a model and a dataset"));
            }
        }
        Ok(SweepFile { varied, trials, text: text.to_owned() })
    }
}

/// Every combination, the last option changing fastest.
fn grid(options: &IndexMap<String, Vec<Value>>) -> Vec<IndexMap<String, Value>> {
    let mut points = vec![IndexMap::new()];
    for (key, values) in options {
        if points.len().saturating_mul(values.len()) > MOST {
            // Told as too many by who asked.
            return vec![IndexMap::new(); MOST + 1];
        }
        points = points
            .iter()
            .flat_map(|point| {
                values.iter().map(move |value| {
                    let mut point = point.clone();
                    point.insert(key.clone(), value.clone());
                    point
                })
            })
            .collect();
    }
    points
}

/// Is this an option, and a value that it takes?
fn check(key: &str, value: &Value) -> Result<()> {
    let alone = Table::from_iter([(key.to_owned(), value.clone())]);
    match alone.try_into::<TrainOptions>() {
        Ok(options) => options.check(),
        Err(error) => {
            let message = error.message().to_owned();
            let Some((_, known)) =
                message.split_once("expected one of ").filter(|_| message.starts_with("unknown field"))
            else {
                return Err(Error::usage(format!("`{key}`: {}", message.trim())));
            };
            let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
            let error = Error::usage(format!("there is no option `{key}`"));
            Err(match near_miss(key, known.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("the options are those of `host train`: {}", known.join(", "))),
            })
        }
    }
}

/// The line of a key of a section, or of the section itself; 1 if neither is found.
fn line_of(text: &str, section: &str, key: &str) -> usize {
    let mut within = "";
    let mut heading = 1;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            within = name.trim();
            if within == section {
                heading = number + 1;
            }
        } else if within == section
            && !key.is_empty()
            && line
                .trim_start_matches(['"', '\''])
                .strip_prefix(key)
                .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(['=', '.']))
        {
            return number + 1;
        }
    }
    heading
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        SweepFile::parse(text, "sweep.toml").unwrap_err().to_string()
    }

    #[test]
    fn the_studys_grid_has_its_sixteen_trials() {
        let sweep = SweepFile::parse(include_str!("../../../sweeps/study.toml"), "study.toml").unwrap();
        assert_eq!(sweep.trials.len(), 16);
        assert_eq!(sweep.varied, ["strategy", "batch-size", "learning-rate"]);
        let of = |number: usize| &sweep.trials[number].options;
        assert_eq!((of(0).learning_rate, of(0).batch_size, of(0).strategy.as_str()), (1e-5, 16, "query-value"));
        assert_eq!((of(15).learning_rate, of(15).batch_size, of(15).strategy.as_str()), (5e-4, 32, "all-linear"));
        assert_eq!((of(3).rank, of(3).alpha, of(3).dropout, of(3).patience), (Some(32), Some(64.0), Some(0.05), 3));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let train = "[train]\nmodel = 'a'\ndataset = 'b'\n";
        let after = |rest: &str| error(&format!("{train}{rest}"));
        let unknown = after("\n[grid]\nrank = [8]\nlearning_rate = [1e-4]\n");
        assert!(unknown.contains("sweep.toml:7: there is no option `learning_rate`"), "{unknown}");
        assert!(unknown.contains("did you mean `learning-rate`"), "{unknown}");
        assert!(
            after("[grid]\nrank = ['big']\n").contains("sweep.toml:5: `rank`"),
            "{}",
            after("[grid]\nrank = ['big']\n")
        );
        assert!(after("[grid]\nbatch-size = [16, 0]\n").contains("sweep.toml:5: `batch-size` is 0"));
        assert!(after("[grid]\nrank = []\n").contains("sweep.toml:5"));
        assert!(after("[grid]\ndataset = ['c']\n").contains("sweep.toml:3: `dataset` is varied too"));
        assert!(
            after("[grid]\nrank = [8\nalpha = 3").contains("sweep.toml:"),
            "{}",
            after("[grid]\nrank = [8\nalpha = 3")
        );
        assert!(after("[grdi]\nrank = [8]").contains("sweep.toml:4"), "{}", after("[grdi]\nrank = [8]"));
        assert!(after("").contains("nothing is varied"));
        assert!(after("epochs = 'ten'\n[grid]\nrank = [8]").contains("sweep.toml:4: `epochs`"));
        assert!(after("validation-split = 'none'\n[grid]\nrank = [8]").contains("sweep.toml:4: a sweep is ranked"));
        assert!(error("[train]\nmodel = 'a'\n[grid]\nrank = [1]").contains("no `dataset`"));
        let many = "[grid]\nrank = [1,2,3,4,5,6,7,8,9,10]\nseed = [1,2,3,4,5,6,7,8,9,10]\nwarmup = [1,2,3,4,5,6,7,8,9,10]\nepochs = [1,2,3,4,5,6,7,8,9,10]\nalpha = [1.0, 2.0]";
        assert!(after(many).contains("1 to 10000 trials"));
    }

    #[test]
    fn random_trials_are_the_same_for_the_same_seed_and_within_their_ranges() {
        let text = |seed: u64| {
            format!(
                "[train]\nmodel = 'a'\ndataset = 'b'\n[random]\ntrials = 50\nseed = {seed}\n[random.options]\n\
                 learning-rate = {{ min = 1e-5, max = 1e-3, scale = 'log' }}\nrank = [4, 8]\nwarmup = {{ min = 0, max = 20 }}\n"
            )
        };
        let sweep = |seed| SweepFile::parse(&text(seed), "sweep.toml").unwrap();
        assert_eq!(sweep(1).trials, sweep(1).trials);
        assert_ne!(sweep(1).trials, sweep(2).trials);
        let rates: Vec<f64> = sweep(1).trials.iter().map(|trial| trial.options.learning_rate).collect();
        assert!(rates.iter().all(|rate| (1e-5..=1e-3).contains(rate)));
        // On a logarithmic scale half of them are below the geometric mean.
        assert!((15..35).contains(&rates.iter().filter(|rate| **rate < 1e-4).count()), "{rates:?}");
        assert!(sweep(1).trials.iter().all(|trial| trial.options.warmup <= 20));
        let wrong = text(1).replace("max = 1e-3", "max = 1e-6");
        assert!(error(&wrong).contains("sweep.toml:8"), "{}", error(&wrong));
    }
}
