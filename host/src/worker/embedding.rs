//! Embedding in the worker: loader threads decode and prepare batches ahead while the encoder works on earlier ones. Rows go from here
//! to the disk; the host hears which items have one.

use super::ahead::load_ahead;
use super::captioning::open_dataset;
use super::picture::pixels;
use super::protocol::{ComponentSpec, EmbedInput, EmbedItem, EmbedResult, Event, RowsPlace};
use super::serve::Speaker;
use crate::catalogue::Decoded;
use crate::embed::npy;
use crate::error::{Error, Result};
use crate::loader::{Dataset, Encoder, PreparedInputs};
use crate::run::replace_file;
use plugin_api::abi::messages::{DatasetMessage, EncoderMessage};
use plugin_api::{EmbeddingSpace, EncoderDescription, EncoderInputs, Image, PluginError};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The worker's encoder, once loaded.
#[derive(Default)]
pub struct Embedder {
    encoder: Option<Encoder>,
}

impl Embedder {
    pub fn load(&mut self, spec: &ComponentSpec<EncoderMessage>) -> Result<EncoderDescription> {
        let encoder = spec.library.open()?.encoder(spec.component.as_deref(), &spec.entry, &spec.message)?;
        let description = encoder.describe()?;
        self.encoder = Some(encoder);
        Ok(description)
    }

    /// Embeds items in order, writes their rows and tells the results batch by batch. The inner error is of the disk.
    #[allow(clippy::too_many_arguments)] // Each is one thing that the command says.
    pub fn embed(
        &self,
        dataset: Option<&ComponentSpec<DatasetMessage>>,
        items: &[EmbedItem],
        space: &EmbeddingSpace,
        batch_size: usize,
        loaders: usize,
        rows: RowsPlace,
        speaker: &Speaker,
    ) -> Result<Result<()>> {
        let encoder =
            self.encoder.as_ref().ok_or_else(|| Error::failed("the worker was asked to embed before loading"))?;
        let dataset = dataset.map(open_dataset).transpose()?;
        let batches: Vec<&[EmbedItem]> = items.chunks(batch_size.max(1)).collect();
        let pipeline = Pipeline { encoder, dataset: dataset.as_ref(), space };
        let mut sink = match Sink::open(rows) {
            Ok(sink) => sink,
            Err(error) => return Ok(Err(error)),
        };
        let load = |number: usize| pipeline.load(batches[number]);
        Ok(load_ahead(batches.len(), loaders, load, |take| {
            for (number, items) in batches.iter().enumerate() {
                let batch = pipeline.embed(items, take(number));
                sink.write(items, space.width(), &batch)?;
                speaker.say(&Event::Embedded { results: batch.results });
            }
            Ok(())
        }))
    }
}

struct Pipeline<'a> {
    encoder: &'a Encoder,
    dataset: Option<&'a Dataset>,
    space: &'a EmbeddingSpace,
}

/// A batch after loading: which of its items made it into the encoder's batch, and why the others did not.
struct Loaded {
    batch: Option<Result<PreparedInputs, PluginError>>,
    /// Places in the batch's items.
    ready: Vec<usize>,
    /// By place.
    failed: Vec<(usize, String)>,
}

/// A batch's end: one result an item, in order, and the rows of those without an error.
struct Embedded {
    results: Vec<EmbedResult>,
    rows: Vec<f32>,
}

