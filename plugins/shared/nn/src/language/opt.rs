//! OPT (Zhang et al. 2022): a pre-norm decoder with learned positions, ReLU and a head tied to the embeddings.

mod training;

use super::LanguageModel;
use super::state::{Prompt, State, prompt_positions};
use crate::gpu::Pace;
use crate::layers::{Activation, Attending, Embedding, KvCache, LayerNorm, Linear, causal_bias};
use crate::training::{Labels, Tape, Var};
use crate::weights::Loader;
use crate::{Result, parallel};
use burn::tensor::{Int, Tensor};
use serde::Deserialize;

/// The table of positions has two rows before the first position.
const POSITION_OFFSET: usize = 2;
const NORM_EPSILON: f64 = 1e-5;

/// `text_config` of model type `opt`, with the defaults of transformers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct OptConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub ffn_dim: usize,
    pub max_position_embeddings: usize,
    pub num_attention_heads: usize,
    pub activation_function: Activation,
    pub do_layer_norm_before: bool,
    #[serde(rename = "_remove_final_layer_norm")]
    pub remove_final_layer_norm: bool,
    pub word_embed_proj_dim: Option<usize>,
    pub enable_bias: bool,
    pub layer_norm_elementwise_affine: bool,
    pub tie_word_embeddings: bool,
}

impl Default for OptConfig {
    fn default() -> Self {
        OptConfig {
            vocab_size: 50272,
            hidden_size: 768,
            num_hidden_layers: 12,
            ffn_dim: 3072,
            max_position_embeddings: 2048,
            num_attention_heads: 12,
            activation_function: Activation::Relu,
            do_layer_norm_before: true,
            remove_final_layer_norm: false,
            word_embed_proj_dim: None,
            enable_bias: true,
            layer_norm_elementwise_affine: true,
            tie_word_embeddings: true,
        }
    }
}

impl OptConfig {
    /// What makes no model that can be run here, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.word_embed_proj_dim.is_some_and(|width| width != self.hidden_size) || !self.do_layer_norm_before {
            return Some(
                "text_config: OPT-350m's own layout (post-norm, projected embeddings) is not supported".into(),
            );
        }
        if !self.layer_norm_elementwise_affine {
            return Some("text_config: OPT without learned normalisation (Galactica's) is not supported".into());
        }
        crate::config::heads_problem("text_config", self.hidden_size, self.num_attention_heads)
    }
}

/// The decoder with its head.
pub struct Opt {
    tokens: Embedding,
    positions: Embedding,
    layers: Vec<Layer>,
    norm: Option<LayerNorm>,
    head: Linear,
    heads: usize,
}

struct Layer {
    attention_norm: LayerNorm,
    qkv: Linear,
    output: Linear,
    mlp_norm: LayerNorm,
    up: Linear,
    down: Linear,
    heads: usize,
    activation: Activation,
}

impl Opt {
    /// Reads `decoder.…` below `loader`, and `lm_head` as [`Linear::head`].
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, config: &OptConfig) -> Result<Opt> {
        let width = config.hidden_size;
        let decoder = loader.at("decoder");
        let tokens = Embedding::load(&decoder.at("embed_tokens"), config.vocab_size, width)?;
        let shape = [config.vocab_size, width];
        let head = Linear::head(loader, shape, config.tie_word_embeddings, &tokens, "decoder.embed_tokens")?;
        Ok(Opt {
            positions: Embedding::load(
                &decoder.at("embed_positions"),
                config.max_position_embeddings + POSITION_OFFSET,
                width,
            )?,
            layers: parallel::build(config.num_hidden_layers, |index| {
                Layer::load(&decoder.at(&format!("layers.{index}")), config)
            })?,
            norm: if config.remove_final_layer_norm {
                None
            } else {
                Some(LayerNorm::load(&decoder.at("final_layer_norm"), width, NORM_EPSILON)?)
            },
            tokens,
            head,
            heads: config.num_attention_heads,
        })
    }

    fn position_vectors(&self, positions: Vec<u32>) -> Tensor<2> {
        let rows: Vec<u32> = positions.into_iter().map(|position| position + POSITION_OFFSET as u32).collect();
        self.positions.rows(&rows)
    }

    /// Scores after the last position of every row.
    fn scores(&self, x: Tensor<3>) -> Tensor<2> {
        let [_, length, _] = x.dims();
        let last: Tensor<2> = x.narrow(1, length - 1, 1).squeeze_dim(1);
        let last = match &self.norm {
            Some(norm) => norm.forward(last),
            None => last,
        };
        self.head.forward(last)
    }
}

