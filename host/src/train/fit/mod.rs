//! The loop, in the worker: load ahead, accumulate, step, validate, save. What it does at step n depends on the checkpoint's state, the
//! seed and n alone, so that a training that was killed and goes on comes to the same numbers. What is measured between steps is in
//! `validation`, where examples come from in `source`.

mod source;
mod validation;

use super::captions;
use super::checkpoints::{Checkpoints, Progress};
use super::events::EventFile;
use super::job::{TrainJob, TrainNews, items_file};
use super::log::{Log, Record, StepRecord, read_log};
use super::loss_plot;
use super::order::Order;
use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::loader::Trainer;
use crate::prepare::Prepared;
use crate::run::{read_items, replace_file, replace_folder};
use crate::stop;
use crate::worker::{Event, Speaker, load_ahead, open_dataset};
use plugin_api::{AdamW, Adaptation, Item};
use source::{Loaded, Source};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Trains to the end, or goes on to it from the last checkpoint. What comes of it lies in the job's folder. Asked to stop, it saves behind
/// the step in hand and says so.
///
/// # Errors
/// Whatever the plugins refuse; a loss or gradient that is not finite, with the batch's ids in `non-finite.json`; a disk that takes no
/// more. The last checkpoint stays as it was.
pub fn fit(job: &TrainJob, speaker: &Speaker) -> Result<()> {
    let say = |news| speaker.say(&Event::Training { news });
    let options = &job.options;
    // Before a model is loaded, and not at the first validation.
    captions::check(&job.metrics)?;
    let train = read_items(&items_file(&job.folder, "train"))?;
    let validation = match options.validates() {
        true => read_items(&items_file(&job.folder, "validation"))?,
        false => Vec::new(),
    };
    let pack = job.packed.as_deref().map(|folder| Prepared::open(folder)?.pack()).transpose()?.flatten();
    let source = Source { dataset: job.dataset.as_ref().map(open_dataset).transpose()?, pack, seed: options.seed };

    let spec = &job.trainer;
    let trainer = spec.library.open()?.trainer(spec.component.as_deref(), &spec.entry, &spec.message)?;
    let (layers, trainable) = adapt(job, &trainer)?;
    let order = Order::new(train.len(), options.batch_size, options.epochs, options.steps, options.seed);
    let checkpoints = Checkpoints::of(&job.folder);
    let progress = match checkpoints.last()? {
        Some((progress, state)) => {
            trainer.load_state(&state)?;
            progress
        }
        None => Progress::default(),
    };
    say(TrainNews::Ready {
        description: trainer.describe()?,
        layers,
        trainable,
        done: progress.step,
        steps: order.steps,
        images_done: order.items_after(progress.step),
        images: order.items_after(order.steps),
    });
    let mut training = Training {
        job,
        schedule: options.schedule(order.steps),
        log: Log::open(&job.folder, &progress)?,
        events: EventFile::create(&job.folder, now())?,
        order,
        trainer,
        source,
        train,
        validation,
        checkpoints,
        progress,
        left_out: BTreeSet::new(),
        say: &say,
    };
    match training.run()? {
        true => training.finish(),
        false => Ok(()),
    }
}

/// Asks the strategy and puts the adapters on. Gives how many layers and parameters that makes.
fn adapt(job: &TrainJob, trainer: &Trainer) -> Result<(usize, u64)> {
    let spec = &job.strategy;
    let strategy = spec.library.open()?.lora_strategy(spec.component.as_deref(), &spec.entry, &spec.message)?;
    let targets = strategy.targets(&trainer.layers()?)?;
    if targets.is_empty() {
        return Err(Error::usage(format!("strategy `{}` chose no layer of the model", job.options.strategy)));
    }
    let text = serde_json::to_string_pretty(&targets).unwrap_or_default() + "\n";
    replace_file(&job.folder.join("targets.json"), text.as_bytes())?;
    let layers = targets.len();
    let trainable = trainer.adapt(&Adaptation {
        targets,
        seed: job.options.seed,
        optimizer: AdamW {
            weight_decay: job.options.weight_decay,
            max_grad_norm: job.options.max_grad_norm,
            ..AdamW::default()
        },
        gradient_checkpointing: job.options.gradient_checkpointing,
        base: Some(job.base.clone()),
    })?;
    Ok((layers, trainable))
}

/// Everything that the loop holds.
struct Training<'a> {
    job: &'a TrainJob,
    order: Order,
    schedule: Schedule,
    trainer: Trainer,
    source: Source,
    train: Vec<Item>,
    validation: Vec<Item>,
    log: Log,
    events: EventFile,
    checkpoints: Checkpoints,
    progress: Progress,
    /// Items that were told to be left out.
    left_out: BTreeSet<String>,
    say: &'a dyn Fn(TrainNews),
}

