//! Embedding the items in a worker that is restarted when it dies. A batch that was in a dead worker's hands is tried again as it was, so
//! that a worker killed from outside changes no byte; one that kills a second worker is tried item by item, and an item that kills a worker
//! alone is recorded as failed.

use super::chosen_space;
use super::folder::{Folder, Layout, Manifest};
use super::npy;
use super::source::{Request, Source};
use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::run::Journal;
use crate::stop;
use crate::worker::{Command, Death, EmbedItem, EmbedResult, Event, Reply, RowsPlace, Worker};
use plugin_api::{EmbeddingSpace, EncoderDescription, Item};
use std::time::Instant;

/// Items in a row that may kill a worker; then the work is given up.
const MOST_DEATHS: usize = 3;
/// Deaths while loading, after which the encoder is given up.
const MOST_LOAD_DEATHS: usize = 2;
/// Loader threads of the worker.
const LOADERS: usize = 4;
/// Batches that a worker may have in hand at its death: the one on the device and those being loaded.
const IN_HAND: usize = 5;

/// What is done and what is left.
struct Progress {
    journal: Journal<Vec<EmbedResult>>,
    results: Vec<EmbedResult>,
    /// Rows in the matrix.
    rows: usize,
    /// Items at the front that are sent batch by batch, since they were in a dead worker's hands.
    careful: usize,
    /// Items at the front that are sent one by one, since their batch killed a worker again.
    alone: usize,
    /// The first of those left, which killed a worker alone. They are saved once a worker lives through a later item.
    killers: Vec<EmbedResult>,
    /// Where a worker was killed from outside, which is forgiven once.
    forgiven: Option<usize>,
}

impl Progress {
    /// The first item that is still to be sent.
    fn next(&self) -> usize {
        self.results.len() + self.killers.len()
    }

    fn save(&mut self, results: Vec<EmbedResult>) -> Result<()> {
        let batch: Vec<EmbedResult> = std::mem::take(&mut self.killers).into_iter().chain(results).collect();
        if batch.iter().enumerate().any(|(place, result)| result.index != self.results.len() + place) {
            return Err(Error::failed("a worker gave its results in another order than asked for"));
        }
        self.rows += batch.iter().filter(|result| result.error.is_none()).count();
        self.careful = self.careful.saturating_sub(batch.len());
        self.alone = self.alone.saturating_sub(batch.len());
        self.journal.append(std::slice::from_ref(&batch))?;
        self.results.extend(batch);
        Ok(())
    }
}

struct Work<'a> {
    source: &'a Source,
    request: &'a Request,
    folder: &'a Folder,
    reporter: &'a Reporter,
}

/// Embeds the items that have no result yet, and finishes the folder.
pub fn embed_items(
    source: &Source,
    request: &Request,
    folder: &Folder,
    items: Vec<Item>,
    reporter: &Reporter,
) -> Result<Manifest> {
    let work = Work { source, request, folder, reporter };
    let (journal, results) = folder.journal()?;
    let rows = results.iter().filter(|result| result.error.is_none()).count();
    let mut progress = Progress { journal, results, rows, careful: 0, alone: 0, killers: Vec::new(), forgiven: None };
    let manifest = match folder.manifest()? {
        Some(manifest) if progress.results.len() == items.len() => manifest,
        _ => work.run(&items, &mut progress)?,
    };
    let last_error = progress.results.iter().rev().find_map(|result| result.error.clone());
    match last_error {
        Some(error) if progress.rows == 0 => {
            Err(Error::failed(format!("no item could be embedded; the last: {error}"))
                .help(format!("to begin anew, delete {}", folder.path().display())))
        }
        _ => folder.finish(manifest, &items, &progress.results),
    }
}

