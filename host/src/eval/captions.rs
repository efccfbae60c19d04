//! Captioning what is missing of every cell: devices take parts of cells from one queue, each by a thread that minds the worker there.
//! Where several devices share a cell, each has a file of its own, and the cell's end joins them in the items' order.

use super::devices::{Seat, seats, visible_gpus};
use super::part::{Files, PartWork, Tally};
use super::queue::{Next, Part, Queue};
use super::resolve::ResolvedDataset;
use super::station::{Ended, Station};
use super::{AUTOMATIC_BATCH, FailedCell, Items, Request, Resolved};
use crate::error::Result;
use crate::models::automatic_batch;
use crate::progress::{Bar, Reporter};
use crate::registry::weights_bytes;
use crate::run::{CellFailure, Prediction, PredictionWriter, RunDir, merge, read_predictions};
use crate::stop;
use plugin_api::Item;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::fs::OpenOptions;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Captions what is missing of every cell, or until this process is asked to stop.
pub fn caption_all(
    run: &RunDir,
    resolved: &Resolved,
    request: &Request,
    items: &Items,
    reporter: &Reporter,
    failed: &mut Vec<FailedCell>,
) -> Result<()> {
    let seats = seats(request.jobs, request.device, request.threads, &visible_gpus());
    let (mut cells, mut pending) = (Vec::new(), Vec::new());
    for (model, (name, _)) in resolved.models.iter().enumerate() {
        for dataset in resolved.datasets.iter().filter(|dataset| resolved.plan.has_cell(&dataset.name, name)) {
            let Some(items) = items.get(&dataset.name) else { continue };
            let (cell, missing) = CellWork::open(run, request, dataset, model, name, items)?;
            cells.push(cell);
            pending.push((model, missing));
        }
    }
    let request = &Request { batch_size: batch_size(resolved, request, &pending, reporter), ..request.clone() };
    let weights: Vec<u64> = resolved.models.iter().map(|(_, spec)| weights_bytes(&spec.message.weights)).collect();
    let nothing_left: Vec<bool> = pending.iter().map(|(_, missing)| missing.is_empty()).collect();
    let captioning = Captioning {
        run,
        resolved,
        request,
        reporter,
        queue: Mutex::new(Queue::new(&weights, pending, seats.len(), request.batch_size)),
        cells,
        seats,
        changed: Condvar::new(),
        broken: AtomicBool::new(false),
    };
    for (cell, _) in nothing_left.iter().enumerate().filter(|(_, nothing_left)| **nothing_left) {
        captioning.finish(cell)?;
    }
    std::thread::scope(|scope| {
        let captioning = &captioning;
        let threads: Vec<_> =
            (0..captioning.seats.len()).map(|seat| scope.spawn(move || captioning.work_at(seat))).collect();
        let ends: Vec<Result<()>> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        ends.into_iter().collect::<Result<()>>()
    })?;
    for cell in captioning.cells {
        let state = cell.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = state.failure {
            failed.push(FailedCell {
                dataset: cell.dataset.name.clone(),
                model: cell.name.to_owned(),
                metric: None,
                reason,
                configuration: state.configuration,
            });
        }
    }
    Ok(())
}

/// What was asked for; of [`AUTOMATIC_BATCH`], what fits for every model that has something left to caption.
fn batch_size(
    resolved: &Resolved,
    request: &Request,
    pending: &[(usize, VecDeque<usize>)],
    reporter: &Reporter,
) -> usize {
    if request.batch_size != AUTOMATIC_BATCH {
        return request.batch_size;
    }
    let working = |model: usize| pending.iter().any(|(of, missing)| *of == model && !missing.is_empty());
    let models = resolved.models.iter().enumerate().filter(|(model, _)| working(*model));
    models.map(|(_, (_, spec))| automatic_batch(spec, request.limits, reporter)).min().unwrap_or(1)
}

/// One model on one dataset.
struct CellWork<'a> {
    model: usize,
    name: &'a str,
    dataset: &'a ResolvedDataset,
    items: &'a [Item],
    /// Items of this shard that were done before, and all of them.
    done: usize,
    total: usize,
    state: Mutex<CellState>,
}

