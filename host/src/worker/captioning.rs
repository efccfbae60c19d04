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
use plugin_api::{CaptionInput, CaptionerDescription, PluginError};
use std::time::Instant;

/// The worker's captioner, once loaded.
#[derive(Default)]
pub struct Session {
    captioner: Option<Captioner>,
    /// The dataset of the last command, by its specification: a host that shares out work sends many commands for each.
    dataset: Option<(String, Dataset)>,
}

/// Opens a dataset in this process.
pub fn open_dataset(spec: &ComponentSpec<DatasetMessage>) -> Result<Dataset> {
    spec.library.open()?.dataset(spec.component.as_deref(), &spec.entry, &spec.message)
}

impl Session {
    /// Loads the captioner.
    pub fn load(&mut self, spec: &ComponentSpec<CaptionerMessage>) -> Result<CaptionerDescription> {
        let captioner = spec.library.open()?.captioner(spec.component.as_deref(), &spec.entry, &spec.message)?;
        let description = captioner.describe()?;
        self.captioner = Some(captioner);
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
        let batches: Vec<&[CaptionItem]> = items.chunks(batch_size.max(1)).collect();
        let pipeline = Pipeline { captioner, dataset, batches: &batches, started: Instant::now() };
        load_ahead(
            batches.len(),
            loaders,
            |number| pipeline.load(batches[number]),
            |take| {
                for number in 0..batches.len() {
                    speaker.say(&pipeline.generate(number, take(number)));
                }
            },
        );
        Ok(())
    }
}

/// The batches on their way from files to captions.
struct Pipeline<'a> {
    captioner: &'a Captioner,
    dataset: Option<&'a Dataset>,
    batches: &'a [&'a [CaptionItem]],
    started: Instant,
}

/// A batch after loading: which items made it into the captioner's batch, and which did not.
struct Prepared {
    batch: Option<Result<u64, PluginError>>,
    ready: Vec<usize>,
    failed: Vec<CaptionResult>,
    timing: BatchTiming,
}

impl Pipeline<'_> {
    fn load(&self, items: &[CaptionItem]) -> Prepared {
        let load_start = self.elapsed();
        let mut failed = Vec::new();
        let mut decoded: Vec<(&CaptionItem, Decoded)> = Vec::new();
        for item in items {
            match pixels(&item.image, self.dataset) {
                Ok(image) => decoded.push((item, image)),
                Err(error) => failed.push(CaptionResult { index: item.index, outcome: Outcome::Failed { error } }),
            }
        }
        let inputs: Vec<CaptionInput<'_>> =
            decoded.iter().map(|(item, image)| CaptionInput { image: image.as_image(), seed: item.seed }).collect();
        let batch = (!inputs.is_empty()).then(|| self.captioner.prepare(&inputs));
        let timing = BatchTiming { load_start, load: self.elapsed() - load_start, ..BatchTiming::default() };
        Prepared { batch, ready: decoded.iter().map(|(item, _)| item.index).collect(), failed, timing }
    }

    /// Captions a loaded batch.
    fn generate(&self, number: usize, mut prepared: Prepared) -> Event {
        let mut timing = prepared.timing;
        timing.generate_start = self.elapsed();
        let captions =
            prepared.batch.map(|batch| batch.and_then(|batch| self.captioner.generate(batch, prepared.ready.len())));
        timing.generate = self.elapsed() - timing.generate_start;
        let mut results = std::mem::take(&mut prepared.failed);
        match captions {
            None => {}
            Some(Ok(captions)) => {
                results.extend(prepared.ready.iter().zip(captions).map(|(index, caption)| CaptionResult {
                    index: *index,
                    outcome: Outcome::Caption {
                        caption: caption.text,
                        token_ids: caption.token_ids,
                        finish: caption.finish,
                    },
                }));
            }
            Some(Err(error)) if prepared.ready.len() == 1 => {
                let outcome = Outcome::Failed { error: error.to_string() };
                results.push(CaptionResult { index: prepared.ready[0], outcome });
            }
            // One of them spoils the batch: each alone tells which.
            Some(Err(_)) => {
                let alone = self.batches[number].iter().filter(|item| prepared.ready.contains(&item.index));
                results.extend(alone.map(|item| self.caption_alone(item)));
            }
        }
        results.sort_by_key(|result| result.index);
        Event::Captions { results, timing }
    }

    fn caption_alone(&self, item: &CaptionItem) -> CaptionResult {
        let mut prepared = self.load(std::slice::from_ref(item));
        let outcome = match prepared.batch.map(|batch| batch.and_then(|batch| self.captioner.generate(batch, 1))) {
            Some(Ok(mut captions)) => match captions.pop() {
                Some(caption) => {
                    Outcome::Caption { caption: caption.text, token_ids: caption.token_ids, finish: caption.finish }
                }
                None => Outcome::Failed { error: "the captioner gave no caption".to_owned() },
            },
            Some(Err(error)) => Outcome::Failed { error: error.to_string() },
            None => match prepared.failed.pop() {
                Some(failed) => failed.outcome,
                None => Outcome::Failed { error: "the image could not be prepared".to_owned() },
            },
        };
        CaptionResult { index: item.index, outcome }
    }

    fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1e3
    }
}