impl Work<'_> {
    fn run(&self, items: &[Item], progress: &mut Progress) -> Result<Manifest> {
        let (worker, description) = self.load()?;
        let space = chosen_space(&self.request.model, self.request.space.as_deref(), &description.spaces)?;
        let mut manifest = Manifest::new(self.source.plan.clone(), space.clone(), &description);
        if let Some(earlier) = self.folder.manifest()?
            && (earlier.space != space || earlier.ran_on != manifest.ran_on)
        {
            return Err(Error::usage(format!(
                "{} was begun with the space `{}` on {}, and this is `{}` on {}",
                self.folder.path().display(),
                earlier.space.name,
                earlier.ran_on,
                space.name,
                manifest.ran_on
            ))
            .help("choose another folder with --out DIR"));
        }
        manifest.counts.completed = self.source.completed(items, &space, self.reporter)?;
        self.folder.write_manifest(&manifest)?;
        let inputs = self.source.inputs(items, space.input)?;
        let title = format!("{} ({}) of {}", self.request.model, space.name, self.request.dataset);
        let bar = self.reporter.bar(&title, progress.results.len(), items.len());
        let mut idle = Some(worker);
        while progress.next() < items.len() {
            let worker = match idle.take() {
                Some(worker) => worker,
                None => self.load()?.0,
            };
            match self.send(worker, &inputs, &space, progress, &|count| bar.advance(count))? {
                Ok(worker) => idle = Some(worker),
                Err(death) => self.after(death, items, progress)?,
            }
        }
        if !progress.killers.is_empty() {
            progress.save(Vec::new())?;
        }
        Ok(manifest)
    }

    /// What a death means for the items that were in hand.
    fn after(&self, death: Death, items: &[Item], progress: &mut Progress) -> Result<()> {
        let Death { reason, from_outside, .. } = death;
        let (next, batch) = (progress.next(), self.request.batch_size);
        let left = items.len() - next;
        let alone = progress.alone > progress.killers.len();
        let first = progress.careful == 0 && !alone;
        let forgiven = !first && from_outside && progress.forgiven.replace(next) != Some(next);
        if alone && !forgiven {
            self.reporter.warn(&format!("item {} ended a worker alone and is left out: {reason}", items[next].id));
            if progress.killers.len() + 1 == MOST_DEATHS {
                return Err(Error::failed(format!("given up after {MOST_DEATHS} items in a row; the last: {reason}"))
                    .help("what is saved stays: run the same command again to go on"));
            }
            progress.killers.push(EmbedResult { index: next, truncated: false, error: Some(reason) });
            return Ok(());
        }
        self.reporter.warn(&format!("{}: {reason}; going on with a new worker", self.request.model));
        if first {
            progress.careful = (IN_HAND * batch).min(left);
        } else if !forgiven {
            progress.alone = batch.min(left);
        }
        Ok(())
    }

    /// Sends what may be sent at once and saves what comes. The inner error is the worker's end.
    fn send(
        &self,
        mut worker: Worker,
        inputs: &[EmbedItem],
        space: &EmbeddingSpace,
        progress: &mut Progress,
        advance: &dyn Fn(usize),
    ) -> Result<Result<Worker, Death>> {
        let left = &inputs[progress.next()..];
        let count = match (progress.alone > progress.killers.len(), progress.careful > 0) {
            (true, _) => 1,
            (false, true) => self.request.batch_size,
            (false, false) => left.len(),
        };
        worker.send(&Command::Embed {
            dataset: self.source.dataset_for(space.input).cloned(),
            items: left[..count.min(left.len())].to_vec(),
            space: space.clone(),
            batch_size: self.request.batch_size,
            loaders: LOADERS,
            rows: self.rows_place(space.width(), progress.rows),
        })?;
        let mut asked: Option<Instant> = None;
        loop {
            let mut impatient =
                || stop::requested() && asked.get_or_insert_with(Instant::now).elapsed() > stop::PATIENCE;
            let Some(reply) = worker.next_unless(false, &mut impatient) else { return Err(stop::stopped()) };
            match reply {
                Reply::Event(Event::Embedded { results }) => {
                    let count = results.len() + progress.killers.len();
                    progress.save(results)?;
                    advance(count);
                    stop::check()?;
                }
                Reply::Event(Event::Done) => return Ok(Ok(worker)),
                Reply::Event(Event::Failed(failure) | Event::NotSaved(failure)) => return Err(failure.into()),
                Reply::Event(Event::Log { level, message }) => self.reporter.plugin(&level, &message),
                Reply::Event(_) => {}
                Reply::Died(_) if stop::requested() => return Err(stop::stopped()),
                Reply::Died(death) => return Ok(Err(death)),
            }
        }
    }

    fn rows_place(&self, width: usize, rows: usize) -> RowsPlace {
        match self.source.plan.layout {
            Layout::Files => RowsPlace::Files { folder: self.folder.path().to_owned() },
            Layout::Matrix => {
                RowsPlace::Matrix { file: self.folder.rows_file(), offset: npy::HEADER + (rows * width * 4) as u64 }
            }
        }
    }

    /// Starts a worker and loads the encoder into it.
    fn load(&self) -> Result<(Worker, EncoderDescription)> {
        let mut deaths = 0;
        loop {
            let mut worker = Worker::start(self.request.limits, self.request.threads)?;
            worker.send(&Command::LoadEncoder { encoder: self.source.encoder.clone() })?;
            let death = loop {
                let Some(reply) = worker.next_unless(true, &mut stop::requested) else { return Err(stop::stopped()) };
                match reply {
                    Reply::Event(Event::EncoderLoaded { description }) => return Ok((worker, description)),
                    Reply::Event(Event::Failed(failure)) => {
                        return Err(Error::from(failure).context(format!("`{}` cannot be loaded", self.request.model)));
                    }
                    Reply::Event(Event::Log { level, message }) => self.reporter.plugin(&level, &message),
                    Reply::Event(_) => {}
                    Reply::Died(death) => break death,
                }
            };
            deaths += 1;
            if deaths >= MOST_LOAD_DEATHS {
                return Err(Error::failed(format!("`{}` cannot be loaded: {}", self.request.model, death.reason)));
            }
        }
    }
}
