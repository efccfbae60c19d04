//! The captioner that the host sees: a directory in, captions out.

use crate::config::LlavaConfig;
use crate::model::Llava;
use nn::generation::Settings;
use nn::image::ImageConfig;
use nn::text::Tokenizer;
use nn::{Placement, plugin};
use plugin_api::{Caption, CaptionInput, Captioner, CaptionerConfig, CaptionerDescription, Host, PluginError, Result};

/// What LLaVA is asked where nothing else is said; the same in training.
pub(crate) const PROMPT: &str = "USER: <image>\nDescribe the appearance of the clothing item\nASSISTANT:";
const IMAGE: &str = "<image>";
/// Llama's end token, where no file names one.
const END: u32 = 2;

/// A LLaVA checkpoint with its image processor, tokenizer and settings.
pub struct LlavaCaptioner {
    pub(crate) model: Llava,
    images: ImageConfig,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) settings: Settings,
    /// The prompt's tokens.
    pub(crate) text: Vec<u32>,
    pub(crate) prompt: String,
    pub(crate) placement: Placement,
    parameters: u64,
    host: Host,
}

/// What [`Captioner::prepare`] makes of a batch of images.
pub struct Batch {
    /// `[rows, 3, size, size]`.
    pub(crate) pixels: Vec<f32>,
    pub(crate) seeds: Vec<u64>,
}

impl LlavaCaptioner {
    /// Loads a Hugging Face directory.
    ///
    /// # Errors
    /// Whatever of it is missing, damaged, contradictory or not supported, by file.
    pub fn load(config: &CaptionerConfig) -> Result<LlavaCaptioner> {
        config.settings.none()?;
        nn::limit_threads(config.threads);
        let directory = &config.weights;
        let parts = LlavaConfig::read(directory)?;
        let size = parts.vision.image_size;
        let images = ImageConfig::read(directory, ImageConfig::cropped(size))?;
        if images.output() != Some((size, size)) {
            return Err(PluginError::data(format!(
                "{}: the image processor makes images of {:?} pixels, but config.json's vision_config reads {size} × {size}",
                directory.display(),
                images.output()
            )));
        }
        let tokenizer = Tokenizer::read(directory)?;
        let overrides = plugin::overrides(&config.generation);
        let settings = Settings::read(directory, Some(parts.end.as_ref().unwrap_or(&END.into())), &overrides)?;
        settings.check()?;
        for ignored in &settings.ignored {
            config.host.warn(&format!("generation_config.json: {ignored} is not supported and has no effect"));
        }
        let prompt = config.prompt.clone().unwrap_or_else(|| PROMPT.to_string());
        let text = tokenizer.encode(&prompt)?;
        if tokenizer.id(IMAGE) != Some(parts.image_token) {
            return Err(PluginError::data(format!(
                "{}: `{IMAGE}` is token {:?}, but config.json's image_token_index is {}",
                tokenizer.path().display(),
                tokenizer.id(IMAGE),
                parts.image_token
            )));
        }
        let placement = plugin::placement(config.device)?;
        let parameters = Llava::expected(&parts)?.parameters();
        nn::memory::refuse_too_large(directory, parameters, &placement)?;
        let model = Llava::load(directory, &parts, &placement, config.adapter.as_deref())?;
        model.image_place(&text)?;
        tokenizer.check_vocabulary(model.language().vocabulary())?;
        settings.check_room(model.prompt_length(&text), model.language().positions())?;
        Ok(LlavaCaptioner {
            model,
            images,
            tokenizer,
            settings,
            text,
            prompt,
            placement,
            parameters,
            host: config.host,
        })
    }
}

impl Captioner for LlavaCaptioner {
    type Batch = Batch;

    fn describe(&self) -> CaptionerDescription {
        CaptionerDescription {
            architecture: "LLaVA with Llama".into(),
            parameters: self.parameters,
            device: self.placement.to_string(),
            precision: self.placement.precision().into(),
            generation: plugin::described(&self.settings),
            prompt: Some(self.prompt.clone()),
            capabilities: vec!["caption".into(), "train".into()],
            embedding_spaces: Vec::new(),
        }
    }

    fn prepare(&self, inputs: &[CaptionInput<'_>]) -> Result<Batch> {
        let mut pixels = Vec::new();
        for input in inputs {
            let image = input.image;
            pixels.extend(nn::image::prepare(image.width, image.height, image.rgb, &self.images)?.values);
        }
        Ok(Batch { pixels, seeds: inputs.iter().map(|input| input.seed).collect() })
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
