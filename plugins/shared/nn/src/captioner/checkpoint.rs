//! The captioner that the host sees: a Hugging Face directory in, captions out.

use super::{Family, Model};
use crate::generation::Settings;
use crate::image::ImageConfig;
use crate::text::Tokenizer;
use crate::{Error, memory, plugin};
use plugin_api::{Caption, CaptionInput, Captioner, CaptionerConfig, CaptionerDescription, Host, Result};

/// A family's checkpoint with its image processor, tokenizer and settings.
pub struct FamilyCaptioner<F: Family> {
    pub(super) model: Model<F>,
    images: ImageConfig,
    pub(super) tokenizer: Tokenizer,
    pub(super) settings: Settings,
    /// The prompt's tokens, or those that a caption without a prompt begins with.
    pub(super) text: Vec<u32>,
    pub(super) prompt: Option<String>,
    parameters: u64,
    host: Host,
}

/// What [`Captioner::prepare`] makes of a batch of images.
pub struct Batch {
    /// `[rows, 3, side, side]`.
    pub(super) pixels: Vec<f32>,
    pub(super) seeds: Vec<u64>,
}

impl<F: Family> FamilyCaptioner<F> {
    /// Loads a Hugging Face directory.
    ///
    /// # Errors
    /// Whatever of it is missing, damaged, contradictory or not supported, by file.
    pub fn load(config: &CaptionerConfig) -> Result<FamilyCaptioner<F>> {
        config.settings.none()?;
        crate::limit_threads(config.threads);
        let directory = &config.weights;
        let family = F::read(directory)?;
        let images = family.images(directory)?;
        let tokenizer = Tokenizer::read(directory)?;
        let settings = family.settings(directory, &config.generation)?;
        settings.check()?;
        for ignored in &settings.ignored {
            config.host.warn(&format!("generation_config.json: {ignored} is not supported and has no effect"));
        }
        let prompt = config.prompt.clone().or(F::PROMPT.map(String::from));
        let text = family.text(&tokenizer, prompt.as_deref())?;
        if text.is_empty() {
            return Err(Error::Request("the prompt is no token at all".into()).into());
        }
        let positions = family.positions(&text)?;
        let placement = plugin::placement(config.device)?;
        let parameters = Model::expected(&family)?.parameters();
        memory::refuse_too_large(directory, parameters, &placement)?;
        let model = Model::load(directory, &family, &placement, config.adapter.as_deref())?;
        tokenizer.check_vocabulary(model.language().vocabulary())?;
        settings.check_end_tokens(model.language().vocabulary())?;
        settings.check_room(positions, model.language().positions())?;
        Ok(FamilyCaptioner { model, images, tokenizer, settings, text, prompt, parameters, host: config.host })
    }
}

impl<F: Family> Captioner for FamilyCaptioner<F> {
    type Batch = Batch;

    fn describe(&self) -> CaptionerDescription {
        let (family, placement) = (self.model.config(), self.model.placement());
        let spaces = family.spaces();
        let embeds = (!spaces.is_empty()).then_some("embed");
        CaptionerDescription {
            architecture: family.architecture().into(),
            parameters: self.parameters,
            device: placement.to_string(),
            precision: placement.precision().into(),
            generation: plugin::described(&self.settings),
            prompt: self.prompt.clone(),
            capabilities: ["caption", "train"].into_iter().chain(embeds).map(String::from).collect(),
            embedding_spaces: spaces,
        }
    }

    fn prepare(&self, inputs: &[CaptionInput<'_>]) -> Result<Batch> {
        let images: Vec<_> = inputs.iter().map(|input| input.image).collect();
        Ok(Batch {
            pixels: plugin::pixels(&images, &self.images)?,
            seeds: inputs.iter().map(|input| input.seed).collect(),
        })
    }

    fn generate(&self, batch: Batch) -> Result<Vec<Caption>> {
        if batch.seeds.is_empty() {
            return Ok(Vec::new());
        }
        let texts = vec![self.text.as_slice(); batch.seeds.len()];
        let generated =
            self.model.caption(&batch.pixels, &texts, &batch.seeds, &self.settings, &|| self.host.cancelled())?;
        generated.into_iter().map(|generated| Ok(plugin::caption(&self.tokenizer, generated)?)).collect()
    }
}
