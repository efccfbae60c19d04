//! BLIP-2's vision tower: the ViT-g of EVA-CLIP with its last layer left out (Fang et al. 2022; Li et al. 2023).

use super::patches::PatchEmbedding;
use crate::layers::{Activation, LayerNorm, Linear, attend, joined_heads, split_heads};
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
        let [rows, ..] = pixels.dims();
        let [_, _, width] = self.class.dims();
        let class = self.class.clone().expand([rows, 1, width]);
        let mut x = Tensor::cat(vec![class, self.patches.forward(pixels)], 1) + self.positions.clone();
        for layer in &self.layers {
            x = layer.forward(x);
        }
        self.norm.forward(x)
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

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let heads = self.heads;
        let all = split_heads(self.qkv.forward(self.attention_norm.forward(x.clone())), 3 * heads);
        let size = all.dims()[3];
        let part = |index: usize| all.clone().narrow(1, index * heads, heads);
        let attended = attend(part(0), part(1), part(2), None, (size as f64).powf(-0.5));
        let x = x + self.projection.forward(joined_heads(attended));
        let inner = self.activation.apply(self.up.forward(self.mlp_norm.forward(x.clone())));
        x + self.down.forward(inner)
    }
}