impl Pipeline<'_> {
    fn load(&self, items: &[EmbedItem]) -> Loaded {
        let (mut ready, mut failed) = (Vec::new(), Vec::new());
        let (mut decoded, mut texts): (Vec<Decoded>, Vec<&str>) = (Vec::new(), Vec::new());
        for (place, item) in items.iter().enumerate() {
            match &item.input {
                EmbedInput::Text(text) if text.trim().is_empty() => {
                    failed.push((place, "there is no text to embed".to_owned()));
                    continue;
                }
                EmbedInput::Text(text) => texts.push(text),
                EmbedInput::Image(image) => match pixels(image, self.dataset) {
                    Ok(image) => decoded.push(image),
                    Err(reason) => {
                        failed.push((place, reason));
                        continue;
                    }
                },
            }
            ready.push(place);
        }
        let images: Vec<Image<'_>> = decoded.iter().map(Decoded::as_image).collect();
        let inputs = match texts.is_empty() {
            true => EncoderInputs::Images(&images),
            false => EncoderInputs::Texts(&texts),
        };
        let batch = (!ready.is_empty()).then(|| self.encoder.prepare(inputs));
        Loaded { batch, ready, failed }
    }

    fn embed(&self, items: &[EmbedItem], loaded: Loaded) -> Embedded {
        let width = self.space.width();
        let mut results: Vec<EmbedResult> =
            items.iter().map(|item| EmbedResult { index: item.index, truncated: false, error: None }).collect();
        for (place, reason) in loaded.failed {
            results[place].error = Some(reason);
        }
        let embedded = loaded.batch.map(|batch| {
            let batch = batch?;
            let rows = self.encoder.embed(&batch, &self.space.name, width)?;
            Ok::<_, PluginError>((batch.truncated, rows))
        });
        let mut rows = Vec::with_capacity(loaded.ready.len() * width);
        match embedded {
            None => {}
            Some(Ok((truncated, numbers))) => {
                for place in truncated {
                    results[loaded.ready[place]].truncated = true;
                }
                for (place, row) in loaded.ready.iter().zip(numbers.chunks_exact(width.max(1))) {
                    if row.iter().all(|number| number.is_finite()) {
                        rows.extend_from_slice(row);
                    } else {
                        results[*place].truncated = false;
                        results[*place].error = Some("its embedding holds what is no finite number".to_owned());
                    }
                }
            }
            Some(Err(error)) if loaded.ready.len() == 1 => {
                results[loaded.ready[0]].error = Some(error.to_string());
            }
            // Half as many may fit, and one that spoils its batch is found in a few turns.
            Some(Err(_)) => {
                for places in loaded.ready.chunks(loaded.ready.len().div_ceil(2)) {
                    let items: Vec<EmbedItem> = places.iter().map(|&place| items[place].clone()).collect();
                    let part = self.embed(&items, self.load(&items));
                    rows.extend(part.rows);
                    for (place, result) in places.iter().zip(part.results) {
                        results[*place] = result;
                    }
                }
            }
        }
        Embedded { results, rows }
    }
}

/// Where rows are written.
enum Sink {
    Matrix { path: PathBuf, file: File },
    Files { folder: PathBuf },
}

impl Sink {
    fn open(place: RowsPlace) -> Result<Sink> {
        match place {
            RowsPlace::Files { folder } => Ok(Sink::Files { folder }),
            RowsPlace::Matrix { file: path, offset } => {
                let open = || -> std::io::Result<File> {
                    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
                    file.set_len(offset)?;
                    file.seek(SeekFrom::Start(offset))?;
                    Ok(file)
                };
                let file = open().map_err(|error| Error::io("write", &path, &error))?;
                Ok(Sink::Matrix { path, file })
            }
        }
    }

    /// Writes a batch's rows to the disk.
    fn write(&mut self, items: &[EmbedItem], width: usize, batch: &Embedded) -> Result<()> {
        match self {
            Sink::Matrix { path, file } => {
                let bytes = npy::bytes(&batch.rows);
                file.write_all(&bytes).and_then(|()| file.sync_data()).map_err(|error| Error::io("write", path, &error))
            }
            Sink::Files { folder } => {
                let saved = items.iter().zip(&batch.results).filter(|(_, result)| result.error.is_none());
                for ((item, _), row) in saved.zip(batch.rows.chunks_exact(width.max(1))) {
                    let mut bytes = npy::header(&[width])?;
                    bytes.extend(npy::bytes(row));
                    replace_file(&feature_file(folder, &item.id), &bytes)?;
                }
                Ok(())
            }
        }
    }
}

fn feature_file(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.npy"))
}
