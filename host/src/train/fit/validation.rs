//! What is measured between steps: the loss of the validation items, and scores of captions of some.

use super::{Training, not_finite, now, tell_left_out};
use crate::error::{Error, Result};
use crate::stop;
use crate::train::captions;
use crate::train::checkpoints::Best;
use crate::train::job::TrainNews;
use crate::train::log::{Record, Validation};
use crate::worker::load_ahead;
use std::time::Instant;

impl Training<'_> {
    /// Measures the loss of the validation items, and the captions of some. Asked to stop meanwhile, it leaves the whole for another time.
    pub fn validate(&mut self) -> Result<()> {
        let options = &self.job.options;
        let began = Instant::now();
        let places: Vec<usize> = (0..self.validation.len()).collect();
        let batches: Vec<&[usize]> = places.chunks(options.micro_batch).collect();
        let (mut sum, mut tokens) = (0.0, 0);
        let (trainer, source, items) = (&self.trainer, &self.source, &self.validation);
        let load = |number: usize| source.load(trainer, items, batches[number], options.micro_batch, 0);
        let (left_out, say) = (&mut self.left_out, self.say);
        let (folder, step) = (&self.job.folder, self.progress.step);
        load_ahead(batches.len(), self.job.loaders, load, |take| -> Result<()> {
            for number in (0..batches.len()).take_while(|_| !stop::requested()) {
                let loaded = take(number)?;
                tell_left_out(&loaded, left_out, say);
                for (batch, places) in loaded.batches.iter().zip(&loaded.items) {
                    let loss = trainer.evaluate(batch.batch).map_err(|error| options.advise(error))?;
                    if !loss.sum.is_finite() {
                        return Err(not_finite(folder, "validation loss", step.saturating_sub(1), items, places));
                    }
                    sum += loss.sum;
                    tokens += loss.tokens;
                }
            }
            Ok(())
        })?;
        if stop::requested() {
            return Ok(());
        }
        if tokens == 0 {
            let split = &options.validation_split;
            return Err(Error::failed(format!("no item of the validation split `{split}` could be used"))
                .help("the warnings above say why; name another --validation-split, or `none`, in a new folder"));
        }
        let validation_loss = sum / tokens as f64;
        let Some(captions) = self.caption()? else { return Ok(()) };
        self.progress.awaits_validation = false;
        let best = self.progress.best.as_ref().is_none_or(|best| validation_loss < best.validation_loss);
        if best {
            self.progress.best = Some(Best { step, validation_loss });
            self.progress.without_improvement = 0;
        } else {
            self.progress.without_improvement += 1;
            let patience = options.patience;
            self.progress.stopped_early = patience > 0 && self.progress.without_improvement >= patience;
        }
        let mut values = vec![("validation-loss", validation_loss)];
        values.extend(captions.iter().map(|(name, value)| (name.as_str(), *value)));
        self.events.scalars(now(), step, &values)?;
        let epoch = self.order.epochs_after(step);
        let validation = Validation { step, epoch, validation_loss, best, captions };
        self.log.time("validation", step, self.validation.len(), 0.0, began.elapsed().as_secs_f64());
        self.log.add(&Record::Validation(validation.clone()))?;
        (self.say)(TrainNews::Validated(validation));
        Ok(())
    }

    /// Captions the first validation items and scores them, if metrics are asked for. None if it was asked to stop.
    fn caption(&self) -> Result<Option<indexmap::IndexMap<String, f64>>> {
        let options = &self.job.options;
        if self.job.metrics.is_empty() {
            return Ok(Some(indexmap::IndexMap::new()));
        }
        let (trainer, source, items) = (&self.trainer, &self.source, &self.validation);
        let places: Vec<usize> = (0..items.len().min(options.captions)).collect();
        let batches: Vec<&[usize]> = places.chunks(options.micro_batch).collect();
        let load = |number: usize| source.load(trainer, items, batches[number], options.micro_batch, 0);
        let (mut captioned, mut texts) = (Vec::new(), Vec::new());
        load_ahead(batches.len(), self.job.loaders, load, |take| -> Result<()> {
            for number in (0..batches.len()).take_while(|_| !stop::requested()) {
                let loaded = take(number)?;
                for (batch, places) in loaded.batches.iter().zip(&loaded.items) {
                    let captions = trainer.generate(batch.batch, places.len())?;
                    texts.extend(captions.into_iter().map(|caption| caption.text));
                    captioned.extend(places.iter().map(|place| &items[*place]));
                }
            }
            Ok(())
        })?;
        if stop::requested() {
            return Ok(None);
        }
        captions::score(&self.job.metrics, &captioned, texts).map(Some)
    }
}
