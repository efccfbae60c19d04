//! The captioner that the host sees: a directory in, captions out.

use crate::config::Blip2Config;
use crate::model::Blip2;
use nn::generation::Settings;
use nn::image::ImageConfig;
use nn::text::Tokenizer;
use nn::{Error, Placement, plugin};
use plugin_api::{Caption, CaptionInput, Captioner, CaptionerConfig, CaptionerDescription, Host, PluginError, Result};

/// A BLIP-2 checkpoint with its image processor, tokenizer and settings.
pub struct Blip2Captioner {
    pub(crate) model: Blip2,
    images: ImageConfig,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) settings: Settings,
    /// The prompt's tokens, or the token that begins a caption without one.
    pub(crate) text: Vec<u32>,
    pub(crate) prompt: Option<String>,
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

impl Blip2Captioner {
    /// Loads a Hugging Face directory.
    ///
    /// # Errors
    /// Whatever of it is missing, damaged, contradictory or not supported, by file.
    pub fn load(config: &CaptionerConfig) -> Result<Blip2Captioner> {
        config.settings.none()?;
        nn::limit_threads(config.threads);
        let directory = &config.weights;
        let parts = Blip2Config::read(directory)?;
        let size = parts.vision.image_size;
        let images = ImageConfig::read(directory, ImageConfig::exact(size))?;
        if images.output() != Some((size, size)) {
            return Err(PluginError::data(format!(
                "{}: the image processor makes images of {:?} pixels, but config.json's vision_config reads {size} × {size}",
                directory.display(),
                images.output()
            )));
        }
        let tokenizer = Tokenizer::read(directory)?;
        let mut overrides = plugin::overrides(&config.generation);
        if let (Some(end), Some(map)) = (&parts.end, overrides.as_object_mut()) {
            // As in transformers, where the language model generates by its own configuration.
            map.insert("eos_token_id".into(), end.clone());
        }
        let settings = Settings::read(directory, Some(&parts.usual_end()), &overrides)?;
        settings.check()?;
        for ignored in &settings.ignored {
            config.host.warn(&format!("generation_config.json: {ignored} is not supported and has no effect"));
        }
        let text = match (&config.prompt, parts.begin_token) {
            (Some(prompt), _) => tokenizer.encode(prompt)?,
            (None, Some(begin)) => vec![begin],
            // T5's tokenizer ends every text, also an empty one.
            (None, None) => tokenizer.encode("")?,
        };
        if text.is_empty() {
            return Err(Error::Request("the prompt is no token at all".into()).into());
        }
        let placement = plugin::placement(config.device)?;
        let parameters = Blip2::expected(&parts)?.parameters();
        nn::memory::refuse_too_large(directory, parameters, &placement)?;
        let model = Blip2::load(directory, &parts, &placement, config.adapter.as_deref())?;
        tokenizer.check_vocabulary(model.language().vocabulary())?;
        settings.check_room(model.prompt_length(&text), model.language().positions())?;
        Ok(Blip2Captioner {
            model,
            images,
            tokenizer,
            settings,
            text,
            prompt: config.prompt.clone(),
            placement,
            parameters,
            host: config.host,
        })
    }
}

impl Captioner for Blip2Captioner {
    type Batch = Batch;

    fn describe(&self) -> CaptionerDescription {
        CaptionerDescription {
            architecture: self.model.config().architecture().into(),
            parameters: self.parameters,
            device: self.placement.to_string(),
            precision: self.placement.precision().into(),
            generation: plugin::described(&self.settings),
            prompt: self.prompt.clone(),
            capabilities: vec!["caption".into(), "train".into(), "embed".into()],
            embedding_spaces: crate::encoder::spaces(self.model.config()),
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
