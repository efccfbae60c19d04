//! The order of an experiment's work. Every step finds what is done already and does the rest.

use super::config::{Config, ModelConfig, unknown_field};
use super::data::{Data, write_npy};
use super::features::{FeatureSource, Missing, ids, load};
use super::grid::Trial;
use super::log::Log;
use super::metrics::{Scores, Truth, score};
use super::plan::{Input, RecommendPlan};
use super::results::{FailedTrial, ModelResult, Results, write_tables};
use super::significance::compare;
use super::split::{Filtered, Part, collapse, filter, split};
use super::trial::{TrialRecord, TrialWork, read_lists};
use crate::error::{Error, Exit, Result};
use crate::loader::Library;
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::run::{Environment, PlannedPlugin, RunLock, Shard, create_folder, replace_file};
use crate::worker::{Command, ComponentSpec, Event, Limits, Reply, Worker};
use indexmap::IndexMap;
use plugin_api::abi::messages::RecommenderMessage;
use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The experiment's file.
    pub experiment: PathBuf,
    pub run: Option<PathBuf>,
    pub threads: usize,
    pub limits: Limits,
}

/// A trial of a model, and where its files are.
struct Planned<'a> {
    model: &'a ModelConfig,
    trial: Trial,
    work: TrialWork,
}

/// A file of interactions: its path, the part of the split that it is (where it is one), and its columns (where they have names).
type LogFile = (PathBuf, Option<Part>, Option<super::log::Columns>);

struct Experiment<'a> {
    registry: &'a Registry,
    lock: &'a Lock,
    request: &'a Request,
    reporter: &'a Reporter,
    config: Config,
    /// Relative paths start from here.
    base: PathBuf,
    run: PathBuf,
}

/// Runs an experiment, or what is missing of it. Returns the run directory and the results.
pub fn recommend(
    registry: &Registry,
    lock: &Lock,
    request: &Request,
    reporter: &Reporter,
) -> Result<(PathBuf, Results)> {
    let config = Config::read(&request.experiment)?;
    let base = match request.experiment.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut experiment = Experiment { registry, lock, request, reporter, config, base, run: PathBuf::new() };
    let plan = experiment.plan()?;
    experiment.run = request
        .run
        .clone()
        .unwrap_or_else(|| registry.dir().join("runs").join(format!("recommend-{}", plan.short_digest())));
    let trials = experiment.trials()?;
    experiment.check(&trials)?;
    let _held = RunLock::acquire(&experiment.run, Shard::WHOLE)?;
    plan.adopt(&experiment.run)?;
    reporter.note(&format!("run directory: {}", experiment.run.display()));
    let data = experiment.data()?;
    let (ranked, failed) = experiment.fit_all(&trials, &data)?;
    let results = experiment.results(&plan, &trials, &data, &ranked, &failed)?;
    write_tables(&experiment.run, &results, &results.document())?;
    Ok((experiment.run.clone(), results))
}

