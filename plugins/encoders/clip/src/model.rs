//! Both towers and their projections.

use crate::config::{ClipModelConfig, TextConfig};
use nn::layers::{Embedding, LayerNorm, Linear, causal_bias};
use nn::vision::{ClipLayer, ClipVision};
use nn::weights::{Checkpoint, Expected, Loader};
use nn::{Int, Placement, Result, Tensor, TensorData, parallel};
use std::path::Path;

/// A CLIP model on a device.
pub struct Clip {
    vision: ClipVision,
    vision_norm: LayerNorm,
    vision_projection: Linear,
    text: TextTower,
    text_projection: Linear,
    image_size: usize,
    placement: Placement,
}

/// Pre-norm transformer over tokens, each of which sees those before it.
struct TextTower {
    tokens: Embedding,
    positions: Embedding,
    layers: Vec<ClipLayer>,
    norm: LayerNorm,
}

impl Clip {
    /// Loads the weights of a directory.
    ///
    /// # Errors
    /// The files are missing or damaged, or their tensors are not those of the configuration; every such tensor is named.
    pub fn load(directory: &Path, config: &ClipModelConfig, placement: &Placement) -> Result<Clip> {
        let checkpoint = Checkpoint::open(directory)?;
        Self::expected(config)?.check(&checkpoint)?;
        Loader::from_files(checkpoint, placement).build(|loader| Self::build(loader, config))
    }

    /// The model at full size with weights that mean nothing, for measuring.
    ///
    /// # Errors
    /// The device cannot hold it in its number format.
    pub fn random(config: &ClipModelConfig, placement: &Placement) -> Result<Clip> {
        Loader::random(0, placement).build(|loader| Self::build(loader, config))
    }

    /// The tensors that a configuration has.
    ///
    /// # Errors
    /// None that a valid configuration leads to.
    pub fn expected(config: &ClipModelConfig) -> Result<Expected> {
        Loader::expected(|loader| Self::build(loader, config))
    }

    fn build(loader: &Loader, config: &ClipModelConfig) -> Result<Clip> {
        let (vision, text) = (&config.vision, &config.text);
        // How sure the model is of a likeness: of no use for embeddings.
        loader.note_copy("logit_scale");
        let inside = loader.at("vision_model");
        Ok(Clip {
            vision: ClipVision::load(&inside, vision, vision.num_hidden_layers)?,
            vision_norm: LayerNorm::load(&inside.at("post_layernorm"), vision.hidden_size, vision.layer_norm_eps)?,
            vision_projection: Linear::load(
                &loader.at("visual_projection"),
                vision.hidden_size,
                config.projection,
                false,
            )?,
            text: TextTower::load(&loader.at("text_model"), text)?,
            text_projection: Linear::load(&loader.at("text_projection"), text.hidden_size, config.projection, false)?,
            image_size: vision.image_size,
            placement: loader.placement().clone(),
        })
    }

    /// Pixel values `[rows, 3, size, size]`, row-major, to `[rows, projection]`.
    pub fn embed_images(&self, pixels: Vec<f32>, rows: usize) -> Tensor<2> {
        let data = TensorData::new(pixels, [rows, 3, self.image_size, self.image_size]);
        let pixels = Tensor::from_data(data, (&self.placement.device, self.placement.dtype));
        let states = self.vision.forward(pixels);
        // The class token's.
        let class: Tensor<2> = states.narrow(1, 0, 1).squeeze_dim(1);
        self.vision_projection.forward(self.vision_norm.forward(class))
    }

    /// Texts as token ids, each with the place whose vector stands for it, to `[rows, projection]`.
    pub fn embed_texts(&self, texts: &[(Vec<u32>, usize)]) -> Tensor<2> {
        let rows = texts.len();
        let length = texts.iter().map(|(ids, _)| ids.len()).max().unwrap_or(0);
        // Padding stands behind the text, where no token before it looks.
        let ids: Vec<u32> = texts
            .iter()
            .flat_map(|(ids, _)| ids.iter().copied().chain(std::iter::repeat_n(0, length - ids.len())))
            .collect();
        let states = self.text.forward(&ids, [rows, length], &self.placement);
        let width = states.dims()[2];
        let places: Vec<i32> =
            texts.iter().enumerate().map(|(row, (_, place))| (row * length + place) as i32).collect();
        let places: Tensor<1, Int> = Tensor::from_data(TensorData::new(places, [rows]), &self.placement.device);
        let ends: Tensor<2> = states.reshape([rows * length, width]).select(0, places);
        self.text_projection.forward(self.text.norm.forward(ends))
    }

    /// How many tokens have a vector.
    pub fn vocabulary(&self) -> usize {
        self.text.tokens.count()
    }
}

impl TextTower {
    fn load(loader: &Loader, config: &TextConfig) -> Result<TextTower> {
        let (width, layer) = (config.hidden_size, config.layer());
        let embeddings = loader.at("embeddings");
        Ok(TextTower {
            tokens: Embedding::load(&embeddings.at("token_embedding"), config.vocab_size, width)?,
            positions: Embedding::load(&embeddings.at("position_embedding"), config.max_position_embeddings, width)?,
            layers: parallel::build(config.num_hidden_layers, |index| {
                ClipLayer::load(&loader.at(&format!("encoder.layers.{index}")), &layer)
            })?,
            norm: LayerNorm::load(&loader.at("final_layer_norm"), width, config.layer_norm_eps)?,
        })
    }

    /// Before the final norm, `[rows, length, width]`.
    fn forward(&self, ids: &[u32], [rows, length]: [usize; 2], placement: &Placement) -> Tensor<3> {
        let width = self.tokens.width();
        let tokens: Tensor<3> = self.tokens.rows(ids).reshape([rows, length, width]);
        let positions: Tensor<3> = self.positions.table().narrow(0, 0, length).unsqueeze_dim(0);
        let future = causal_bias(length, &[0], &placement.device, placement.dtype);
        let mut x = tokens + positions;
        for layer in &self.layers {
            x = layer.apply(x, Some(future.clone()));
        }
        x
    }
}
