//! Llama (Touvron et al. 2023): a pre-norm decoder with rotary positions, grouped keys and a gated feed-forward part.

mod training;

use super::LanguageModel;
use super::rotary::{Rotary, Turn};
use super::state::{Prompt, State, prompt_positions};
use crate::gpu::Pace;
use crate::layers::{Activation, Attending, Embedding, KvCache, Linear, RmsNorm, causal_bias};
use crate::training::{Labels, Tape, Var};
use crate::weights::Loader;
use crate::{Result, parallel};
use burn::tensor::{Int, Tensor};
use serde::Deserialize;

/// `text_config` of model type `llama`, with the defaults of transformers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct LlamaConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: Option<usize>,
    pub head_dim: Option<usize>,
    pub hidden_act: Activation,
    pub max_position_embeddings: usize,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    pub rope_scaling: Option<RopeParameters>,
    /// Where transformers 5 writes `rope_theta` and the scaling.
    pub rope_parameters: Option<RopeParameters>,
    pub attention_bias: bool,
    pub mlp_bias: bool,
    pub tie_word_embeddings: bool,
}

/// How positions become angles.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RopeParameters {
    pub rope_theta: Option<f64>,
    #[serde(alias = "type")]
    pub rope_type: Option<String>,
}

impl Default for LlamaConfig {
    fn default() -> Self {
        LlamaConfig {
            vocab_size: 32000,
            hidden_size: 4096,
            intermediate_size: 11008,
            num_hidden_layers: 32,
            num_attention_heads: 32,
            num_key_value_heads: None,
            head_dim: None,
            hidden_act: Activation::Silu,
            max_position_embeddings: 2048,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            rope_scaling: None,
            rope_parameters: None,
            attention_bias: false,
            mlp_bias: false,
            tie_word_embeddings: false,
        }
    }
}

impl LlamaConfig {
    pub(super) fn groups(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    pub(super) fn head_size(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    fn theta(&self) -> f64 {
        self.rope_parameters.as_ref().and_then(|rope| rope.rope_theta).unwrap_or(self.rope_theta)
    }

    /// What makes no model that can be run here, if anything.
    pub fn problem(&self) -> Option<String> {
        for rope in [&self.rope_scaling, &self.rope_parameters].into_iter().flatten() {
            if let Some(kind) = rope.rope_type.as_deref().filter(|kind| *kind != "default") {
                return Some(format!(
                    "text_config: rotary positions of type `{kind}` are not supported, only `default`"
                ));
            }
        }
        if self.groups() == 0 || !self.num_attention_heads.is_multiple_of(self.groups()) {
            return Some(format!(
                "text_config: {} heads cannot share {} key heads",
                self.num_attention_heads,
                self.groups()
            ));
        }
        if !self.head_size().is_multiple_of(2) {
            return Some(format!("text_config: rotary positions need an even head size, not {}", self.head_size()));
        }
        crate::config::heads_problem("text_config", self.hidden_size, self.num_attention_heads)
    }
}

/// The decoder with its head.
pub struct Llama {
    tokens: Embedding,
    rotary: Rotary,
    layers: Vec<Layer>,
    norm: RmsNorm,
    head: Linear,
    config: LlamaConfig,
}

struct Layer {
    attention_norm: RmsNorm,
    qkv: Linear,
    output: Linear,
    mlp_norm: RmsNorm,
    gate_up: Linear,
    down: Linear,
    heads: usize,
    groups: usize,
    activation: Activation,
}

impl Llama {
    /// Reads `embed_tokens`, `layers.…` and `norm` below `loader`, and `lm_head` as [`Linear::head`].
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, config: &LlamaConfig) -> Result<Llama> {
        let width = config.hidden_size;
        let tokens = Embedding::load(&loader.at("embed_tokens"), config.vocab_size, width)?;
        let shape = [config.vocab_size, width];
        let head = Linear::head(loader, shape, config.tie_word_embeddings, &tokens, "embed_tokens")?;
        Ok(Llama {
            tokens,
            rotary: Rotary::new(config.head_size(), config.theta()),
            layers: parallel::build(config.num_hidden_layers, |index| {
                Layer::load(&loader.at(&format!("layers.{index}")), config)
            })?,
            norm: RmsNorm::load(&loader.at("norm"), width, config.rms_norm_eps)?,
            head,
            config: config.clone(),
        })
    }

    fn scores(&self, x: Tensor<3>) -> Tensor<2> {
        let [_, length, _] = x.dims();
        let last: Tensor<2> = x.narrow(1, length - 1, 1).squeeze_dim(1);
        self.head.forward(self.norm.forward(last))
    }
}

impl LanguageModel for Llama {
    fn start(&self, mut prompt: Prompt, new_tokens: usize) -> (State, Tensor<2>) {
        let [rows, length, _] = prompt.embeddings.dims();
        let (device, dtype) = (prompt.embeddings.device(), prompt.embeddings.dtype());
        let (groups, size) = (self.config.groups(), self.config.head_size());
        let caches = prompt.caches(self.layers.len(), [groups, length + new_tokens, size]);
        let mut state = State::decoder_only(caches, prompt.padding);
        let turn = self.rotary.turn(&prompt_positions(length, &state.padding), rows, &device, dtype);
        let bias = causal_bias(length, &state.padding, &device, dtype);
        let mut x = prompt.embeddings;
        for (layer, cache) in self.layers.iter().zip(&mut state.caches) {
            x = layer.forward(x, cache, Some(&turn), Some(&bias), None);
        }
        #[cfg(feature = "cuda")]
        if crate::gpu::is_gpu(&device) {
            state.turns = Some(self.rotary.table(length + new_tokens, &device));
        }
        let scores = self.scores(x);
        (state, scores)
    }

