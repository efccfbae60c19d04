//! T5 (Raffel et al. 2020), in the gated form of version 1.1 and Flan: an encoder and a decoder with relative positions and
//! no scaling of attention.

mod config;
mod training;

pub use config::T5Config;

use super::LanguageModel;
use super::state::{Prompt, State};
use crate::gpu::Pace;
use crate::layers::{
    Activation, Attending, Embedding, Linear, RelativePositions, RmsNorm, attend, joined_heads, padding_bias,
    split_heads,
};
use crate::training::{Labels, Tape, Var};
use crate::weights::Loader;
use crate::{Result, parallel};
use burn::tensor::{Int, Tensor};

/// Encoder, decoder and head.
pub struct T5 {
    tokens: Embedding,
    encoder: Stack,
    decoder: Stack,
    head: Linear,
    head_scale: f64,
    start_token: u32,
    size: usize,
}

struct Stack {
    layers: Vec<Layer>,
    norm: RmsNorm,
    positions: RelativePositions,
}

struct Layer {
    attention_norm: RmsNorm,
    qkv: Linear,
    output: Linear,
    cross: Option<Cross>,
    mlp_norm: RmsNorm,
    up: Linear,
    down: Linear,
    gated: bool,
    activation: Activation,
    heads: usize,
}

struct Cross {
    norm: RmsNorm,
    query: Linear,
    key_value: Linear,
    output: Linear,
}

impl T5 {
    /// Reads `shared`, `encoder.…`, `decoder.…` below `loader`, and `lm_head` as [`Linear::head`].
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, config: &T5Config) -> Result<T5> {
        let tokens = Embedding::load(&loader.at("shared"), config.vocab_size, config.d_model)?;
        for copy in ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"] {
            loader.note_copy(copy);
        }
        let shape = [config.vocab_size, config.d_model];
        let head = Linear::head(loader, shape, config.tie_word_embeddings, &tokens, "shared")?;
        let decoder_layers = config.num_decoder_layers.unwrap_or(config.num_layers);
        Ok(T5 {
            encoder: Stack::load(&loader.at("encoder"), config, config.num_layers, false)?,
            decoder: Stack::load(&loader.at("decoder"), config, decoder_layers, true)?,
            head_scale: if config.scale_decoder_outputs.unwrap_or(config.tie_word_embeddings) {
                (config.d_model as f64).powf(-0.5)
            } else {
                1.0
            },
            start_token: config.start_token(),
            size: config.d_kv,
            tokens,
            head,
        })
    }

    fn encode(&self, prompt: Prompt) -> Tensor<3> {
        self.encode_on(&mut Tape::off(), &Var::constant(prompt.embeddings), &prompt.padding).value
    }

    fn read(&self, state: &mut State, token_vectors: Tensor<2>) -> Tensor<2> {
        let pace = state.pace.clone();
        let place = state.length();
        let bias = match &pace {
            Some(_) => state.position_bias.clone(),
            None => state.position_bias.as_ref().map(|bias| bias.clone().narrow(2, place, 1).narrow(3, 0, place + 1)),
        };
        let mut x: Tensor<3> = token_vectors.unsqueeze_dim(1);
        for (index, layer) in self.decoder.layers.iter().enumerate() {
            let heads = layer.heads;
            let all = layer.qkv.forward(layer.attention_norm.forward(x.clone()));
            let attending =
                Attending { heads, groups: heads, scale: 1.0, turn: None, bias: bias.as_ref(), pace: pace.as_deref() };
            x = layer.output.added(state.caches[index].attend(all, &attending), x);
            if let (Some(cross), Some(crossed)) = (&layer.cross, state.crossed.get(index)) {
                let query = cross.query.forward(cross.norm.forward(x.clone()));
                let attended = attend_across(query, crossed, heads, state.crossed_bias.as_ref(), pace.as_deref());
                x = cross.output.added(attended, x);
            }
            x = layer.feed_forward(x);
        }
        let last: Tensor<2> = self.decoder.norm.forward(x).squeeze_dim(1);
        self.head.forward(if self.head_scale == 1.0 { last } else { last * self.head_scale })
    }
}

