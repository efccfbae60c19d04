//! The encoder that the host sees: a directory in, an image's pooled features out.

use crate::config::{ResNetConfig, image_config};
use crate::model::ResNet;
use nn::image::{ImageConfig, Resize};
use nn::plugin;
use plugin_api::{
    EmbeddingSpace, Encoder, EncoderConfig, EncoderDescription, EncoderInputs, Modality, PluginError, PreparedInputs,
    Result,
};
use serde::Deserialize;

/// The layer of torchvision's network whose output the features are.
const SPACE: &str = "avgpool";

/// A ResNet with its image processor.
pub struct ResNetEncoder {
    model: ResNet,
    images: ImageConfig,
    /// Height and width.
    size: (usize, usize),
    description: EncoderDescription,
}

/// What [`Encoder::prepare`] makes of a batch of images.
pub struct Batch {
    /// `[rows, 3, height, width]`.
    pixels: Vec<f32>,
    rows: usize,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Pixels of the shortest edge before the middle is cut: 232 for torchvision's `IMAGENET1K_V2`.
    resize: Option<usize>,
}

impl ResNetEncoder {
    /// Loads a directory.
    ///
    /// # Errors
    /// Whatever of it is missing, damaged, contradictory or not supported, by file.
    pub fn load(config: &EncoderConfig) -> Result<ResNetEncoder> {
        let options: Options = config.settings.parse()?;
        if config.adapter.is_some() {
            return Err(PluginError::unsupported("a ResNet takes no adapter"));
        }
        nn::limit_threads(config.threads);
        let directory = &config.weights;
        let parts = ResNetConfig::read(directory)?;
        let mut images = image_config(directory)?;
        if let Some(edge) = options.resize {
            images.resize = Some(Resize::ShortestEdge(edge));
        }
        let size = images.output().filter(|(height, width)| *height > 0 && *width > 0).ok_or_else(|| {
            PluginError::data(format!(
                "{}: the image processor makes images of different sizes, which cannot stand in one batch",
                directory.display()
            ))
        })?;
        if options.resize.is_some_and(|edge| edge < size.0.max(size.1)) {
            return Err(PluginError::configuration(format!(
                "resize: an edge of {} pixels is shorter than the {} × {} that are cut",
                options.resize.unwrap_or(0),
                size.0,
                size.1
            )));
        }
        let placement = plugin::placement(config.device)?;
        let model = ResNet::load(directory, &parts, &placement)?;
        let description = EncoderDescription {
            architecture: format!("ResNet{}", 2 + 3 * parts.depths.iter().sum::<usize>()),
            parameters: ResNet::expected(&parts)?.parameters(),
            device: placement.to_string(),
            precision: placement.precision().into(),
            spaces: vec![EmbeddingSpace { name: SPACE.into(), shape: vec![parts.features()], input: Modality::Image }],
        };
        Ok(ResNetEncoder { model, images, size, description })
    }
}

impl Encoder for ResNetEncoder {
    type Batch = Batch;

    fn describe(&self) -> EncoderDescription {
        self.description.clone()
    }

    fn prepare(&self, inputs: EncoderInputs<'_>) -> Result<PreparedInputs<Batch>> {
        match inputs {
            EncoderInputs::Images(images) => {
                Ok(PreparedInputs::whole(Batch { pixels: plugin::pixels(images, &self.images)?, rows: images.len() }))
            }
            EncoderInputs::Texts(_) => Err(PluginError::unsupported("a ResNet embeds images, and no texts")),
        }
    }

    fn embed(&self, batch: Batch, space: &str) -> Result<Vec<f32>> {
        if space != SPACE {
            return Err(plugin::unknown_space(space, &self.description.spaces));
        }
        if batch.rows == 0 {
            return Ok(Vec::new());
        }
        let (height, width) = self.size;
        Ok(plugin::rows(|| self.model.features(batch.pixels, [batch.rows, height, width]))?)
    }
}
