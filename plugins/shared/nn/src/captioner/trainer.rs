//! A captioner in training: what of an example is learnt. The training itself is `training`'s.

use super::checkpoint::Batch as Images;
use super::{Family, FamilyCaptioner, Model};
use crate::plugin;
use crate::training::{Batch, Labels, Learner, Session, Tape, Var};
use plugin_api::{
    Adaptation, Caption, CaptionInput, Captioner, CaptionerConfig, LinearLayer, Loss, MergeConfig, PluginError,
    Prepared, Result, Trainer, TrainerConfig, TrainerDescription, TrainingInput,
};
use std::path::{Path, PathBuf};

/// A family's checkpoint in training.
pub struct FamilyTrainer<F: Family> {
    captioner: FamilyCaptioner<F>,
    session: Session,
    weights: PathBuf,
    /// The token that ends a caption, in training as in use.
    end: u32,
}

impl<F: Family> FamilyTrainer<F> {
    /// Loads a Hugging Face directory.
    ///
    /// # Errors
    /// As [`FamilyCaptioner::load`], or no token ends a caption.
    pub fn load(config: &TrainerConfig) -> Result<FamilyTrainer<F>> {
        let captioner = FamilyCaptioner::load(&CaptionerConfig {
            weights: config.weights.clone(),
            adapter: None,
            device: config.device,
            threads: config.threads,
            prompt: config.prompt.clone(),
            generation: config.generation.clone(),
            settings: config.settings.clone(),
            host: config.host,
        })?;
        let end = plugin::end_token(&captioner.settings)?;
        let model: &Model<F> = &captioner.model;
        let session = Session::new(model.layers(), model.config().reference_path(), model.placement());
        Ok(FamilyTrainer { captioner, session, weights: config.weights.clone(), end })
    }

    /// The training itself: gradients and adapters as numbers, for tests.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The tokens that are learnt of a caption, the end token last.
    fn labels(&self, caption: &str) -> Result<Vec<u32>> {
        let FamilyCaptioner { model, tokenizer, text, prompt, .. } = &self.captioner;
        let (prompt, given) = match model.config().begins_anew() {
            true => (None, &[][..]),
            false => (prompt.as_deref(), &text[..]),
        };
        let tokens = tokenizer.continuation(prompt, given, caption)?;
        let tokens = tokens.strip_suffix(&[self.end]).map(<[u32]>::to_vec).unwrap_or(tokens);
        let filled = model.config().positions(text)?;
        let room = model.language().positions().map_or(usize::MAX, |most| most - filled);
        Ok(Labels::row(tokens, self.end, room))
    }
}

/// Merges an adapter into a family's checkpoint.
///
/// # Errors
/// The directory is no checkpoint of the family, the adapter is another model's, or the disk takes no more.
pub fn merge<F: Family>(config: &MergeConfig) -> Result<String> {
    let expected = Model::expected(&F::read(&config.weights)?)?;
    Ok(crate::training::merge(config, &expected)?)
}

impl<F: Family> Learner for FamilyTrainer<F> {
    fn scores<'m>(&'m self, tape: &mut Tape<'m>, batch: &Batch) -> crate::Result<Var> {
        self.captioner.model.learn(tape, batch.pixels.clone(), &self.captioner.text, &batch.labels)
    }
}

impl<F: Family> Trainer for FamilyTrainer<F> {
    type Batch = Batch;

    fn describe(&self) -> TrainerDescription {
        plugin::trainer_description(self.captioner.describe())
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
        let Images { pixels, seeds } = self.captioner.prepare(&images)?;
        let labels = inputs.iter().map(|example| self.labels(example.caption)).collect::<Result<_>>()?;
        let batch = Batch { pixels, seeds, labels: Labels::new(labels) };
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
        self.captioner.generate(Images { pixels: batch.pixels, seeds: batch.seeds })
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
