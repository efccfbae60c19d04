//! BLIP-2's vision tower: the ViT-g of EVA-CLIP with its last layer left out (Fang et al. 2022; Li et al. 2023).

use super::patches::PatchEmbedding;
use crate::layers::{Activation, LayerNorm, Linear};
use crate::training::{Attention, Heads, Tape, Var};
use crate::weights::Loader;
use crate::{Result, parallel};
use burn::tensor::Tensor;
use serde::Deserialize;

/// `vision_config` of a BLIP-2 configuration, with the defaults of transformers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct VitConfig {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    /// Pixels; the image is square.
    pub image_size: usize,
    pub patch_size: usize,
    pub hidden_act: Activation,
    pub layer_norm_eps: f64,
    pub qkv_bias: bool,
}

impl Default for VitConfig {
    fn default() -> Self {
        VitConfig {
            hidden_size: 1408,
            intermediate_size: 6144,
            num_hidden_layers: 39,
            num_attention_heads: 16,
            image_size: 224,
            patch_size: 14,
            hidden_act: Activation::Gelu,
            layer_norm_eps: 1e-6,
            qkv_bias: true,
        }
    }
}

impl VitConfig {
    /// Patches plus the class token.
    pub fn positions(&self) -> usize {
        (self.image_size / self.patch_size).pow(2) + 1
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
pub struct Vit {
    class: Tensor<3>,
    patches: PatchEmbedding,
    positions: Tensor<3>,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

struct Layer {
    attention_norm: LayerNorm,
    qkv: Linear,
    projection: Linear,
    mlp_norm: LayerNorm,
    up: Linear,
    down: Linear,
    heads: usize,
    activation: Activation,
}

impl Vit {
    /// Reads the tensors below `loader`.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, config: &VitConfig) -> Result<Vit> {
        let width = config.hidden_size;
        let embeddings = loader.at("embeddings");
        Ok(Vit {
            class: embeddings.tensor("class_embedding", [1, 1, width])?,
            patches: PatchEmbedding::load(&embeddings.at("patch_embedding"), width, config.patch_size, true)?,
            positions: embeddings.tensor("position_embedding", [1, config.positions(), width])?,
            layers: parallel::build(config.num_hidden_layers, |index| {
                Layer::load(&loader.at(&format!("encoder.layers.{index}")), config)
            })?,
            norm: LayerNorm::load(&loader.at("post_layernorm"), width, config.layer_norm_eps)?,
        })
    }

    /// Pixels `[rows, 3, size, size]` to `[rows, patches + 1, width]`, the class token first.
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<3> {
        self.forward_on(&mut Tape::off(), pixels).value
    }

    /// [`Vit::forward`] on a tape.
    pub fn forward_on<'m>(&'m self, tape: &mut Tape<'m>, pixels: Tensor<4>) -> Var {
        let [rows, ..] = pixels.dims();
        let [_, _, width] = self.class.dims();
        let class = self.class.clone().expand([rows, 1, width]);
        let x = Tensor::cat(vec![class, self.patches.forward(pixels)], 1) + self.positions.clone();
        let mut x = Var::constant(x);
        for layer in &self.layers {
            x = tape.block(&[&x], move |tape, inputs| layer.forward(tape, &inputs[0]));
        }
        tape.layer_norm(&x, &self.norm)
    }
}

impl Layer {
    fn load(loader: &Loader, config: &VitConfig) -> Result<Layer> {
        let (width, inner, epsilon) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        Ok(Layer {
            attention_norm: LayerNorm::load(&loader.at("layer_norm1"), width, epsilon)?,
            qkv: Linear::load(&loader.at("self_attn.qkv"), width, 3 * width, config.qkv_bias)?,
            projection: Linear::load(&loader.at("self_attn.projection"), width, width, true)?,
            mlp_norm: LayerNorm::load(&loader.at("layer_norm2"), width, epsilon)?,
            up: Linear::load(&loader.at("mlp.fc1"), width, inner, true)?,
            down: Linear::load(&loader.at("mlp.fc2"), inner, width, true)?,
            heads: config.num_attention_heads,
            activation: config.hidden_act,
        })
    }

    fn forward<'m>(&'m self, tape: &mut Tape<'m>, x: &Var) -> Var {
        let normed = tape.layer_norm(x, &self.attention_norm);
        let all = tape.linear(&normed, &self.qkv);
        let attended = tape.attention(&Heads::Joined(&all), Attention::plain(self.heads, all.width() / 3));
        let x = tape.added(&attended, &self.projection, x);
        let normed = tape.layer_norm(&x, &self.mlp_norm);
        let inner = tape.activated(&normed, &self.up, self.activation);
        tape.added(&inner, &self.down, &x)
    }
}
