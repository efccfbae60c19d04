//! Captioning in the worker: loader threads decode and prepare batches ahead while the captioner works on earlier ones.

use super::ahead::load_ahead;
use super::picture::pixels;
use super::protocol::{BatchTiming, CaptionItem, CaptionResult, ComponentSpec, Event};
use super::serve::Speaker;
use crate::catalogue::Decoded;
use crate::error::{Error, Result};
use crate::loader::{Captioner, Dataset};
use crate::run::Outcome;
use plugin_api::abi::messages::{CaptionerMessage, DatasetMessage};
use plugin_api::{CaptionInput, CaptionerDescription, ErrorKind, PluginError};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// The worker's captioner, once loaded.
pub struct Session {
    captioner: Option<Captioner>,
    /// As many images at once fit the device as far as is known: no more than did not fit before.
    fits: AtomicUsize,
    /// The dataset of the last command, by its specification: a host that shares out work sends many commands for each.
    dataset: Option<(String, Dataset)>,
}

/// Opens a dataset in this process.
pub fn open_dataset(spec: &ComponentSpec<DatasetMessage>) -> Result<Dataset> {
    spec.library.open()?.dataset(spec.component.as_deref(), &spec.entry, &spec.message)
}

impl Default for Session {
    fn default() -> Session {
        Session { captioner: None, fits: AtomicUsize::new(usize::MAX), dataset: None }
    }
}

impl Session {
    /// Loads the captioner.
    pub fn load(&mut self, spec: &ComponentSpec<CaptionerMessage>) -> Result<CaptionerDescription> {
        let captioner = spec.library.open()?.captioner(spec.component.as_deref(), &spec.entry, &spec.message)?;
        let description = captioner.describe()?;
        self.captioner = Some(captioner);
        self.fits = AtomicUsize::new(usize::MAX);
        Ok(description)
    }

    /// Captions items in order and tells the results batch by batch.
    pub fn caption(
        &mut self,
        dataset: Option<&ComponentSpec<DatasetMessage>>,
        items: &[CaptionItem],
        batch_size: usize,
        loaders: usize,
        speaker: &Speaker,
    ) -> Result<()> {
        if let Some(spec) = dataset {
            let key = serde_json::to_string(spec).unwrap_or_default();
            if self.dataset.as_ref().is_none_or(|(open, _)| *open != key) {
                self.dataset = Some((key, open_dataset(spec)?));
            }
        }
        let captioner =
            self.captioner.as_ref().ok_or_else(|| Error::failed("the worker was asked to caption before loading"))?;
        let dataset = dataset.and(self.dataset.as_ref()).map(|(_, dataset)| dataset);
        let items: Vec<&CaptionItem> = items.iter().collect();
        let batches: Vec<&[&CaptionItem]> = items.chunks(batch_size.max(1)).collect();
        let pipeline = Pipeline { captioner, dataset, fits: &self.fits, speaker, started: Instant::now() };
        load_ahead(
            batches.len(),
            loaders,
            |number| pipeline.load(batches[number]),
            |take| {
                for number in 0..batches.len() {
                    speaker.say(&pipeline.caption(take(number)));
                }
            },
        );
        Ok(())
    }
}

/// The way from files to captions.
struct Pipeline<'a> {
    captioner: &'a Captioner,
    dataset: Option<&'a Dataset>,
    fits: &'a AtomicUsize,
    speaker: &'a Speaker,
    started: Instant,
}

/// A batch after loading, in pieces that fit the device as far as is known, with how long loading took.
struct Loaded<'i> {
    pieces: Vec<Piece<'i>>,
    timing: BatchTiming,
}

/// Items after loading: which of them made it into the captioner's batch, and which did not.
struct Piece<'i> {
    batch: Option<Result<u64, PluginError>>,
    ready: Vec<&'i CaptionItem>,
    failed: Vec<CaptionResult>,
}

impl Pipeline<'_> {
    fn load<'i>(&self, items: &[&'i CaptionItem]) -> Loaded<'i> {
        let load_start = self.elapsed();
        let pieces = items.chunks(self.fits.load(Relaxed)).map(|items| self.load_piece(items)).collect();
        let timing = BatchTiming { load_start, load: self.elapsed() - load_start, ..BatchTiming::default() };
        Loaded { pieces, timing }
    }

    fn load_piece<'i>(&self, items: &[&'i CaptionItem]) -> Piece<'i> {
        let mut failed = Vec::new();
        let mut decoded: Vec<(&CaptionItem, Decoded)> = Vec::new();
        for &item in items {
            match pixels(&item.image, self.dataset) {
                Ok(image) => decoded.push((item, image)),
                Err(error) => failed.push(CaptionResult { index: item.index, outcome: Outcome::Failed { error } }),
            }
        }
        let inputs: Vec<CaptionInput<'_>> =
            decoded.iter().map(|(item, image)| CaptionInput { image: image.as_image(), seed: item.seed }).collect();
        let batch = (!inputs.is_empty()).then(|| self.captioner.prepare(&inputs));
        Piece { batch, ready: decoded.iter().map(|(item, _)| *item).collect(), failed }
    }

    /// Captions a loaded batch.
    fn caption(&self, loaded: Loaded<'_>) -> Event {
        let mut timing = loaded.timing;
        timing.generate_start = self.elapsed();
        let mut results = Vec::new();
        for piece in loaded.pieces {
            self.generate(piece, &mut results);
        }
        timing.generate = self.elapsed() - timing.generate_start;
        results.sort_by_key(|result| result.index);
        Event::Captions { results, timing }
    }

    fn generate(&self, piece: Piece<'_>, results: &mut Vec<CaptionResult>) {
        let Piece { batch, ready, failed } = piece;
        results.extend(failed);
        let Some(batch) = batch else { return };
        match batch.and_then(|batch| self.captioner.generate(batch, ready.len())) {
            Ok(captions) => results.extend(ready.iter().zip(captions).map(|(item, caption)| CaptionResult {
                index: item.index,
                outcome: Outcome::Caption {
                    caption: caption.text,
                    token_ids: caption.token_ids,
                    finish: caption.finish,
                },
            })),
            Err(error) if ready.len() == 1 => {
                let outcome = Outcome::Failed { error: error.to_string() };
                results.push(CaptionResult { index: ready[0].index, outcome });
            }
            // Half as many may fit, and one that spoils its batch is found in a few turns.
            Err(error) => {
                let half = ready.len().div_ceil(2);
                if error.kind == ErrorKind::OutOfMemory && self.fits.fetch_min(half, Relaxed) > half {
                    let why = &error.message;
                    let message = format!("{} images at once do not fit: {half} from here on ({why})", ready.len());
                    self.speaker.say(&Event::Log { level: "warning".into(), message });
                }
                for part in ready.chunks(half) {
                    self.generate(self.load_piece(part), results);
                }
            }
        }
    }

    fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1e3
    }
}