#[derive(Default)]
struct CellState {
    tally: Tally,
    bar: Option<Arc<Bar>>,
    failure: Option<String>,
    /// Is the failure for how it was asked for?
    configuration: bool,
}

impl<'a> CellWork<'a> {
    /// Finds what is missing of a cell. What any file of it holds is done, however the work was divided then.
    fn open(
        run: &RunDir,
        request: &Request,
        dataset: &'a ResolvedDataset,
        model: usize,
        name: &'a str,
        items: &'a [Item],
    ) -> Result<(CellWork<'a>, VecDeque<usize>)> {
        let mut known: HashMap<String, Prediction> = HashMap::new();
        for file in run.prediction_files(&dataset.name, name)? {
            known.extend(read_predictions(&file)?.0.into_iter().map(|prediction| (prediction.id.clone(), prediction)));
        }
        let (mut missing, mut state, mut total) = (VecDeque::new(), CellState::default(), 0);
        for (place, item) in items.iter().enumerate().filter(|(place, _)| request.shard.holds(*place)) {
            total += 1;
            match known.get(&item.id) {
                Some(prediction) => state.tally.note(place, &prediction.outcome),
                None => missing.push_back(place),
            }
        }
        let done = total - missing.len();
        Ok((CellWork { model, name, dataset, items, done, total, state: Mutex::new(state) }, missing))
    }

    fn state(&self) -> MutexGuard<'_, CellState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bar(&self, reporter: &Reporter) -> Arc<Bar> {
        let title = || format!("{} on {}", self.name, self.dataset.name);
        let mut state = self.state();
        Arc::clone(state.bar.get_or_insert_with(|| Arc::new(reporter.bar(&title(), self.done, self.total))))
    }
}

/// All that the devices share.
struct Captioning<'a> {
    run: &'a RunDir,
    resolved: &'a Resolved,
    request: &'a Request,
    reporter: &'a Reporter,
    seats: Vec<Seat>,
    cells: Vec<CellWork<'a>>,
    queue: Mutex<Queue>,
    /// Told whenever a device ends a part.
    changed: Condvar,
    /// An error on one device ends the run on all.
    broken: AtomicBool,
}

impl<'a> Captioning<'a> {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn halted(&self) -> bool {
        self.broken.load(Ordering::Relaxed) || stop::requested()
    }

    fn work_at(&self, seat: usize) -> Result<()> {
        let worked = self.work_through(seat);
        if worked.is_err() {
            self.broken.store(true, Ordering::Relaxed);
        }
        self.changed.notify_all();
        worked
    }

