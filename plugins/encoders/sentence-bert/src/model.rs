//! MPNet as an encoder: a post-norm transformer whose layers share one table of relative positions.

use crate::config::MpnetConfig;
use crate::modules::Pooling;
use nn::layers::{
    Activation, Embedding, LayerNorm, Linear, RelativePositions, attend, joined_heads, length_bias, split_heads,
};
use nn::weights::{Checkpoint, Expected, Loader};
use nn::{Placement, Result, Tensor, TensorData, parallel};
use std::path::Path;

/// The distance from which all share the last bucket.
const MAX_DISTANCE: usize = 128;
/// torch's `normalize` divides by at least so much.
const SHORTEST: f32 = 1e-12;

/// An MPNet on a device.
pub struct Mpnet {
    tokens: Embedding,
    positions: Embedding,
    norm: LayerNorm,
    relative: RelativePositions,
    layers: Vec<Layer>,
    config: MpnetConfig,
    placement: Placement,
}

struct Layer {
    qkv: Linear,
    output: Linear,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
    heads: usize,
    activation: Activation,
}

impl Mpnet {
    /// Loads the weights of a directory.
    ///
    /// # Errors
    /// The files are missing or damaged, or their tensors are not those of the configuration; every such tensor is named.
    pub fn load(directory: &Path, config: &MpnetConfig, placement: &Placement) -> Result<Mpnet> {
        let checkpoint = Checkpoint::open(directory)?;
        Self::expected(config)?.check(&checkpoint)?;
        Loader::from_files(checkpoint, placement).build(|loader| Self::build(loader, config))
    }

    /// The model at full size with weights that mean nothing, for measuring.
    ///
    /// # Errors
    /// The device cannot hold it in its number format.
    pub fn random(config: &MpnetConfig, placement: &Placement) -> Result<Mpnet> {
        Loader::random(0, placement).build(|loader| Self::build(loader, config))
    }

    /// The tensors that a configuration has.
    ///
    /// # Errors
    /// None that a valid configuration leads to.
    pub fn expected(config: &MpnetConfig) -> Result<Expected> {
        Loader::expected(|loader| Self::build(loader, config))
    }

    fn build(loader: &Loader, config: &MpnetConfig) -> Result<Mpnet> {
        let (width, epsilon) = (config.hidden_size, config.layer_norm_eps);
        let embeddings = loader.at("embeddings");
        // Trained for another task, and not part of a sentence's embedding.
        loader.note_copy("pooler.dense.weight");
        loader.note_copy("pooler.dense.bias");
        Ok(Mpnet {
            tokens: Embedding::load(&embeddings.at("word_embeddings"), config.vocab_size, width)?,
            positions: Embedding::load(&embeddings.at("position_embeddings"), config.max_position_embeddings, width)?,
            norm: LayerNorm::load(&embeddings.at("LayerNorm"), width, epsilon)?,
            relative: RelativePositions::load(
                &loader.at("encoder.relative_attention_bias"),
                config.relative_attention_num_buckets,
                config.num_attention_heads,
                MAX_DISTANCE,
                true,
            )?,
            layers: parallel::build(config.num_hidden_layers, |index| {
                Layer::load(&loader.at(&format!("encoder.layer.{index}")), config)
            })?,
            config: config.clone(),
            placement: loader.placement().clone(),
        })
    }

    /// Texts as token ids to their embeddings, `[rows, width]`.
    pub fn embed(&self, texts: &[Vec<u32>], pooling: Pooling, normalize: bool) -> Tensor<2> {
        let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
        let states = self.states(texts, &lengths);
        let pooled = match pooling {
            Pooling::First => states.narrow(1, 0, 1).squeeze_dim(1),
            Pooling::Mean => self.mean(states, &lengths),
        };
        if !normalize {
            return pooled;
        }
        let length = pooled.clone().square().sum_dim(1).sqrt().clamp_min(SHORTEST);
        pooled / length
    }

    /// The last layer's output, `[rows, longest, width]`.
    fn states(&self, texts: &[Vec<u32>], lengths: &[usize]) -> Tensor<3> {
        let (rows, width) = (texts.len(), self.config.hidden_size);
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let pad = self.config.pad_token_id;
        let padded =
            |ids: &Vec<u32>| ids.iter().copied().chain(std::iter::repeat_n(pad, longest - ids.len())).collect();
        let ids: Vec<u32> = texts.iter().flat_map(|ids| -> Vec<u32> { padded(ids) }).collect();
        let tokens: Tensor<3> = self.tokens.rows(&ids).reshape([rows, longest, width]);
        // Padding has a position of its own in the reference; here nothing looks at it.
        let positions: Tensor<3> =
            self.positions.table().narrow(0, self.config.first_position(), longest).unsqueeze_dim(0);
        let (device, dtype) = (&self.placement.device, self.placement.dtype);
        let mut bias = self.relative.bias(longest, device);
        if let Some(ends) = length_bias(lengths, device, dtype) {
            bias = bias + ends;
        }
        let mut x = self.norm.forward(tokens + positions);
        for layer in &self.layers {
            x = layer.forward(x, bias.clone());
        }
        x
    }

    /// The mean over each text's own tokens.
    fn mean(&self, states: Tensor<3>, lengths: &[usize]) -> Tensor<2> {
        let [rows, longest, _] = states.dims();
        let share =
            |length: usize| (0..longest).map(move |place| if place < length { 1.0 / length as f32 } else { 0.0 });
        let shares: Vec<f32> = lengths.iter().flat_map(|&length| share(length)).collect();
        let shares: Tensor<3> = Tensor::from_data(
            TensorData::new(shares, [rows, 1, longest]),
            (&self.placement.device, self.placement.dtype),
        );
        shares.matmul(states).squeeze_dim(1)
    }

    /// How many tokens have a vector.
    pub fn vocabulary(&self) -> usize {
        self.tokens.count()
    }
}

impl Layer {
    fn load(loader: &Loader, config: &MpnetConfig) -> Result<Layer> {
        let (width, inner, epsilon) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let attention = loader.at("attention");
        let parts = [("q", width), ("k", width), ("v", width)];
        Ok(Layer {
            qkv: Linear::load_joined(&attention.at("attn"), width, &parts, true)?,
            output: Linear::load(&attention.at("attn.o"), width, width, true)?,
            attention_norm: LayerNorm::load(&attention.at("LayerNorm"), width, epsilon)?,
            up: Linear::load(&loader.at("intermediate.dense"), width, inner, true)?,
            down: Linear::load(&loader.at("output.dense"), inner, width, true)?,
            norm: LayerNorm::load(&loader.at("output.LayerNorm"), width, epsilon)?,
            heads: config.num_attention_heads,
            activation: config.hidden_act,
        })
    }

    fn forward(&self, x: Tensor<3>, bias: Tensor<4>) -> Tensor<3> {
        let heads = self.heads;
        let all = split_heads(self.qkv.forward(x.clone()), 3 * heads);
        let size = all.dims()[3];
        let part = |index: usize| all.clone().narrow(1, index * heads, heads);
        let attended = attend(part(0), part(1), part(2), Some(bias), (size as f64).powf(-0.5));
        let x = self.attention_norm.forward(self.output.forward(joined_heads(attended)) + x);
        let inner = self.activation.apply(self.up.forward(x.clone()));
        self.norm.forward(self.down.forward(inner) + x)
    }
}
