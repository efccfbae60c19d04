//! Captioning every cell: a worker a model, dataset after dataset, restarted when it dies. An item that kills a worker twice is
//! recorded as failed; a cell where three items in a row do so is given up, and nothing is recorded of them: it may be the worker
//! that cannot live.

use super::{FailedCell, Items, Request, Resolved, resolve::ResolvedDataset};
use crate::error::{Error, Result};
use crate::prepare::Prepared;
use crate::progress::{Bar, Reporter};
use crate::run::{CellFailure, Outcome, Prediction, PredictionWriter, RunDir, replace_file};
use crate::worker::{CaptionItem, CaptionResult, Command, ComponentSpec, Death, Event, ImagePlace, Reply, Worker};
use plugin_api::Item;
use plugin_api::abi::messages::CaptionerMessage;
use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};
use std::fs::OpenOptions;
use std::io::Write;

/// Items in a row that may kill a worker; then the cell is given up.
const MOST_DEATHS: usize = 3;
/// Deaths while loading, after which a model is given up.
const MOST_LOAD_DEATHS: usize = 2;
/// Loader threads of a worker.
const LOADERS: usize = 4;
/// Batches that a worker may have in hand at its death: the one on the device and those being loaded.
const IN_HAND: usize = 5;

/// Captions what is missing of every cell.
pub fn caption_all(
    run: &RunDir,
    resolved: &Resolved,
    request: &Request,
    items: &Items,
    reporter: &Reporter,
    failed: &mut Vec<FailedCell>,
) -> Result<()> {
    for (name, spec) in &resolved.models {
        let mut model = Model { name, spec, run, request, reporter, worker: None };
        for dataset in resolved.datasets.iter().filter(|dataset| resolved.plan.has_cell(&dataset.name, name)) {
            let Some(items) = items.get(&dataset.name) else { continue };
            let mut cell = Cell::open(run, request, &dataset.name, name, items)?;
            match model.caption(dataset, &mut cell)? {
                Ok(()) => run.clear_failure(&dataset.name, name, request.shard),
                Err(reason) => {
                    reporter.warn(&format!("{name} on {}: {reason}", dataset.name));
                    run.set_failure(&dataset.name, name, request.shard, &CellFailure { reason: reason.clone() })?;
                    let (dataset, model) = (dataset.name.clone(), name.clone());
                    failed.push(FailedCell { dataset, model, metric: None, reason });
                }
            }
        }
    }
    Ok(())
}

/// One model on one dataset: what is left to do, and where it goes.
struct Cell<'a> {
    items: &'a [Item],
    /// Places in `items`, in order.
    pending: VecDeque<usize>,
    done: usize,
    writer: PredictionWriter,
    /// Items at the front of `pending` that were in a dead worker's hands and are now tried alone.
    suspects: usize,
    /// The first of them that killed a worker alone too. They are saved once a worker lives through a later item.
    killers: Vec<CaptionResult>,
    /// The suspect that is tried alone once more, since its worker was killed from outside.
    retried: Option<usize>,
    captioned: usize,
    last_error: Option<String>,
    timing: Option<std::fs::File>,
}

impl<'a> Cell<'a> {
    fn open(run: &RunDir, request: &Request, dataset: &str, model: &str, items: &'a [Item]) -> Result<Cell<'a>> {
        let (writer, saved) = PredictionWriter::open(&run.predictions_file(dataset, model, request.shard))?;
        let known: HashSet<&str> = saved.iter().map(|prediction| prediction.id.as_str()).collect();
        let of_shard = || (0..items.len()).filter(|place| request.shard.holds(*place));
        let pending: VecDeque<usize> = of_shard().filter(|place| !known.contains(items[*place].id.as_str())).collect();
        let captioned = saved.iter().filter(|prediction| matches!(prediction.outcome, Outcome::Caption { .. })).count();
        let last_error = saved.iter().rev().find_map(|prediction| match &prediction.outcome {
            Outcome::Failed { error } => Some(error.clone()),
            Outcome::Caption { .. } => None,
        });
        // Times are no part of what must be reproducible; without them the run goes on.
        let timing = OpenOptions::new().create(true).append(true).open(run.timing_file(dataset, model)).ok();
        Ok(Cell {
            items,
            done: of_shard().count() - pending.len(),
            pending,
            writer,
            suspects: 0,
            killers: Vec::new(),
            retried: None,
            captioned,
            last_error,
            timing,
        })
    }

    /// Saves results, which come in the order of `pending`, and the killers before them.
    fn save(&mut self, results: Vec<CaptionResult>) -> Result<()> {
        let mut batch = Vec::with_capacity(results.len());
        for result in std::mem::take(&mut self.killers).into_iter().chain(results) {
            if self.pending.pop_front() != Some(result.index) {
                return Err(Error::failed("a worker gave its results in another order than asked for"));
            }
            match &result.outcome {
                Outcome::Caption { .. } => self.captioned += 1,
                Outcome::Failed { error } => self.last_error = Some(error.clone()),
            }
            batch.push(Prediction { id: self.items[result.index].id.clone(), outcome: result.outcome });
        }
        self.done += batch.len();
        self.suspects = self.suspects.saturating_sub(batch.len());
        self.writer.append(&batch)
    }
}

/// A model and its worker, if one lives.
struct Model<'a> {
    name: &'a str,
    spec: &'a ComponentSpec<CaptionerMessage>,
    run: &'a RunDir,
    request: &'a Request,
    reporter: &'a Reporter,
    worker: Option<Worker>,
}