impl Experiment<'_> {
    fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    fn data_folder(&self) -> PathBuf {
        self.run.join("data")
    }

    /// The files of interactions, with the part that each is.
    fn logs(&self) -> Result<Vec<LogFile>> {
        let data = &self.config.data;
        if let Some(name) = &data.dataset {
            let entry = self.registry.dataset(name)?;
            let interactions = entry.interactions.as_ref().ok_or_else(|| {
                let place = self.registry.place("datasets", name);
                Error::usage(format!("{place}: dataset `{name}` does not say where its interactions are"))
                    .help("interactions = { file = \"…csv\", columns = { user = \"…\", item = \"…\", time = \"…\" } }")
            })?;
            let file = self.registry.dir().join(&entry.root).join(&interactions.file);
            return Ok(vec![(file, None, Some(interactions.columns.clone()))]);
        }
        if let Some(path) = &data.interactions {
            return Ok(vec![(self.path(path), None, data.columns.clone())]);
        }
        let parts = [(&data.train, Part::Train), (&data.validation, Part::Validation), (&data.test, Part::Test)];
        Ok(parts.into_iter().filter_map(|(path, part)| Some((self.path(path.as_ref()?), Some(part), None))).collect())
    }

    fn title(&self) -> String {
        let data = &self.config.data;
        let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (data.name.clone())
            .or_else(|| data.dataset.clone())
            .or_else(|| data.interactions.as_ref().map(stem))
            .unwrap_or_else(|| stem(&self.request.experiment))
    }

    /// A model's features.
    fn sources(&self, model: &ModelConfig) -> Vec<FeatureSource> {
        let source = |name: &String| match self.config.features.get(name) {
            Some(config) => FeatureSource {
                name: name.clone(),
                path: self.path(&config.path),
                missing: config.missing,
                shuffle: config.shuffle.then_some(self.config.seed),
            },
            None => FeatureSource {
                name: name.clone(),
                path: self.path(Path::new(name)),
                missing: Missing::default(),
                shuffle: None,
            },
        };
        model.features.iter().map(source).collect()
    }

    /// Every modality that a model uses, once.
    fn used_sources(&self) -> Vec<FeatureSource> {
        let mut sources: Vec<FeatureSource> = Vec::new();
        for source in self.config.models.iter().flat_map(|model| self.sources(model)) {
            if sources.iter().all(|other| other.name != source.name) {
                sources.push(source);
            }
        }
        sources
    }

    fn plan(&self) -> Result<RecommendPlan> {
        for model in &self.config.models {
            let undefined = model
                .features
                .iter()
                .find(|name| !self.config.features.contains_key(*name) && !self.path(Path::new(name)).is_dir());
            if let Some(name) = undefined {
                let known: Vec<&str> = self.config.features.keys().map(String::as_str).collect();
                let error = Error::usage(format!("model `{}`: there are no features `{name}`", model.name));
                return Err(error.help(match known.is_empty() {
                    true => format!("add [features.\"{name}\"] with a path"),
                    false => super::suggestion(name, &known),
                }));
            }
        }
        let mut inputs = Vec::new();
        for (path, ..) in self.logs()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            inputs.push(Input::of(&name, &path)?);
        }
        for source in self.used_sources() {
            inputs.push(Input::of(&format!("features {}", source.name), &source.path)?);
        }
        let mut plugins: Vec<PlannedPlugin> = Vec::new();
        for model in &self.config.models {
            let name = &self.registry.recommender(&model.recommender)?.plugin;
            if plugins.iter().all(|plugin| plugin.name != *name)
                && let Some(locked) = self.lock.plugin(name)
            {
                let (version, sha256) = (locked.version.clone(), locked.sha256.clone());
                plugins.push(PlannedPlugin { name: name.clone(), version, sha256 });
            }
        }
        Ok(RecommendPlan {
            command: "recommend".to_owned(),
            title: self.title(),
            experiment: self.config.clone(),
            inputs,
            plugins,
            environment: Environment::current(self.registry.dir()),
        })
    }

    fn trials(&self) -> Result<Vec<Planned<'_>>> {
        let mut planned = Vec::new();
        for model in &self.config.models {
            let entry = self
                .registry
                .recommender(&model.recommender)
                .map_err(|error| error.context(format!("model `{}`", model.name)))?;
            let library = Library::locked(self.registry, self.lock, &entry.plugin)?;
            let folder = self.run.join("trials").join(&model.name);
            for (number, trial) in self.config.trials(model)?.into_iter().enumerate() {
                let mut settings = entry.settings.clone();
                settings.extend(trial.parameters.clone());
                let settings = serde_json::to_value(&settings)
                    .map_err(|error| Error::usage(format!("model `{}`: {error}", model.name)))?;
                let message = RecommenderMessage { seed: self.config.seed, threads: self.request.threads, settings };
                let (component, entry) = (entry.component.clone(), model.recommender.clone());
                let file = |ending: &str| folder.join(format!("{:04}.{ending}", number + 1));
                let work = TrialWork {
                    recommender: ComponentSpec { library: library.clone(), component, entry, message },
                    data: self.data_folder(),
                    users: self.data_folder().join("ranked.npy"),
                    features: self.sources(model),
                    evaluation: self.config.evaluation.clone(),
                    lists: file("lists.npy"),
                    record: file("json"),
                };
                planned.push(Planned { model, trial, work });
            }
        }
        Ok(planned)
    }

    /// Are all parameters understood? Asked before anything is read or fitted.
    fn check(&self, trials: &[Planned<'_>]) -> Result<()> {
        let mut worker = Worker::start(self.request.limits, self.request.threads)?;
        for planned in trials {
            worker.send(&Command::CheckRecommender { recommender: planned.work.recommender.clone() })?;
            let failure = loop {
                match worker.next(true) {
                    Reply::Event(Event::Checked { description }) => {
                        let lacks = description.needs_features && planned.work.features.is_empty();
                        break lacks.then(|| {
                            let recommender = &planned.model.recommender;
                            Error::usage(format!("`{recommender}` learns from item features, and none are named"))
                                .help("add features = [\"NAME\"] to the model, and [features.NAME] with a path")
                        });
                    }
                    Reply::Event(Event::Failed(failure)) => break Some(Error::from(failure)),
                    Reply::Event(_) => {}
                    Reply::Died(death) => break Some(Error::failed(death.reason)),
                }
            };
            if let Some(mut error) = failure {
                error.help = error.help.or_else(|| unknown_field(&error.message));
                return Err(error.context(format!("model `{}`", planned.model.name)));
            }
        }
        Ok(())
    }

    /// The data: as it was written, or read, filtered, split and written.
    fn data(&self) -> Result<Data> {
        let folder = self.data_folder();
        if let Some(data) = Data::read(&folder)? {
            return Ok(data);
        }
        let began = std::time::Instant::now();
        let mut log = Log::default();
        let mut parts: Vec<Part> = Vec::new();
        let mut filtered = Filtered::default();
        for (path, part, columns) in self.logs()? {
            self.reporter.note(&format!("reading {}", path.display()));
            let read = log.read(&path, columns.as_ref())?;
            if read == 0 {
                return Err(Error::usage(format!("{} holds no interactions", path.display())));
            }
            filtered.read += read;
            parts.extend(part.map(|part| std::iter::repeat_n(part, read)).into_iter().flatten());
        }
        let read_seconds = began.elapsed().as_secs_f64();
        if let Some(by) = &self.config.data.split {
            filtered.duplicates = collapse(&mut log);
            filtered.without_features = self.drop_items(&mut log)?;
            let found = filter(&mut log, &self.config.data.filter);
            (filtered.filtered, filtered.rounds) = (found.filtered, found.rounds);
            parts = split(&log, by, self.config.seed)?;
        } else {
            filtered.duplicates = collapse_parts(&mut log, &mut parts);
        }
        let data = Data::of(log, &parts, filtered)?;
        drop(parts);
        let prepare_seconds = began.elapsed().as_secs_f64() - read_seconds;
        data.write(&folder)?;
        let listed: Vec<u32> = (0..data.users.len() as u32)
            .filter(|user| !data.validation.row(*user as usize).is_empty() || !data.test.row(*user as usize).is_empty())
            .collect();
        write_npy(&folder.join("ranked.npy"), &[listed.len()], &listed)?;
        let counts = &data.counts;
        self.reporter.note(&format!(
            "{} interactions of {} users with {} items to train on, {} for validation, {} for test \
             (read in {read_seconds:.1} s, prepared in {prepare_seconds:.1} s)",
            counts.train, counts.users, counts.items, counts.validation, counts.test
        ));
        for (count, what) in [
            (counts.filtered.duplicates, "interactions repeat an earlier one and were dropped"),
            (counts.filtered.without_features, "interactions are with items without features and were dropped"),
            (counts.filtered.filtered, "interactions were filtered out"),
            (counts.single, "users have one interaction; they are trained on and never tested"),
            (counts.unknown_users, "interactions of validation and test are of users who are not in training"),
            (counts.untrained_items, "interactions of validation and test are with items that were never trained on"),
        ] {
            if count > 0 {
                self.reporter.note(&format!("  {count} {what}"));
            }
        }
        Ok(data)
    }

    /// Takes out items without features, where that is a modality's policy.
    fn drop_items(&self, log: &mut Log) -> Result<usize> {
        let before = log.interactions.len();
        for source in self.used_sources().iter().filter(|source| source.missing == Missing::Drop) {
            let known: HashSet<String> = ids(&source.path)?.into_iter().collect();
            let kept: Vec<bool> = log.items.iter().map(|item| known.contains(item.as_ref())).collect();
            log.interactions.retain(|it| kept[it.item as usize]);
        }
        Ok(before - log.interactions.len())
    }

    /// Runs what is missing of the trials, each in a worker of its own.
    #[allow(clippy::type_complexity)] // The records of the trials, and reasons where there are none.
    fn fit_all(&self, trials: &[Planned<'_>], data: &Data) -> Result<(Vec<Option<TrialRecord>>, Vec<Option<String>>)> {
        let open = trials.iter().filter(|planned| TrialRecord::read(&planned.work.record).is_none()).count();
        if open > 0 {
            // A folder of features that cannot be used is told before hours are spent on other models.
            for source in self.used_sources() {
                let missing = load(&source, &data.items)?.missing();
                if missing > 0 {
                    self.reporter.warn(&format!(
                        "{missing} of {} items have no {} features; the policy is {:?}",
                        data.items.len(),
                        source.name,
                        source.missing
                    ));
                }
            }
        }
        let (mut records, mut failures) = (Vec::new(), Vec::new());
        let bar = self.reporter.bar("trials", trials.len() - open, trials.len());
        for planned in trials {
            let folder = planned.work.record.parent().unwrap_or(&self.run);
            create_folder(folder)?;
            let (record, failure) = match TrialRecord::read(&planned.work.record) {
                Some(record) => (Some(record), None),
                None => {
                    let tried = self.fit(planned)?;
                    bar.advance(1);
                    match tried {
                        Ok(()) => (TrialRecord::read(&planned.work.record), None),
                        Err(reason) => {
                            self.reporter.warn(&format!(
                                "{} ({}): {reason}",
                                planned.model.name,
                                brief(&planned.trial)
                            ));
                            (None, Some(reason))
                        }
                    }
                }
            };
            records.push(record);
            failures.push(failure);
        }
        Ok((records, failures))
    }

    /// One trial; the inner error is a sentence about why it failed.
    fn fit(&self, planned: &Planned<'_>) -> Result<Result<(), String>> {
        let mut again = true;
        loop {
            let mut worker = Worker::start(self.request.limits, self.request.threads)?;
            worker.send(&Command::Recommend { work: Box::new(planned.work.clone()) })?;
            let death = loop {
                match worker.next(false) {
                    Reply::Event(Event::Done) => return Ok(Ok(())),
                    Reply::Event(Event::Failed(failure)) => return Ok(Err(Error::from(failure).to_string())),
                    Reply::Event(Event::Log { level, message }) => self.reporter.plugin(&level, &message),
                    Reply::Event(_) => {}
                    Reply::Died(death) => break death,
                }
            };
            if !(death.from_outside && std::mem::take(&mut again)) {
                return Ok(Err(death.reason));
            }
        }
    }

    /// Chooses on validation, scores the chosen on test, compares.
    fn results(
        &self,
        plan: &RecommendPlan,
        trials: &[Planned<'_>],
        data: &Data,
        records: &[Option<TrialRecord>],
        failures: &[Option<String>],
    ) -> Result<Results> {
        let (values, selection) = (self.config.evaluation.values()?, self.config.evaluation.selection()?.to_string());
        let truth = Truth {
            part: &data.test,
            threshold: self.config.evaluation.threshold,
            train: &data.train,
            items: data.items.len(),
            cold: self.config.evaluation.cold.unwrap_or(0),
        };
        let (_, listed) = super::data::read_npy::<u32>(&self.data_folder().join("ranked.npy"))?;
        let mut models = Vec::new();
        let mut scored: Vec<(&str, Scores)> = Vec::new();
        for model in &self.config.models {
            let own: Vec<usize> = (0..trials.len()).filter(|place| trials[*place].model.name == model.name).collect();
            let selected = |place: &usize| records[*place].as_ref()?.validation.get(&selection).copied();
            // The first of equals, so that the choice does not depend on anything else.
            let best = own
                .iter()
                .rev()
                .copied()
                .filter(|place| selected(place).is_some_and(|value| !value.is_nan()))
                .max_by(|a, b| selected(a).unwrap_or(f64::NAN).total_cmp(&selected(b).unwrap_or(f64::NAN)));
            let failed = own.iter().filter_map(|place| {
                let reason = failures[*place].clone()?;
                Some(FailedTrial { parameters: trials[*place].trial.parameters.clone(), reason })
            });
            let mut result = ModelResult {
                name: model.name.clone(),
                recommender: model.recommender.clone(),
                trials: own.len(),
                failed: failed.collect(),
                ..ModelResult::default()
            };
            match best.and_then(|place| Some((place, records[place].as_ref()?))) {
                None => {
                    result.failure =
                        Some(result.failed.first().map_or("no trial was finished".into(), |it| it.reason.clone()));
                }
                Some((place, record)) => {
                    let lists = read_lists(&trials[place].work.lists)?;
                    let scores = score(&lists, &listed, &truth, &values, Some(self.config.seed));
                    result.parameters = trials[place].trial.parameters.clone();
                    result.epoch = record.epoch;
                    result.users = scores.users.len();
                    result.without_features = record.without_features.clone();
                    // A value that only chooses is not among the results.
                    result.validation = (values.iter())
                        .filter_map(|value| {
                            let name = value.to_string();
                            Some((name.clone(), *record.validation.get(&name)?))
                        })
                        .collect();
                    result.test = named(&values, |place| Some(scores.values[place].value));
                    result.test_intervals = named(&values, |place| scores.values[place].interval);
                    self.write_users(model, &scores, data)?;
                    scored.push((model.name.as_str(), scores));
                }
            }
            models.push(result);
        }
        let resamples = scored.first().map_or(0, |(_, scores)| scores.resamples);
        let pairs: Vec<(&str, &Scores)> = scored.iter().map(|(name, scores)| (*name, scores)).collect();
        Ok(Results {
            command: plan.command.clone(),
            title: plan.title.clone(),
            data: data.counts.clone(),
            select: selection,
            values: values.iter().map(ToString::to_string).collect(),
            resamples,
            models,
            comparisons: compare(&pairs, &values),
        })
    }

    /// `users/MODEL.tsv`: every user's values.
    fn write_users(&self, model: &ModelConfig, scores: &Scores, data: &Data) -> Result<()> {
        let values = self.config.evaluation.values()?;
        let kept: Vec<String> =
            values.iter().filter(|value| value.metric.is_per_user()).map(ToString::to_string).collect();
        let mut text = format!("user\t{}\n", kept.join("\t"));
        for (user, row) in scores.users.iter().zip(scores.per_user.chunks_exact(kept.len().max(1))) {
            text.push_str(&data.users[*user as usize]);
            for value in row {
                let _ = if value.is_nan() { write!(text, "\t") } else { write!(text, "\t{value}") };
            }
            text.push('\n');
        }
        replace_file(&self.run.join("users").join(format!("{}.tsv", model.name)), text.as_bytes())
    }
}

fn named<T>(values: &[super::metrics::Value], of: impl Fn(usize) -> Option<T>) -> IndexMap<String, T> {
    values.iter().enumerate().filter_map(|(place, value)| Some((value.to_string(), of(place)?))).collect()
}

/// Within each part, of equal pairs the first stays.
fn collapse_parts(log: &mut Log, parts: &mut Vec<Part>) -> usize {
    let mut seen: HashSet<(u32, u32, u8)> = HashSet::new();
    let before = parts.len();
    let kept: Vec<bool> = (log.interactions.iter().zip(parts.iter()))
        .map(|(it, part)| seen.insert((it.user, it.item, *part as u8)))
        .collect();
    let mut place = 0;
    log.interactions.retain(|_| {
        place += 1;
        kept[place - 1]
    });
    place = 0;
    parts.retain(|_| {
        place += 1;
        kept[place - 1]
    });
    before - parts.len()
}

/// `neighbours = 20, shrink = 10`.
fn brief(trial: &Trial) -> String {
    trial.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

/// An error that stands for all models' failing.
pub fn all_failed(results: &Results) -> Error {
    let first = results.models.iter().find_map(|model| model.failure.clone()).unwrap_or_default();
    Error { exit: Exit::Nothing, message: format!("no model could be fitted; the first: {first}"), help: None }
}
