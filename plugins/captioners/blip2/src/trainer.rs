//! BLIP-2 in training: what of an example is learnt, and the names of the layers. The training itself is `nn`'s.

use crate::captioner::Blip2Captioner;
use crate::config::{Blip2Config, TextConfig};
use crate::model::Blip2;
use nn::training::{Batch, Labels, Learner, PathOf, Session, Tape, Var};
use plugin_api::{
    Adaptation, Caption, CaptionInput, Captioner, CaptionerConfig, LinearLayer, Loss, MergeConfig, PluginError,
    Prepared, Result, Trainer, TrainerConfig, TrainerDescription, TrainingInput,
};
use std::path::{Path, PathBuf};

/// A BLIP-2 checkpoint in training.
pub struct Blip2Trainer {
    captioner: Blip2Captioner,
    session: Session,
    weights: PathBuf,
    /// The token that ends a caption, in training as in use.
    end: u32,
}

impl Blip2Trainer {
    /// Loads a Hugging Face directory.
    ///
    /// # Errors
    /// As [`Blip2Captioner::load`], or no token ends a caption.
    pub fn load(config: &TrainerConfig) -> Result<Blip2Trainer> {
        let captioner = Blip2Captioner::load(&CaptionerConfig {
            weights: config.weights.clone(),
            adapter: None,
            device: config.device,
            threads: config.threads,
            prompt: config.prompt.clone(),
            generation: config.generation.clone(),
            settings: config.settings.clone(),
            host: config.host,
        })?;
        let end = nn::plugin::end_token(&captioner.settings)?;
        let path: PathOf = match captioner.model.config().text {
            TextConfig::Opt(_) => opt_path,
            TextConfig::T5(_) => str::to_string,
        };
        let session = Session::new(captioner.model.layers(), path, &captioner.placement);
        Ok(Blip2Trainer { captioner, session, weights: config.weights.clone(), end })
    }

    /// The training itself: gradients and adapters as numbers, for tests.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The tokens that are learnt of a caption, the end token last.
    fn labels(&self, caption: &str) -> Result<Vec<u32>> {
        let Blip2Captioner { model, tokenizer, text, prompt, .. } = &self.captioner;
        let tokens = match model.config().text {
            TextConfig::Opt(_) => tokenizer.continuation(prompt.as_deref(), text, caption)?,
            // The decoder says the caption from its start: the prompt is the encoder's.
            TextConfig::T5(_) => tokenizer.continuation(None, &[], caption)?,
        };
        let tokens = tokens.strip_suffix(&[self.end]).map(<[u32]>::to_vec).unwrap_or(tokens);
        let room = model.language().positions().map_or(usize::MAX, |most| most - model.prompt_length(text));
        Ok(Labels::row(tokens, self.end, room))
    }
}

/// A module's path in transformers' BLIP-2 with OPT, which has a `model` more than the canonical name.
fn opt_path(name: &str) -> String {
    match name.strip_prefix("language_model.decoder.") {
        Some(rest) => format!("language_model.model.decoder.{rest}"),
        None => name.to_string(),
    }
}

/// Merges an adapter into a checkpoint.
pub fn merge(config: &MergeConfig) -> Result<String> {
    let expected = Blip2::expected(&Blip2Config::read(&config.weights)?)?;
    Ok(nn::training::merge(config, &expected)?)
}

impl Learner for Blip2Trainer {
    fn scores<'m>(&'m self, tape: &mut Tape<'m>, batch: &Batch) -> nn::Result<Var> {
        Ok(self.captioner.model.learn(tape, batch.pixels.clone(), &self.captioner.text, &batch.labels))
    }
}

impl Trainer for Blip2Trainer {
    type Batch = Batch;

    fn describe(&self) -> TrainerDescription {
        nn::plugin::trainer_description(self.captioner.describe())
    }

    fn layers(&self) -> Result<Vec<LinearLayer>> {
        Ok(self.session.layers())
    }

    fn adapt(&self, adaptation: &Adaptation) -> Result<u64> {
        Ok(self.session.adapt(adaptation)?)
    }

    fn prepare(&self, inputs: &[TrainingInput<'_>]) -> Result<Prepared<Batch>> {
        if inputs.is_empty() {
            return Err(PluginError::internal("a batch without examples"));
        }
        let images: Vec<CaptionInput<'_>> = inputs.iter().map(|example| example.input).collect();
        let images = self.captioner.prepare(&images)?;
        let labels = inputs.iter().map(|example| self.labels(example.caption)).collect::<Result<_>>()?;
        let batch = Batch { pixels: images.pixels, seeds: images.seeds, labels: Labels::new(labels) };
        Ok(Prepared { tokens: batch.labels.count() as u64, batch })
    }

    fn accumulate(&self, batch: Batch, weight: f64) -> Result<Loss> {
        Ok(self.session.accumulate(self, &batch, weight)?)
    }

    fn step(&self, learning_rate: f64) -> Result<f64> {
        Ok(self.session.step(learning_rate)?)
    }

    fn evaluate(&self, batch: Batch) -> Result<Loss> {
        Ok(self.session.evaluate(self, &batch)?)
    }

    fn generate(&self, batch: Batch) -> Result<Vec<Caption>> {
        self.captioner.generate(crate::captioner::Batch { pixels: batch.pixels, seeds: batch.seeds })
    }

    fn save_adapter(&self, directory: &Path) -> Result<()> {
        Ok(self.session.save_adapter(directory, &self.weights)?)
    }

    fn save_state(&self, directory: &Path) -> Result<()> {
        Ok(self.session.save_state(directory)?)
    }

    fn load_state(&self, directory: &Path) -> Result<()> {
        Ok(self.session.load_state(directory)?)
    }
}