    fn next(&self, seat: usize) -> Option<Part> {
        let mut queue = self.queue();
        loop {
            if self.halted() {
                return None;
            }
            match queue.take(seat) {
                Next::Part(part) => return Some(part),
                Next::End => return None,
                Next::Wait => {
                    let waited = self.changed.wait_timeout(queue, Duration::from_millis(100));
                    queue = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn work_through(&self, seat: usize) -> Result<()> {
        let halted = || self.halted();
        let mut station: Option<(usize, Station<'_>)> = None;
        let mut files: HashMap<usize, Files> = HashMap::new();
        while let Some(part) = self.next(seat) {
            let cell = &self.cells[part.cell];
            if station.as_ref().is_none_or(|(model, _)| *model != cell.model) {
                // The worker's end gives back the device's memory before the next model is loaded.
                drop(station.take());
                files.clear();
            }
            let (_, station) = station.get_or_insert_with(|| (cell.model, self.station(seat, cell.model, &halted)));
            let open = match files.entry(part.cell) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => entry.insert(self.files(cell, seat)?),
            };
            let bar = cell.bar(self.reporter);
            let mut work = PartWork::new(cell.items, part.items.clone());
            let started = Instant::now();
            let ended = station.caption(cell.dataset, &mut work, open, &bar)?;
            drop(bar);
            cell.state().tally.add(&work.tally);
            let load_seconds = station.load_seconds.take();
            let seconds = started.elapsed().as_secs_f64() - load_seconds.unwrap_or(0.0);
            if let Some(load_seconds) = load_seconds {
                self.queue().loaded(cell.model, load_seconds);
            }
            match ended {
                Ended::Done => {
                    let last = self.queue().done(part.cell, part.items.len(), seconds);
                    if last {
                        self.finish(part.cell)?;
                    }
                }
                Ended::GivenUp(reason) => {
                    let mut queue = self.queue();
                    queue.drop_part(part.cell);
                    queue.give_up(part.cell);
                    drop(queue);
                    self.fail(part.cell, reason, false)?;
                }
                Ended::NotLoaded { reason, configuration } => {
                    let mut queue = self.queue();
                    let rest = Part { cell: part.cell, items: work.pending.into() };
                    let nobody = queue.refuse(seat, rest);
                    // Where it was never loaded, others would fail at it in the same way.
                    if nobody || !queue.was_loaded(cell.model) {
                        let of_model = |number: &usize| self.cells[*number].model == cell.model;
                        let lost: Vec<usize> =
                            (0..self.cells.len()).filter(of_model).filter(|number| queue.give_up(*number)).collect();
                        drop(queue);
                        for number in lost {
                            self.fail(number, reason.clone(), configuration)?;
                        }
                    } else {
                        self.reporter.warn(&format!("{}: {reason}; other workers go on with it", cell.name));
                    }
                }
                Ended::Halted => {
                    self.queue().drop_part(part.cell);
                    return Ok(());
                }
            }
            self.changed.notify_all();
        }
        Ok(())
    }

    fn station<'s>(&'s self, seat: usize, model: usize, halted: &'s (dyn Fn() -> bool + Sync)) -> Station<'s> {
        let (name, spec) = &self.resolved.models[model];
        Station {
            name,
            spec,
            seat: &self.seats[seat],
            run: self.run,
            request: self.request,
            reporter: self.reporter,
            halted,
            worker: None,
            load_seconds: None,
        }
    }

    /// A device's own file of a cell, where there are several devices; else the shard's.
    fn files(&self, cell: &CellWork<'_>, seat: usize) -> Result<Files> {
        let (run, dataset, shard) = (self.run, &cell.dataset.name, self.request.shard);
        let path = match self.seats.len() {
            1 => run.predictions_file(dataset, cell.name, shard),
            _ => run.part_file(dataset, cell.name, shard, seat),
        };
        let (predictions, _) = PredictionWriter::open(&path)?;
        let timing = run.shard_timing_file(dataset, cell.name, shard);
        Ok(Files { predictions, timing: OpenOptions::new().create(true).append(true).open(timing).ok() })
    }

    /// All items of the cell were tried: its parts become one file, where it is whole.
    fn finish(&self, number: usize) -> Result<()> {
        let cell = &self.cells[number];
        let (dataset, shard) = (&cell.dataset.name, self.request.shard);
        let tally = {
            let mut state = cell.state();
            state.bar = None;
            if state.failure.is_some() {
                return Ok(());
            }
            state.tally.clone()
        };
        let own = self.run.predictions_file(dataset, cell.name, shard);
        if own.is_file() {
            // Cuts off what a crash left behind the last whole line, also where nothing was left to caption.
            PredictionWriter::open(&own)?;
        }
        if shard.is_whole() {
            let whole = own;
            if self.run.prediction_files(dataset, cell.name)?.iter().any(|file| *file != whole) {
                merge(self.run, &[], dataset, cell.name)?;
            }
        }
        match tally.last_error {
            Some((_, error)) if tally.captioned == 0 => {
                self.fail(number, CellFailure::none_captioned(&error).reason, false)
            }
            _ => {
                self.run.clear_failure(dataset, cell.name, shard);
                Ok(())
            }
        }
    }

    fn fail(&self, number: usize, reason: String, configuration: bool) -> Result<()> {
        let cell = &self.cells[number];
        let mut state = cell.state();
        state.bar = None;
        if state.failure.is_some() {
            return Ok(());
        }
        state.failure = Some(reason.clone());
        state.configuration = configuration;
        drop(state);
        self.reporter.warn(&format!("{} on {}: {reason}", cell.name, cell.dataset.name));
        self.run.set_failure(&cell.dataset.name, cell.name, self.request.shard, &CellFailure { reason })
    }
}

/// An item's seed: the same for any batch, shard or order.
pub fn item_seed(seed: u64, id: &str) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(id.as_bytes()).finalize();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(bytes)
}