impl Training<'_> {
    /// To the end; false if it was asked to stop before.
    fn run(&mut self) -> Result<bool> {
        while !self.is_over() {
            // Loaders of training examples rest while validation examples are loaded.
            if !self.progress.awaits_validation {
                let from = self.progress.step;
                let until = self.next_pause(from).min(self.order.steps);
                self.steps(from, until)?;
                self.progress.awaits_validation = self.is_validation(self.progress.step);
            }
            if self.progress.awaits_validation {
                self.validate()?;
            }
            let step = self.progress.step;
            self.log.sync()?;
            self.checkpoints.save(&self.trainer, &self.progress)?;
            (self.say)(TrainNews::Saved { step });
            if stop::requested() && !self.is_over() {
                (self.say)(TrainNews::Stopped { step });
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_over(&self) -> bool {
        let progress = &self.progress;
        !progress.awaits_validation && (progress.stopped_early || progress.step >= self.order.steps)
    }

    /// The next step after `step` with a validation or a checkpoint behind it.
    fn next_pause(&self, step: usize) -> usize {
        let next = |every: usize| (step / every + 1) * every;
        let save = self.job.options.save_every.map_or(usize::MAX, next);
        save.min(next(self.validate_every()))
    }

    fn validate_every(&self) -> usize {
        self.job.options.validate_every.unwrap_or(self.order.steps_of_epoch()).max(1)
    }

    /// The last step is validated too.
    fn is_validation(&self, step: usize) -> bool {
        self.job.options.validates() && (step.is_multiple_of(self.validate_every()) || step == self.order.steps)
    }

    /// The steps from one to another, or to the one in hand when it is asked to stop.
    fn steps(&mut self, from: usize, until: usize) -> Result<()> {
        let micro = self.job.options.micro_batch;
        // What loaders and loop share is taken apart, so that the loop may change the rest.
        let Training { job, order, schedule, trainer, source, train, log, events, progress, left_out, say, .. } = self;
        let load = |number: usize| {
            let step = order.step(from + number);
            source.load(trainer, train, &step.items, micro, step.epoch)
        };
        load_ahead(until - from, job.loaders, load, |take| {
            for step in from..until {
                let waiting = Instant::now();
                let loaded = take(step - from)?;
                let waited = waiting.elapsed().as_secs_f64();
                let working = Instant::now();
                tell_left_out(&loaded, left_out, *say);
                let tokens: u64 = loaded.batches.iter().map(|batch| batch.tokens).sum();
                let images: usize = loaded.items.iter().map(Vec::len).sum();
                if tokens == 0 {
                    return Err(Error::failed(format!(
                        "none of the items of step {} can be learnt: {}",
                        step + 1,
                        loaded.left_out.first().map_or("they have no tokens", |(_, reason)| reason)
                    )));
                }
                let weight = 1.0 / tokens as f64;
                let mut loss = 0.0;
                for (batch, items) in loaded.batches.iter().zip(&loaded.items) {
                    let part = trainer.accumulate(batch.batch, weight).map_err(|error| job.options.advise(error))?;
                    loss += part.sum * weight;
                    if !part.sum.is_finite() {
                        return Err(not_finite(&job.folder, "loss", step, train, items));
                    }
                }
                let learning_rate = schedule.rate(step);
                let grad_norm = trainer.step(learning_rate)?;
                if !grad_norm.is_finite() {
                    let items: Vec<usize> = loaded.items.concat();
                    return Err(not_finite(&job.folder, "gradient", step, train, &items));
                }
                progress.step = step + 1;
                let epoch = order.epochs_after(step + 1);
                let record = StepRecord { step: step + 1, epoch, loss, learning_rate, grad_norm, tokens, images };
                log.add(&Record::Step(record.clone()))?;
                let seconds = working.elapsed().as_secs_f64();
                log.time("step", step + 1, images, waited, seconds);
                let values = [
                    ("loss", loss),
                    ("learning-rate", learning_rate),
                    ("gradient-norm", grad_norm),
                    ("images-per-second", images as f64 / (waited + seconds).max(1e-9)),
                ];
                events.scalars(now(), step + 1, &values)?;
                say(TrainNews::Step(record));
                if stop::requested() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Puts the best adapter and the plot in their places.
    fn finish(&self) -> Result<()> {
        let folder = &self.job.folder;
        self.checkpoints.tidy()?;
        if let Some(best) = self.checkpoints.best_adapter()? {
            replace_folder(&folder.join("adapter"), |aside| copy_files(&best, aside))?;
        }
        let plot = loss_plot::draw(&read_log(&folder.join("log.jsonl"))?);
        replace_file(&folder.join("loss.svg"), plot.as_bytes())?;
        let result =
            super::plan::TrainResult::of(&self.progress, self.order.steps, self.order.epochs_after(self.progress.step));
        result.write(folder)
    }
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from).map_err(|error| Error::io("read", from, &error))? {
        let entry = entry.map_err(|error| Error::io("read", from, &error))?;
        let target = to.join(entry.file_name());
        std::fs::copy(entry.path(), &target).map_err(|error| Error::io("write", &target, &error))?;
    }
    Ok(())
}

fn tell_left_out(loaded: &Loaded, told: &mut BTreeSet<String>, say: &dyn Fn(TrainNews)) {
    for (id, reason) in &loaded.left_out {
        if told.insert(id.clone()) {
            say(TrainNews::LeftOut { id: id.clone(), reason: reason.clone() });
        }
    }
}

/// Saves which items they were and says so.
fn not_finite(folder: &Path, what: &str, step: usize, all: &[Item], items: &[usize]) -> Error {
    let ids: Vec<&str> = items.iter().map(|place| all[*place].id.as_str()).collect();
    let path = folder.join("non-finite.json");
    let text = serde_json::json!({ "step": step + 1, "what": what, "items": ids });
    let saved = replace_file(&path, format!("{text:#}\n").as_bytes());
    let error = Error::failed(format!("the {what} of step {} is not finite: items {}", step + 1, ids.join(", ")));
    let help = "look at those items, or try a lower --learning-rate, --warmup or --max-grad-norm 1 in a new folder";
    match saved {
        Ok(()) => error.help(format!("{help}; their ids are in {}", path.display())),
        Err(_) => error.help(help),
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
