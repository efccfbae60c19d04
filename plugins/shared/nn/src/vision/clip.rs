//! CLIP's vision tower (Radford et al. 2021), up to the hidden layer that a captioner reads.

use super::patches::PatchEmbedding;
use crate::layers::{Activation, Embedding, LayerNorm, Linear};
use crate::training::{Attention, Heads, Tape, Var};
use crate::weights::Loader;
use crate::{Result, parallel};
use burn::tensor::Tensor;
use serde::Deserialize;

/// `vision_config` of model type `clip_vision_model`, with CLIP's own defaults (ViT-B/32).
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct ClipConfig {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    /// Pixels; the image is square.
    pub image_size: usize,
    pub patch_size: usize,
    pub hidden_act: Activation,
    pub layer_norm_eps: f64,
}

impl Default for ClipConfig {
    fn default() -> Self {
        ClipConfig {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            image_size: 224,
            patch_size: 32,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

impl ClipConfig {
    /// Patches, without the class token. An incomplete patch at the border is left out.
    pub fn patches(&self) -> usize {
        (self.image_size / self.patch_size.max(1)).pow(2)
    }

    /// What makes no model, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.patch_size == 0 || !self.image_size.is_multiple_of(self.patch_size) || self.image_size == 0 {
            return Some(format!("patches of {} do not fill an image of {}", self.patch_size, self.image_size));
        }
        crate::config::heads_problem("vision_config", self.hidden_size, self.num_attention_heads)
    }
}

/// Pre-norm transformer over patches and a class token.
pub struct ClipVision {
    class: Tensor<1>,
    patches: PatchEmbedding,
    positions: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

/// One layer of a CLIP tower; the text tower's are the same.
pub struct Layer {
    attention_norm: LayerNorm,
    qkv: Linear,
    output: Linear,
    mlp_norm: LayerNorm,
    up: Linear,
    down: Linear,
    heads: usize,
    activation: Activation,
}

impl ClipVision {
    /// Reads the tensors below `loader`. Only the first `layers` layers are kept: those behind the hidden state in use take no
    /// memory.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, config: &ClipConfig, layers: usize) -> Result<ClipVision> {
        let width = config.hidden_size;
        let embeddings = loader.at("embeddings");
        let wanted = if loader.is_noting() {
            // Files hold the rest of the tower too.
            LayerNorm::load(&loader.at("post_layernorm"), width, config.layer_norm_eps)?;
            config.num_hidden_layers
        } else {
            layers
        };
        Ok(ClipVision {
            class: embeddings.tensor("class_embedding", [width])?,
            patches: PatchEmbedding::load(&embeddings.at("patch_embedding"), width, config.patch_size, false)?,
            positions: Embedding::load(&embeddings.at("position_embedding"), config.patches() + 1, width)?,
            norm: LayerNorm::load(&loader.at("pre_layrnorm"), width, config.layer_norm_eps)?,
            layers: parallel::build(wanted, |index| {
                Layer::load(&loader.at(&format!("encoder.layers.{index}")), config)
            })?,
        })
    }

    /// Pixels `[rows, 3, size, size]` to the hidden state after the last kept layer, `[rows, patches + 1, width]`, the class
    /// token first.
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<3> {
        self.forward_on(&mut Tape::off(), pixels).value
    }

    /// [`ClipVision::forward`] on a tape.
    pub fn forward_on<'m>(&'m self, tape: &mut Tape<'m>, pixels: Tensor<4>) -> Var {
        let [rows, ..] = pixels.dims();
        let [width] = self.class.dims();
        let class = self.class.clone().reshape([1, 1, width]).expand([rows, 1, width]);
        let x = Tensor::cat(vec![class, self.patches.forward(pixels)], 1) + self.positions.table().unsqueeze_dim(0);
        let mut x = Var::constant(self.norm.forward(x));
        for layer in &self.layers {
            x = tape.block(&[&x], move |tape, inputs| layer.forward(tape, &inputs[0], None));
        }
        x
    }
}

impl Layer {
    /// Reads the tensors below `loader`, of the configuration's width, heads and activation.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, config: &ClipConfig) -> Result<Layer> {
        let (width, inner, epsilon) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let parts = [("q_proj", width), ("k_proj", width), ("v_proj", width)];
        Ok(Layer {
            attention_norm: LayerNorm::load(&loader.at("layer_norm1"), width, epsilon)?,
            qkv: Linear::load_joined(&loader.at("self_attn"), width, &parts, true)?,
            output: Linear::load(&loader.at("self_attn.out_proj"), width, width, true)?,
            mlp_norm: LayerNorm::load(&loader.at("layer_norm2"), width, epsilon)?,
            up: Linear::load(&loader.at("mlp.fc1"), width, inner, true)?,
            down: Linear::load(&loader.at("mlp.fc2"), inner, width, true)?,
            heads: config.num_attention_heads,
            activation: config.hidden_act,
        })
    }

    /// `[rows, length, width]` to the same; the bias hides positions.
    pub fn apply(&self, x: Tensor<3>, bias: Option<Tensor<4>>) -> Tensor<3> {
        self.forward(&mut Tape::off(), &Var::constant(x), bias).value
    }

    fn forward<'m>(&'m self, tape: &mut Tape<'m>, x: &Var, bias: Option<Tensor<4>>) -> Var {
        let normed = tape.layer_norm(x, &self.attention_norm);
        let all = tape.linear(&normed, &self.qkv);
        let attention = Attention { bias, ..Attention::plain(self.heads, all.width() / 3) };
        let attended = tape.attention(&Heads::Joined(&all), attention);
        let x = tape.added(&attended, &self.output, x);
        let normed = tape.layer_norm(&x, &self.mlp_norm);
        let inner = tape.activated(&normed, &self.up, self.activation);
        tape.added(&inner, &self.down, &x)
    }
}
