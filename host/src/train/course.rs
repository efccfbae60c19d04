//! The host's side of a training: the folder, the items, the worker, and what people see meanwhile.

use super::divergence;
use super::job::{TrainJob, TrainNews, items_file};
use super::log::Validation;
use super::plan::{TrainPlan, TrainResult};
use super::resolve::{Resolved, TrainRequest, resolve};
use crate::catalogue::SplitRequest;
use crate::energy::{Energy, Meter, energy_of};
use crate::error::{Error, Result};
use crate::eval::{one_answer, prepared_items};
use crate::progress::{Bar, Reporter};
use crate::registry::{Lock, Registry};
use crate::run::{Found, RunLock, Shard, clear_unfinished, replace_file, write_items};
use crate::stop;
use crate::worker::{Command, Death, Event, Reply, Worker};
use plugin_api::TrainerDescription;
use std::path::{Path, PathBuf};

/// What a training came to, and where it lies.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Trained {
    pub folder: PathBuf,
    pub adapter: PathBuf,
    #[serde(flatten)]
    pub result: TrainResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kwh: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kg_co2e: Option<f64>,
}

impl Trained {
    /// What lies in the folder of a finished training; none if it is not finished.
    pub fn read(folder: &Path) -> Option<Trained> {
        let result = TrainResult::read(folder)?;
        let energy = energy_of(folder);
        Some(Trained {
            folder: folder.to_owned(),
            adapter: folder.join("adapter"),
            result,
            kwh: energy.as_ref().map(|energy| energy.kwh),
            kg_co2e: energy.map(|energy| energy.kg_co2e),
        })
    }
}

/// Trains, goes on with a training, or finds it finished. None if this process was asked to stop before the end; what is done is saved.
///
/// # Errors
/// Names and options that make no sense; a folder with another training; whatever stopped the training, with how to go on. Where the trainer
/// was never ready the folder is left as it was found.
pub fn train(registry: &Registry, lock: &Lock, request: &TrainRequest, reporter: &Reporter) -> Result<Option<Trained>> {
    let resolved = resolve(registry, lock, request)?;
    resolved.check_digests()?;
    let say = |text: &str| reporter.note(text);
    // A folder that is refused gets no lock either.
    resolved.plan.check(&request.out, request.resume)?;
    let found = Found::in_folder(&request.out);
    let _held = RunLock::wait_for(&request.out, Shard::WHOLE, None, request.patience, say)?;
    let begins = TrainPlan::read(&request.out)?.is_none();
    resolved.plan.adopt(&request.out, request.resume)?;
    clear_unfinished(&request.out);
    if let Some(trained) = Trained::read(&request.out) {
        reporter.note(&format!("{}: the training is finished", request.out.display()));
        return Ok(Some(trained));
    }
    let meter = Meter::start(registry.energy());
    let mut device = Vec::new();
    let done =
        list_items(&resolved, request, reporter).and_then(|()| follow(&resolved.job, request, reporter, &mut device));
    // Refused before there was a trainer: the folder is free for a training with other options.
    if begins && device.is_empty() && done.is_err() {
        found.restore();
        return done.map(|_| None);
    }
    // What was used was used, whatever came of it.
    let recorded = Energy::add(&request.out, "", registry.energy(), meter.stop(&device));
    let finished = done?;
    recorded?;
    if !finished {
        return Ok(None);
    }
    let trained = Trained::read(&request.out);
    if let Some(remark) = trained.as_ref().and_then(|trained| divergence::remark(&request.out, &trained.result)) {
        reporter.warn(&remark);
    }
    trained.map(Some).ok_or_else(|| Error::failed(format!("{} has no result.json", request.out.display())))
}

/// Writes the items of the two splits into the folder, once.
pub(super) fn list_items(resolved: &Resolved, request: &TrainRequest, reporter: &Reporter) -> Result<()> {
    let options = &request.options;
    let mut parts = vec![("train", &options.train_split, options.limit)];
    if options.validates() {
        parts.push(("validation", &options.validation_split, options.validation_limit));
    }
    for (part, split, limit) in parts {
        let file = items_file(&request.out, part);
        if file.is_file() {
            continue;
        }
        let without = |error: Error| match part {
            "validation" => Error {
                help: Some("name another --validation-split, or `none` to train without validation".to_owned()),
                ..error.context("nothing can be validated")
            },
            _ => error.context("there is nothing to learn"),
        };
        if let Some(prepared) = &resolved.prepared {
            write_items(&file, &prepared_items(prepared, split, limit).map_err(without)?)?;
            continue;
        }
        let command = Command::List {
            dataset: resolved.dataset.clone(),
            request: SplitRequest { split: split.clone(), limit, files: resolved.splits.clone(), undescribed: false },
            dropped_file: items_file(&request.out, &format!("{part}.dropped")),
            items_file: file,
        };
        match one_answer(&command, request.limits, request.threads, reporter)? {
            Ok(Event::Listed { items, dropped }) if dropped > 0 => {
                let file = items_file(&request.out, &format!("{part}.dropped"));
                reporter.note(&format!(
                    "{items} items in split {split}; {dropped} records could not be used, see {}",
                    file.display()
                ));
            }
            Ok(Event::NotSaved(failure)) => return Err(failure.into()),
            Ok(_) => {}
            Err(error) => return Err(without(error)),
        }
    }
    Ok(())
}