    fn step(&self, state: &mut State, tokens: Tensor<1, Int>) -> Tensor<2> {
        let x = self.tokens.select(tokens);
        let pace = state.pace.clone();
        let (turn, bias) = if pace.is_some() {
            (None, None)
        } else {
            let turn = self.rotary.turn(&state.next_positions(), state.rows(), &x.device(), x.dtype());
            (Some(turn), state.step_bias())
        };
        let mut x = x.unsqueeze_dim(1);
        for (layer, cache) in self.layers.iter().zip(&mut state.caches) {
            x = layer.forward(x, cache, turn.as_ref(), bias.as_ref(), pace.as_deref());
        }
        self.scores(x)
    }

    fn learn<'m>(&'m self, tape: &mut Tape<'m>, prompt: &Var, labels: &Labels) -> Var {
        self.learnt(tape, prompt, labels)
    }

    fn embed(&self, ids: &[u32]) -> Tensor<2> {
        self.tokens.rows(ids)
    }

    fn vocabulary(&self) -> usize {
        self.tokens.count()
    }

    fn positions(&self) -> Option<usize> {
        Some(self.config.max_position_embeddings)
    }
}

impl Layer {
    fn load(loader: &Loader, config: &LlamaConfig) -> Result<Layer> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let queries = config.num_attention_heads * config.head_size();
        let shared = config.groups() * config.head_size();
        let attention = loader.at("self_attn");
        let parts = [("q_proj", queries), ("k_proj", shared), ("v_proj", shared)];
        let gated = [("gate_proj", inner), ("up_proj", inner)];
        Ok(Layer {
            attention_norm: RmsNorm::load(&loader.at("input_layernorm"), width, config.rms_norm_eps)?,
            qkv: Linear::load_joined(&attention, width, &parts, config.attention_bias)?,
            output: Linear::load(&attention.at("o_proj"), queries, width, config.attention_bias)?,
            mlp_norm: RmsNorm::load(&loader.at("post_attention_layernorm"), width, config.rms_norm_eps)?,
            gate_up: Linear::load_joined(&loader.at("mlp"), width, &gated, config.mlp_bias)?,
            down: Linear::load(&loader.at("mlp.down_proj"), inner, width, config.mlp_bias)?,
            heads: config.num_attention_heads,
            groups: config.groups(),
            activation: config.hidden_act,
        })
    }

    fn forward(
        &self,
        x: Tensor<3>,
        cache: &mut KvCache,
        turn: Option<&Turn>,
        bias: Option<&Tensor<4>>,
        pace: Option<&Pace>,
    ) -> Tensor<3> {
        let (heads, groups) = (self.heads, self.groups);
        let all = self.qkv.forward(self.attention_norm.forward(x.clone()));
        let size = all.dims()[2] / (heads + 2 * groups);
        let scale = (size as f64).powf(-0.5);
        let attended = cache.attend(all, &Attending { heads, groups, scale, turn, bias, pace });
        let x = self.output.added(attended, x);
        let both = self.gate_up.forward(self.mlp_norm.forward(x.clone()));
        self.down.added(self.activation.gated(both), x)
    }
}