impl LanguageModel for T5 {
    fn start(&self, mut prompt: Prompt, new_tokens: usize) -> (State, Tensor<2>) {
        let [rows, length, _] = prompt.embeddings.dims();
        let (device, dtype) = (prompt.embeddings.device(), prompt.embeddings.dtype());
        let crossed_bias = padding_bias(length, &prompt.padding, &device, dtype);
        // One more than the new tokens: the decoder reads its start token first.
        let capacity = new_tokens + 1;
        let layers = &self.decoder.layers;
        let caches = prompt.caches(layers.len(), [layers.first().map_or(0, |layer| layer.heads), capacity, self.size]);
        let crossed_padding = prompt.padding.clone();
        let encoded = self.encode(prompt);
        let crossed = self.decoder.layers.iter().filter_map(|layer| {
            let both = split_heads(layer.cross.as_ref()?.key_value.forward(encoded.clone()), 2 * layer.heads);
            Some((both.clone().narrow(1, 0, layer.heads), both.narrow(1, layer.heads, layer.heads)))
        });
        let mut state = State {
            caches,
            padding: vec![0; rows],
            crossed: crossed.collect(),
            crossed_bias,
            position_bias: Some(self.decoder.positions.bias(capacity, &device)),
            crossed_padding,
            turns: None,
            pace: None,
        };
        let start = self.tokens.rows(&vec![self.start_token; rows]);
        let scores = self.read(&mut state, start);
        (state, scores)
    }

    fn step(&self, state: &mut State, tokens: Tensor<1, Int>) -> Tensor<2> {
        self.read(state, self.tokens.select(tokens))
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
        None
    }
}

impl Stack {
    fn load(loader: &Loader, config: &T5Config, layers: usize, decoder: bool) -> Result<Stack> {
        Ok(Stack {
            layers: parallel::build(layers, |index| {
                Layer::load(&loader.at(&format!("block.{index}.layer")), config, decoder)
            })?,
            norm: RmsNorm::load(&loader.at("final_layer_norm"), config.d_model, config.layer_norm_epsilon)?,
            positions: RelativePositions::load(
                &loader.at("block.0.layer.0.SelfAttention.relative_attention_bias"),
                config.relative_attention_num_buckets,
                config.num_heads,
                config.relative_attention_max_distance,
                !decoder,
            )?,
        })
    }
}

impl Layer {
    fn load(loader: &Loader, config: &T5Config, decoder: bool) -> Result<Layer> {
        let (width, inner, epsilon) = (config.d_model, config.d_ff, config.layer_norm_epsilon);
        let attended = config.num_heads * config.d_kv;
        let own = loader.at("0.SelfAttention");
        let mlp = loader.at(if decoder { "2" } else { "1" });
        let (activation, gated) = config.feed_forward().unwrap_or((Activation::Relu, false));
        let dense = mlp.at("DenseReluDense");
        Ok(Layer {
            attention_norm: RmsNorm::load(&loader.at("0.layer_norm"), width, epsilon)?,
            qkv: Linear::load_joined(&own, width, &[("q", attended), ("k", attended), ("v", attended)], false)?,
            output: Linear::load(&own.at("o"), attended, width, false)?,
            cross: if decoder { Some(Cross::load(&loader.at("1"), config)?) } else { None },
            mlp_norm: RmsNorm::load(&mlp.at("layer_norm"), width, epsilon)?,
            up: if gated {
                Linear::load_joined(&dense, width, &[("wi_0", inner), ("wi_1", inner)], false)?
            } else {
                Linear::load(&dense.at("wi"), width, inner, false)?
            },
            down: Linear::load(&dense.at("wo"), inner, width, false)?,
            gated,
            activation,
            heads: config.num_heads,
        })
    }

    fn feed_forward(&self, x: Tensor<3>) -> Tensor<3> {
        let normed = self.mlp_norm.forward(x.clone());
        let inner = if self.gated {
            self.activation.gated(self.up.forward(normed))
        } else {
            self.up.activated(normed, self.activation)
        };
        self.down.added(inner, x)
    }
}

/// Attention of one new position, `[rows, 1, heads · size]`, to what the encoder read.
fn attend_across(
    query: Tensor<3>,
    (keys, values): &(Tensor<4>, Tensor<4>),
    heads: usize,
    bias: Option<&Tensor<4>>,
    pace: Option<&Pace>,
) -> Tensor<3> {
    #[cfg(feature = "cuda")]
    if let Some(pace) = pace {
        let [rows, _, width] = query.dims();
        let place = pace.crossed_place();
        let step = crate::gpu::Step { heads, scale: 1.0, place, appends: false, turns: None, bias: None };
        return crate::gpu::attend_step(&query.reshape([rows, width]), keys, values, &step).unsqueeze_dim(1);
    }
    let _ = pace;
    joined_heads(attend(split_heads(query, heads), keys.clone(), values.clone(), bias.cloned(), 1.0))
}

impl Cross {
    fn load(loader: &Loader, config: &T5Config) -> Result<Cross> {
        let (width, attended) = (config.d_model, config.num_heads * config.d_kv);
        let inside = loader.at("EncDecAttention");
        Ok(Cross {
            norm: RmsNorm::load(&loader.at("layer_norm"), width, config.layer_norm_epsilon)?,
            query: Linear::load(&inside.at("q"), width, attended, false)?,
            key_value: Linear::load_joined(&inside, width, &[("k", attended), ("v", attended)], false)?,
            output: Linear::load(&inside.at("o"), attended, width, false)?,
        })
    }
}
