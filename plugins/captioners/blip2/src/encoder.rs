//! The captioner's eyes as an encoder: the vision tower's output and the Q-Former's. The language model is not loaded.

use crate::Blip2;
use crate::config::Blip2Config;
use nn::adapter::Adapter;
use nn::captioner::Family;
use nn::image::ImageConfig;
use nn::qformer::QFormer;
use nn::vision::Vit;
use nn::weights::{Checkpoint, Loader};
use nn::{Placement, Tensor, plugin};
use plugin_api::{
    EmbeddingSpace, Encoder, EncoderConfig, EncoderDescription, EncoderInputs, Modality, PluginError, PreparedInputs,
    Result,
};

/// The mean of the vision tower's vectors, the class token's among them.
const VISION: &str = "vision";
/// The queries' vectors, one behind the other.
const QUERIES: &str = "queries";

/// Vision tower and Q-Former of a BLIP-2 checkpoint, with its image processor.
pub struct Blip2Encoder {
    vision: Vit,
    qformer: QFormer,
    images: ImageConfig,
    size: usize,
    placement: Placement,
    description: EncoderDescription,
}

/// What [`Encoder::prepare`] makes of a batch of images.
pub struct Batch {
    /// `[rows, 3, size, size]`.
    pixels: Vec<f32>,
    rows: usize,
}

/// The spaces of a configuration's model.
pub fn spaces(config: &Blip2Config) -> Vec<EmbeddingSpace> {
    let space = |name: &str, shape| EmbeddingSpace { name: name.into(), shape, input: Modality::Image };
    vec![
        space(VISION, vec![config.vision.hidden_size]),
        space(QUERIES, vec![config.queries, config.qformer.hidden_size]),
    ]
}

impl Blip2Encoder {
    /// Loads a Hugging Face directory, with an adapter merged into it if one is given.
    ///
    /// # Errors
    /// Whatever of it is missing, damaged, contradictory or not supported, by file.
    pub fn load(config: &EncoderConfig) -> Result<Blip2Encoder> {
        config.settings.none()?;
        nn::limit_threads(config.threads);
        let directory = &config.weights;
        let parts = Blip2Config::read(directory)?;
        let images = parts.images(directory)?;
        let placement = plugin::placement(config.device)?;
        let checkpoint = Checkpoint::open(directory)?;
        // The whole model must be there: a damaged checkpoint is no source of features either.
        let expected = Blip2::expected(&parts)?;
        expected.check(&checkpoint)?;
        let adapter = config.adapter.as_deref().map(Adapter::read).transpose()?;
        if let Some(adapter) = &adapter {
            adapter.check(&expected)?;
        }
        let loader = Loader::from_files(checkpoint, &placement).with_adapter(adapter);
        let (vision, qformer) = loader.build(|loader| Self::parts(loader, &parts))?;
        let description = EncoderDescription {
            architecture: parts.architecture().into(),
            parameters: Loader::expected(|loader| Self::parts(loader, &parts))?.parameters(),
            device: placement.to_string(),
            precision: placement.precision().into(),
            spaces: spaces(&parts),
        };
        Ok(Blip2Encoder { vision, qformer, images, size: parts.vision.image_size, placement, description })
    }

    fn parts(loader: &Loader, config: &Blip2Config) -> nn::Result<(Vit, QFormer)> {
        Ok((
            Vit::load(&loader.at("vision_model"), &config.vision)?,
            QFormer::load(loader, &config.qformer, config.queries, config.vision.hidden_size)?,
        ))
    }
}

impl Encoder for Blip2Encoder {
    type Batch = Batch;

    fn describe(&self) -> EncoderDescription {
        self.description.clone()
    }

    fn prepare(&self, inputs: EncoderInputs<'_>) -> Result<PreparedInputs<Batch>> {
        match inputs {
            EncoderInputs::Images(images) => {
                Ok(PreparedInputs::whole(Batch { pixels: plugin::pixels(images, &self.images)?, rows: images.len() }))
            }
            EncoderInputs::Texts(_) => Err(PluginError::unsupported("BLIP-2 embeds images, and no texts")),
        }
    }

    fn embed(&self, batch: Batch, space: &str) -> Result<Vec<f32>> {
        if space != VISION && space != QUERIES {
            return Err(plugin::unknown_space(space, &self.description.spaces));
        }
        let rows = batch.rows;
        if rows == 0 {
            return Ok(Vec::new());
        }
        let embed = || -> Tensor<2> {
            let pixels = self.placement.tensor(&batch.pixels, [rows, 3, self.size, self.size]);
            let states = self.vision.forward(pixels);
            if space == VISION {
                return states.mean_dim(1).squeeze_dim(1);
            }
            let queries = self.qformer.forward(states);
            let [_, count, width] = queries.dims();
            queries.reshape([rows, count * width])
        };
        Ok(plugin::rows(embed)?)
    }
}