/// How a worker ended.
enum Ended {
    Finished,
    Stopped,
    /// It died; whether it had saved a checkpoint.
    Died {
        death: Death,
        saved: bool,
    },
}

/// Starts a worker and follows the training to its end. Where a worker dies another goes on from the last checkpoint, as long as there is a
/// new one each time. False if this process was asked to stop.
fn follow(job: &TrainJob, request: &TrainRequest, reporter: &Reporter, device: &mut Vec<String>) -> Result<bool> {
    // Workers in a row that died without a checkpoint.
    let mut fruitless = 0;
    loop {
        let (death, saved) = match follow_worker(job, request, reporter, device)? {
            Ended::Finished => return Ok(true),
            Ended::Stopped => return Ok(false),
            Ended::Died { death, saved } => (death, saved),
        };
        if stop::requested() {
            return Ok(false);
        }
        fruitless = if saved { 0 } else { fruitless + 1 };
        // What killed it from outside, such as the system for memory, may be gone; what it died of itself comes again.
        if fruitless >= if death.from_outside { 2 } else { 1 } {
            return Err(Error::failed(death.reason)
                .help("no new checkpoint came of it; the same command with --resume goes on from the last one"));
        }
        reporter.warn(&format!("{}; going on from the last checkpoint with a new worker", death.reason));
        clear_unfinished(&request.out);
    }
}

fn follow_worker(
    job: &TrainJob,
    request: &TrainRequest,
    reporter: &Reporter,
    device: &mut Vec<String>,
) -> Result<Ended> {
    let mut worker = Worker::start(request.limits, request.threads)?;
    worker.send(&Command::Train { job: Box::new(job.clone()) })?;
    let mut bar: Option<Bar> = None;
    let (mut saved, mut told, mut stopped) = (false, false, false);
    loop {
        let Some(reply) = worker.next_unless(bar.is_none(), &mut || !told && stop::requested()) else {
            if bar.is_none() {
                // It has done nothing yet that could be saved.
                return Ok(Ended::Stopped);
            }
            worker.send(&Command::Stop)?;
            told = true;
            continue;
        };
        match reply {
            Reply::Event(Event::Training { news }) => match news {
                TrainNews::Ready { description, layers, trainable, done, steps, images_done, images } => {
                    if !device.contains(&description.device) {
                        device.push(description.device.clone());
                    }
                    reporter.note(&ready(&description, layers, trainable, done, steps));
                    let text = serde_json::to_string_pretty(&description).unwrap_or_default() + "\n";
                    replace_file(&job.folder.join("model.json"), text.as_bytes())?;
                    bar = Some(reporter.bar("training images", images_done, images));
                }
                TrainNews::Step(step) => {
                    if let Some(bar) = &bar {
                        bar.advance(step.images);
                    }
                }
                TrainNews::Validated(validation) => reporter.note(&validated(&validation)),
                TrainNews::Saved { .. } => saved = true,
                TrainNews::Stopped { step } => {
                    stopped = true;
                    reporter.note(&format!("asked to stop: saved behind step {step}"));
                }
                TrainNews::LeftOut { id, reason } => reporter.warn(&format!("item {id} is left out: {reason}")),
            },
            Reply::Event(Event::Done) if stopped => return Ok(Ended::Stopped),
            Reply::Event(Event::Done) => return Ok(Ended::Finished),
            Reply::Event(Event::Failed(failure)) => return Err(failure.into()),
            Reply::Event(Event::Log { level, message }) => reporter.plugin(&level, &message),
            Reply::Event(_) => {}
            Reply::Died(death) => return Ok(Ended::Died { death, saved }),
        }
    }
}

fn ready(description: &TrainerDescription, layers: usize, trainable: u64, done: usize, steps: usize) -> String {
    let share = 100.0 * trainable as f64 / description.parameters.max(1) as f64;
    let begin = match done {
        0 => format!("{steps} steps"),
        done => format!("going on behind step {done} of {steps}"),
    };
    format!(
        "{} on {} in {}: {layers} layers adapted, {trainable} parameters ({share:.2} % of the model); {begin}",
        description.architecture, description.device, description.precision
    )
}

fn validated(validation: &Validation) -> String {
    let captions: String =
        validation.captions.iter().map(|(name, value)| format!(", {name} {:.1}", value * 100.0)).collect();
    format!(
        "step {} (epoch {:.1}): validation loss {:.4}{}{captions}",
        validation.step,
        validation.epoch,
        validation.validation_loss,
        if validation.best { ", the best so far" } else { "" }
    )
}
