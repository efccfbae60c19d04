//! One device and the worker on it: loads a model, captions parts of its cells, and starts another worker when one dies. A part where three
//! items in a row kill their workers ends its cell, and nothing is recorded of them: it may be the worker that cannot live.

use super::devices::Seat;
use super::part::{Files, PartWork};
use super::resolve::ResolvedDataset;
use super::{Request, item_seed};
use crate::error::{Error, Result};
use crate::prepare::Prepared;
use crate::progress::{Bar, Reporter};
use crate::run::{Outcome, RunDir, replace_file};
use crate::stop;
use crate::worker::{CaptionItem, CaptionResult, Command, ComponentSpec, Death, Event, ImagePlace, Reply, Worker};
use plugin_api::Item;
use plugin_api::abi::messages::CaptionerMessage;
use std::time::Instant;

/// Items in a row that may kill a worker; then the cell is given up.
const MOST_DEATHS: usize = 3;
/// Deaths while loading, after which a model is given up.
const MOST_LOAD_DEATHS: usize = 2;
/// Loader threads of a worker.
const LOADERS: usize = 4;
/// Batches that a worker may have in hand at its death: the one on the device and those being loaded.
const IN_HAND: usize = 5;

/// A device with one model on it, or about to be.
pub struct Station<'a> {
    pub name: &'a str,
    pub spec: &'a ComponentSpec<CaptionerMessage>,
    pub seat: &'a Seat,
    pub run: &'a RunDir,
    pub request: &'a Request,
    pub reporter: &'a Reporter,
    /// Is work to be ended early?
    pub halted: &'a (dyn Fn() -> bool + Sync),
    pub worker: Option<Worker>,
    /// Seconds of the last loading, until somebody takes note.
    pub load_seconds: Option<f64>,
}

/// How a part ended.
pub enum Ended {
    Done,
    /// The cell cannot be finished, and why.
    GivenUp(String),
    /// The model cannot be loaded here, and why; and whether for how it was asked for.
    NotLoaded {
        reason: String,
        configuration: bool,
    },
    /// It was to end early: what is saved is saved.
    Halted,
}