impl LanguageModel for Opt {
    fn start(&self, mut prompt: Prompt, new_tokens: usize) -> (State, Tensor<2>) {
        let [rows, length, width] = prompt.embeddings.dims();
        let (device, dtype) = (prompt.embeddings.device(), prompt.embeddings.dtype());
        let caches = prompt.caches(self.layers.len(), [self.heads, length + new_tokens, width / self.heads]);
        let mut state = State::decoder_only(caches, prompt.padding);
        let positions = self.position_vectors(prompt_positions(length, &state.padding));
        let mut x = prompt.embeddings + positions.reshape([rows, length, width]);
        let bias = causal_bias(length, &state.padding, &device, dtype);
        for (layer, cache) in self.layers.iter().zip(&mut state.caches) {
            x = layer.forward(x, cache, Some(&bias), None);
        }
        let scores = self.scores(x);
        (state, scores)
    }

    fn step(&self, state: &mut State, tokens: Tensor<1, Int>) -> Tensor<2> {
        let positions = match &state.pace {
            #[cfg(feature = "cuda")]
            Some(pace) => self.positions.select(pace.row_positions() + POSITION_OFFSET as i64),
            _ => self.position_vectors(state.next_positions()),
        };
        let bias = if state.pace.is_some() { None } else { state.step_bias() };
        let mut x = (self.tokens.select(tokens) + positions).unsqueeze_dim(1);
        let pace = state.pace.clone();
        for (layer, cache) in self.layers.iter().zip(&mut state.caches) {
            x = layer.forward(x, cache, bias.as_ref(), pace.as_deref());
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
        Some(self.positions.count() - POSITION_OFFSET)
    }
}

impl Layer {
    fn load(loader: &Loader, config: &OptConfig) -> Result<Layer> {
        let (width, inner, bias) = (config.hidden_size, config.ffn_dim, config.enable_bias);
        let parts = [("q_proj", width), ("k_proj", width), ("v_proj", width)];
        Ok(Layer {
            attention_norm: LayerNorm::load(&loader.at("self_attn_layer_norm"), width, NORM_EPSILON)?,
            qkv: Linear::load_joined(&loader.at("self_attn"), width, &parts, bias)?,
            output: Linear::load(&loader.at("self_attn.out_proj"), width, width, bias)?,
            mlp_norm: LayerNorm::load(&loader.at("final_layer_norm"), width, NORM_EPSILON)?,
            up: Linear::load(&loader.at("fc1"), width, inner, bias)?,
            down: Linear::load(&loader.at("fc2"), inner, width, bias)?,
            heads: config.num_attention_heads,
            activation: config.activation_function,
        })
    }

    fn forward(&self, x: Tensor<3>, cache: &mut KvCache, bias: Option<&Tensor<4>>, pace: Option<&Pace>) -> Tensor<3> {
        let all = self.qkv.forward(self.attention_norm.forward(x.clone()));
        let size = all.dims()[2] / (3 * self.heads);
        let (heads, groups, scale) = (self.heads, self.heads, (size as f64).powf(-0.5));
        let attended = cache.attend(all, &Attending { heads, groups, scale, turn: None, bias, pace });
        let x = self.output.added(attended, x);
        let inner = self.up.activated(self.mlp_norm.forward(x.clone()), self.activation);
        self.down.added(inner, x)
    }
}
