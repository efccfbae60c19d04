//! The encoder that the host sees: a directory in, vectors of images and texts out.

use crate::config::{ClipModelConfig, TextConfig};
use crate::model::Clip;
use nn::image::ImageConfig;
use nn::plugin;
use nn::text::Tokenizer;
use plugin_api::{
    EmbeddingSpace, Encoder, EncoderConfig, EncoderDescription, EncoderInputs, Modality, PluginError, PreparedInputs,
    Result,
};

const IMAGE: &str = "image";
const TEXT: &str = "text";

/// A CLIP checkpoint with its image processor and tokenizer.
pub struct ClipEncoder {
    model: Clip,
    images: ImageConfig,
    tokenizer: Tokenizer,
    text: TextConfig,
    description: EncoderDescription,
}

/// What [`Encoder::prepare`] makes of a batch.
pub enum Batch {
    /// `[rows, 3, size, size]`.
    Images { pixels: Vec<f32>, rows: usize },
    /// Token ids, and the place of the vector that stands for the text.
    Texts(Vec<(Vec<u32>, usize)>),
}

impl ClipEncoder {
    /// Loads a Hugging Face directory.
    ///
    /// # Errors
    /// Whatever of it is missing, damaged, contradictory or not supported, by file.
    pub fn load(config: &EncoderConfig) -> Result<ClipEncoder> {
        config.settings.none()?;
        if config.adapter.is_some() {
            return Err(PluginError::unsupported("an adapter cannot be applied to CLIP"));
        }
        nn::limit_threads(config.threads);
        let directory = &config.weights;
        let parts = ClipModelConfig::read(directory)?;
        let size = parts.vision.image_size;
        let images = ImageConfig::read_square(directory, ImageConfig::cropped(size), size)?;
        let mut tokenizer = Tokenizer::read(directory)?;
        tokenizer.limit(parts.text.max_position_embeddings)?;
        let placement = plugin::placement(config.device)?;
        let model = Clip::load(directory, &parts, &placement)?;
        tokenizer.check_vocabulary(model.vocabulary())?;
        let space = |name: &str, input| EmbeddingSpace { name: name.into(), shape: vec![parts.projection], input };
        let description = EncoderDescription {
            architecture: "CLIP".into(),
            parameters: Clip::expected(&parts)?.parameters(),
            device: placement.to_string(),
            precision: placement.precision().into(),
            spaces: vec![space(IMAGE, Modality::Image), space(TEXT, Modality::Text)],
        };
        Ok(ClipEncoder { model, images, tokenizer, text: parts.text, description })
    }
}

impl Encoder for ClipEncoder {
    type Batch = Batch;

    fn describe(&self) -> EncoderDescription {
        self.description.clone()
    }

    fn prepare(&self, inputs: EncoderInputs<'_>) -> Result<PreparedInputs<Batch>> {
        match inputs {
            EncoderInputs::Images(images) => {
                let pixels = plugin::pixels(images, &self.images)?;
                Ok(PreparedInputs::whole(Batch::Images { pixels, rows: images.len() }))
            }
            EncoderInputs::Texts(texts) => {
                let mut prepared = PreparedInputs::whole(Vec::with_capacity(texts.len()));
                for (place, text) in texts.iter().enumerate() {
                    let (ids, cut) = self.tokenizer.encode_limited(text)?;
                    if cut {
                        prepared.truncated.push(place);
                    }
                    let end = self.text.end_of(&ids);
                    prepared.batch.push((ids, end));
                }
                Ok(PreparedInputs { batch: Batch::Texts(prepared.batch), truncated: prepared.truncated })
            }
        }
    }

    fn embed(&self, batch: Batch, space: &str) -> Result<Vec<f32>> {
        match (space, batch) {
            (IMAGE, Batch::Images { rows: 0, .. }) => Ok(Vec::new()),
            (IMAGE, Batch::Images { pixels, rows }) => Ok(plugin::rows(|| self.model.embed_images(pixels, rows))?),
            (TEXT, Batch::Texts(texts)) if texts.is_empty() => Ok(Vec::new()),
            (TEXT, Batch::Texts(texts)) => Ok(plugin::rows(|| self.model.embed_texts(&texts))?),
            (IMAGE, _) => Err(PluginError::unsupported("the space `image` takes images, and no texts")),
            (TEXT, _) => Err(PluginError::unsupported("the space `text` takes texts, and no images")),
            (other, _) => Err(plugin::unknown_space(other, &self.description.spaces)),
        }
    }
}