impl Station<'_> {
    /// Captions a part to its end. An error ends the run (a full disk).
    pub fn caption(
        &mut self,
        dataset: &ResolvedDataset,
        part: &mut PartWork<'_>,
        files: &mut Files,
        bar: &Bar,
    ) -> Result<Ended> {
        while part.pending.len() > part.killers.len() {
            let worker = match self.worker.take() {
                Some(worker) => worker,
                None => match self.load()? {
                    Loaded::Worker(worker) => *worker,
                    Loaded::Not { reason, configuration } => return Ok(Ended::NotLoaded { reason, configuration }),
                    Loaded::Halted => return Ok(Ended::Halted),
                },
            };
            match self.work(worker, dataset, part, files, bar)? {
                Work::Done(worker) => self.worker = Some(*worker),
                Work::Halted => return Ok(Ended::Halted),
                Work::Refused(worker, reason) => {
                    self.worker = Some(*worker);
                    return Ok(Ended::GivenUp(reason));
                }
                Work::Died(_) if (self.halted)() => return Ok(Ended::Halted),
                Work::Died(Death { reason, from_outside, .. }) if part.suspects > 0 => {
                    let index = part.pending[part.killers.len()];
                    if from_outside && part.retried.replace(index) != Some(index) {
                        self.reporter.warn(&format!("{}: {reason}; going on with a new worker", self.name));
                        continue;
                    }
                    self.reporter
                        .warn(&format!("item {} ended a worker twice and is left out: {reason}", part.items[index].id));
                    if part.killers.len() + 1 == MOST_DEATHS {
                        let reason = format!("given up after {MOST_DEATHS} items in a row; the last: {reason}");
                        return Ok(Ended::GivenUp(reason));
                    }
                    part.killers.push(CaptionResult { index, outcome: Outcome::Failed { error: reason } });
                }
                Work::Died(Death { reason, .. }) => {
                    self.reporter.warn(&format!("{}: {reason}; going on with a new worker", self.name));
                    part.suspects = (IN_HAND * self.request.batch_size).min(part.pending.len());
                }
            }
        }
        if !part.killers.is_empty() {
            bar.advance(part.save(Vec::new(), files)?);
        }
        Ok(Ended::Done)
    }

    /// Sends what is pending (suspects one at a time) and saves what comes.
    fn work(
        &self,
        mut worker: Worker,
        dataset: &ResolvedDataset,
        part: &mut PartWork<'_>,
        files: &mut Files,
        bar: &Bar,
    ) -> Result<Work> {
        let count = if part.suspects > 0 { 1 } else { part.pending.len() };
        let pack = dataset.prepared.as_ref().map(Prepared::pack).transpose()?.flatten();
        let place_of = |item: &Item| match pack.as_ref().and_then(|pack| Some((pack, pack.place(&item.id)?))) {
            Some((pack, (offset, bytes))) => ImagePlace::Packed { pack: pack.pack.clone(), offset, bytes },
            None => ImagePlace::Locator(item.image.clone()),
        };
        let items = part.pending.iter().skip(part.killers.len()).take(count).map(|place| {
            let item = &part.items[*place];
            CaptionItem { index: *place, image: place_of(item), seed: item_seed(self.request.seed, &item.id) }
        });
        worker.send(&Command::Caption {
            // A pack stands for the vendor's files, which need not be there.
            dataset: pack.is_none().then(|| dataset.spec.clone()),
            items: items.collect(),
            batch_size: self.request.batch_size,
            loaders: LOADERS,
        })?;
        let mut asked: Option<Instant> = None;
        loop {
            let mut impatient = || (self.halted)() && asked.get_or_insert_with(Instant::now).elapsed() > stop::PATIENCE;
            match worker.next_unless(false, &mut impatient) {
                None => return Ok(Work::Halted),
                Some(Reply::Event(Event::Captions { results, timing })) => {
                    let items = results.len();
                    bar.advance(part.save(results, files)?);
                    files.note_timing(items, &timing);
                    if (self.halted)() {
                        return Ok(Work::Halted);
                    }
                }
                Some(Reply::Event(Event::Done)) => return Ok(Work::Done(Box::new(worker))),
                Some(Reply::Event(Event::Failed(failure))) => {
                    return Ok(Work::Refused(Box::new(worker), Error::from(failure).to_string()));
                }
                Some(Reply::Event(Event::Log { level, message })) => self.reporter.plugin(&level, &message),
                Some(Reply::Event(_)) => {}
                Some(Reply::Died(death)) => return Ok(Work::Died(death)),
            }
        }
    }

    /// Starts a worker and loads the model into it.
    fn load(&mut self) -> Result<Loaded> {
        let mut captioner = self.spec.clone();
        captioner.message.threads = self.seat.threads;
        let mut deaths = 0;
        loop {
            let started = Instant::now();
            let mut worker = Worker::start_on(self.request.limits, self.seat.threads, self.seat.gpu.as_deref())?;
            worker.send(&Command::Load { captioner: captioner.clone() })?;
            let death = loop {
                match worker.next_unless(true, &mut || (self.halted)()) {
                    None => return Ok(Loaded::Halted),
                    Some(Reply::Event(Event::Loaded { description })) => {
                        let text = serde_json::to_string_pretty(&description).unwrap_or_default() + "\n";
                        replace_file(&self.run.model_file(self.name), text.as_bytes())?;
                        self.load_seconds = Some(started.elapsed().as_secs_f64());
                        return Ok(Loaded::Worker(Box::new(worker)));
                    }
                    Some(Reply::Event(Event::Failed(failure))) => {
                        let configuration = failure.usage;
                        let reason = format!("the model cannot be loaded: {}", Error::from(failure));
                        return Ok(Loaded::Not { reason, configuration });
                    }
                    Some(Reply::Event(Event::Log { level, message })) => self.reporter.plugin(&level, &message),
                    Some(Reply::Event(_)) => {}
                    Some(Reply::Died(_)) if (self.halted)() => return Ok(Loaded::Halted),
                    Some(Reply::Died(death)) => break death,
                }
            };
            deaths += 1;
            if deaths >= MOST_LOAD_DEATHS {
                let reason = format!("the model cannot be loaded: {}", death.reason);
                return Ok(Loaded::Not { reason, configuration: false });
            }
        }
    }
}

enum Loaded {
    Worker(Box<Worker>),
    Not { reason: String, configuration: bool },
    Halted,
}

/// How a command to caption ended.
enum Work {
    Done(Box<Worker>),
    /// The worker lives and says that this cannot be done.
    Refused(Box<Worker>, String),
    Died(Death),
    Halted,
}