impl Model<'_> {
    /// Captions a cell to its end. The inner error is why the cell failed; the outer one ends the run (a full disk).
    fn caption(&mut self, dataset: &ResolvedDataset, cell: &mut Cell<'_>) -> Result<Result<(), String>> {
        let bar =
            self.reporter.bar(&format!("{} on {}", self.name, dataset.name), cell.done, cell.done + cell.pending.len());
        while cell.pending.len() > cell.killers.len() {
            let worker = match self.worker.take() {
                Some(worker) => worker,
                None => match self.load()? {
                    Ok(worker) => worker,
                    Err(reason) => return Ok(Err(reason)),
                },
            };
            match self.work(worker, dataset, cell, &bar)? {
                Work::Done(worker) => self.worker = Some(worker),
                Work::Refused(worker, reason) => {
                    self.worker = Some(worker);
                    return Ok(Err(reason));
                }
                Work::Died(Death { reason, from_outside }) if cell.suspects > 0 => {
                    let index = cell.pending[cell.killers.len()];
                    if from_outside && cell.retried.replace(index) != Some(index) {
                        self.reporter.warn(&format!("{}: {reason}; going on with a new worker", self.name));
                        continue;
                    }
                    self.reporter
                        .warn(&format!("item {} ended a worker twice and is left out: {reason}", cell.items[index].id));
                    if cell.killers.len() + 1 == MOST_DEATHS {
                        return Ok(Err(format!("given up after {MOST_DEATHS} items in a row; the last: {reason}")));
                    }
                    cell.killers.push(CaptionResult { index, outcome: Outcome::Failed { error: reason } });
                }
                Work::Died(Death { reason, .. }) => {
                    self.reporter.warn(&format!("{}: {reason}; going on with a new worker", self.name));
                    cell.suspects = (IN_HAND * self.request.batch_size).min(cell.pending.len());
                }
            }
        }
        if !cell.killers.is_empty() {
            cell.save(Vec::new())?;
        }
        match &cell.last_error {
            Some(error) if cell.captioned == 0 => Ok(Err(CellFailure::none_captioned(error).reason)),
            _ => Ok(Ok(())),
        }
    }

    /// Sends what is pending (suspects one at a time) and saves what comes.
    fn work(&self, mut worker: Worker, dataset: &ResolvedDataset, cell: &mut Cell<'_>, bar: &Bar) -> Result<Work> {
        let count = if cell.suspects > 0 { 1 } else { cell.pending.len() };
        let pack = dataset.prepared.as_ref().map(Prepared::pack).transpose()?.flatten();
        let place_of = |item: &Item| match pack.as_ref().and_then(|pack| Some((pack, pack.place(&item.id)?))) {
            Some((pack, (offset, bytes))) => ImagePlace::Packed { pack: pack.pack.clone(), offset, bytes },
            None => ImagePlace::Locator(item.image.clone()),
        };
        let items = cell.pending.iter().skip(cell.killers.len()).take(count).map(|place| {
            let item = &cell.items[*place];
            CaptionItem { index: *place, image: place_of(item), seed: item_seed(self.request.seed, &item.id) }
        });
        worker.send(&Command::Caption {
            // A pack stands for the vendor's files, which need not be there.
            dataset: pack.is_none().then(|| dataset.spec.clone()),
            items: items.collect(),
            batch_size: self.request.batch_size,
            loaders: LOADERS,
        })?;
        loop {
            match worker.next(false) {
                Reply::Event(Event::Captions { results, timing }) => {
                    let items = results.len();
                    cell.save(results)?;
                    bar.advance(items);
                    if let Some(file) = &mut cell.timing {
                        let line = serde_json::json!({ "items": items, "timing": timing });
                        let _ = writeln!(file, "{line}");
                    }
                }
                Reply::Event(Event::Done) => return Ok(Work::Done(worker)),
                Reply::Event(Event::Failed(failure)) => {
                    return Ok(Work::Refused(worker, Error::from(failure).to_string()));
                }
                Reply::Event(Event::Log { level, message }) => self.reporter.plugin(&level, &message),
                Reply::Event(_) => {}
                Reply::Died(death) => return Ok(Work::Died(death)),
            }
        }
    }

    /// Starts a worker and loads the model into it.
    fn load(&self) -> Result<Result<Worker, String>> {
        let mut deaths = 0;
        loop {
            let mut worker = Worker::start(self.request.limits, self.request.threads)?;
            worker.send(&Command::Load { captioner: self.spec.clone() })?;
            let death = loop {
                match worker.next(true) {
                    Reply::Event(Event::Loaded { description }) => {
                        let text = serde_json::to_string_pretty(&description).unwrap_or_default() + "\n";
                        replace_file(&self.run.model_file(self.name), text.as_bytes())?;
                        return Ok(Ok(worker));
                    }
                    Reply::Event(Event::Failed(failure)) => {
                        return Ok(Err(format!("the model cannot be loaded: {}", Error::from(failure))));
                    }
                    Reply::Event(Event::Log { level, message }) => self.reporter.plugin(&level, &message),
                    Reply::Event(_) => {}
                    Reply::Died(death) => break death,
                }
            };
            deaths += 1;
            if deaths >= MOST_LOAD_DEATHS {
                return Ok(Err(format!("the model cannot be loaded: {}", death.reason)));
            }
        }
    }
}

/// How a command to caption ended.
enum Work {
    Done(Worker),
    /// The worker lives and says that this cannot be done.
    Refused(Worker, String),
    Died(Death),
}

/// An item's seed: the same for any batch, shard or order.
pub fn item_seed(seed: u64, id: &str) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(id.as_bytes()).finalize();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(bytes)
}
