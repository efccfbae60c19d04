//! Trials: every combination of every model's parameters, each fitted in a worker of its own and saved when it ends.

use super::config::{ModelConfig, unknown_field};
use super::data::Data;
use super::experiment::Experiment;
use super::features::load;
use super::grid::Trial;
use super::trial::{TrialRecord, TrialWork};
use crate::error::{Error, Result};
use crate::loader::Library;
use crate::run::create_folder;
use crate::stop;
use crate::worker::{Command, ComponentSpec, Event, Reply, Worker};
use plugin_api::abi::messages::RecommenderMessage;
use std::time::Instant;

/// A trial of a model, and where its files are.
pub struct Planned<'a> {
    pub model: &'a ModelConfig,
    pub trial: Trial,
    pub work: TrialWork,
}

/// What a trial came to, or why it came to nothing.
pub type Tried = Result<TrialRecord, String>;

impl Experiment<'_> {
    /// All trials, model by model.
    pub fn trials(&self) -> Result<Vec<Planned<'_>>> {
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
    pub fn check(&self, trials: &[Planned<'_>]) -> Result<()> {
        let mut worker = Worker::start(self.request.limits, self.request.threads)?;
        for planned in trials {
            worker.send(&Command::CheckRecommender { recommender: planned.work.recommender.clone() })?;
            let failure = loop {
                let reply = worker.next_unless(true, &mut stop::requested);
                match reply.ok_or_else(stop::stopped)? {
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
                    Reply::Died(_) if stop::requested() => return Err(stop::stopped()),
                    Reply::Died(death) => break Some(Error::failed(death.reason)),
                }
            };
            if let Some(mut error) = failure {
                error.help = error.help.or_else(|| unknown_field(&error.message));
                let trial = brief(&planned.trial);
                let trial = if trial.is_empty() { trial } else { format!(" ({trial})") };
                return Err(error.context(format!("model `{}`{trial}", planned.model.name)));
            }
        }
        Ok(())
    }

    /// Runs what is missing of the trials, each in a worker of its own.
    pub fn fit_all(&self, trials: &[Planned<'_>], data: &Data) -> Result<Vec<Tried>> {
        let open = trials.iter().filter(|planned| planned.work.done().is_none()).count();
        if open > 0 {
            // A folder of features that cannot be used is told before hours are spent on other models.
            for source in self.used_sources() {
                stop::check()?;
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
        let bar = self.reporter.bar("trials", trials.len() - open, trials.len());
        let one = |planned: &Planned<'_>| -> Result<Tried> {
            create_folder(planned.work.record.parent().unwrap_or(&self.run))?;
            if let Some(record) = planned.work.done() {
                return Ok(Ok(record));
            }
            stop::check()?;
            let tried = self.fit(planned)?;
            bar.advance(1);
            if let Err(reason) = &tried {
                self.reporter.warn(&format!("{} ({}): {reason}", planned.model.name, brief(&planned.trial)));
            }
            Ok(tried.and_then(|()| planned.work.done().ok_or_else(|| "its record cannot be read".to_owned())))
        };
        trials.iter().map(one).collect()
    }

    /// One trial; the inner error is a sentence about why it failed. Asked to stop, one that is nearly done may end.
    fn fit(&self, planned: &Planned<'_>) -> Result<Result<(), String>> {
        let mut again = true;
        loop {
            let mut worker = Worker::start(self.request.limits, self.request.threads)?;
            worker.send(&Command::Recommend { work: Box::new(planned.work.clone()) })?;
            let mut asked: Option<Instant> = None;
            let death = loop {
                let mut impatient =
                    || stop::requested() && asked.get_or_insert_with(Instant::now).elapsed() > stop::PATIENCE;
                match worker.next_unless(false, &mut impatient).ok_or_else(stop::stopped)? {
                    Reply::Event(Event::Done) => return Ok(Ok(())),
                    Reply::Event(Event::Failed(failure)) => return Ok(Err(Error::from(failure).to_string())),
                    Reply::Event(Event::Log { level, message }) => self.reporter.plugin(&level, &message),
                    Reply::Event(_) => {}
                    Reply::Died(_) if stop::requested() => return Err(stop::stopped()),
                    Reply::Died(death) => break death,
                }
            };
            if !(death.from_outside && std::mem::take(&mut again)) {
                return Ok(Err(death.reason));
            }
        }
    }
}

/// `neighbours = 20, shrink = 10`.
fn brief(trial: &Trial) -> String {
    trial.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}
