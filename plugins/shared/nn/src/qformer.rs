//! The Querying Transformer: learned queries read the image through cross attention (Li et al. 2023, "BLIP-2").

use crate::layers::{Activation, LayerNorm, Linear};
use crate::training::{Attention as Attending, Heads, Tape, Var};
use crate::weights::Loader;
use crate::{Result, parallel};
use burn::tensor::Tensor;
use serde::Deserialize;

/// `qformer_config` of a BLIP-2 configuration, with the defaults of transformers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct QFormerConfig {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub hidden_act: Activation,
    pub layer_norm_eps: f64,
    /// Cross attention stands in every layer whose index it divides.
    pub cross_attention_frequency: usize,
    /// Unused by captioners: checkpoints for retrieval have a second feed-forward part for text.
    pub use_qformer_text_input: bool,
}

impl Default for QFormerConfig {
    fn default() -> Self {
        QFormerConfig {
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            layer_norm_eps: 1e-12,
            cross_attention_frequency: 2,
            use_qformer_text_input: false,
        }
    }
}

impl QFormerConfig {
    /// What makes no model, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.cross_attention_frequency == 0 {
            return Some("qformer_config: cross_attention_frequency is 0".into());
        }
        if self.use_qformer_text_input {
            return Some("qformer_config: use_qformer_text_input is for retrieval models; this is no captioner".into());
        }
        crate::config::heads_problem("qformer_config", self.hidden_size, self.num_attention_heads)
    }
}

/// The queries and the post-norm transformer that they pass through.
pub struct QFormer {
    queries: Tensor<3>,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    attention: Attention,
    cross: Option<Attention>,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
    activation: Activation,
}

/// Attention with its output map and the norm after the residual.
struct Attention {
    source: Source,
    output: Linear,
    norm: LayerNorm,
    heads: usize,
}

// One stands in a layer for good: a box would save no memory and cost a look-up.
#[allow(clippy::large_enum_variant)]
enum Source {
    /// q, k and v of the queries, in one product.
    Own(Linear),
    /// q of the queries, k and v of the image.
    Image { query: Linear, key_value: Linear },
}

impl QFormer {
    /// Reads `query_tokens` and `qformer.…` below `loader`; `image_width` is the vision tower's width.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, config: &QFormerConfig, queries: usize, image_width: usize) -> Result<QFormer> {
        let width = config.hidden_size;
        let inside = loader.at("qformer");
        Ok(QFormer {
            queries: loader.tensor("query_tokens", [1, queries, width])?,
            norm: LayerNorm::load(&inside.at("layernorm"), width, config.layer_norm_eps)?,
            layers: parallel::build(config.num_hidden_layers, |index| {
                let crosses = index.is_multiple_of(config.cross_attention_frequency);
                Layer::load(&inside.at(&format!("encoder.layer.{index}")), config, crosses.then_some(image_width))
            })?,
        })
    }

    /// Image features `[rows, positions, image width]` to `[rows, queries, width]`.
    pub fn forward(&self, image: Tensor<3>) -> Tensor<3> {
        self.forward_on(&mut Tape::off(), &Var::constant(image)).value
    }

    /// [`QFormer::forward`] on a tape.
    pub fn forward_on<'m>(&'m self, tape: &mut Tape<'m>, image: &Var) -> Var {
        let rows = image.value.dims()[0];
        let [_, queries, width] = self.queries.dims();
        // The first self-attention sees no image, yet runs for every row: the queries are few.
        let mut x = Var::constant(self.norm.forward(self.queries.clone()).expand([rows, queries, width]));
        for layer in &self.layers {
            x = tape.block(&[&x, image], move |tape, inputs| layer.forward(tape, &inputs[0], &inputs[1]));
        }
        x
    }
}

impl Layer {
    fn load(loader: &Loader, config: &QFormerConfig, image_width: Option<usize>) -> Result<Layer> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        Ok(Layer {
            attention: Attention::load(&loader.at("attention"), config, None)?,
            cross: match image_width {
                Some(_) => Some(Attention::load(&loader.at("crossattention"), config, image_width)?),
                None => None,
            },
            up: Linear::load(&loader.at("intermediate_query.dense"), width, inner, true)?,
            down: Linear::load(&loader.at("output_query.dense"), inner, width, true)?,
            norm: LayerNorm::load(&loader.at("output_query.LayerNorm"), width, config.layer_norm_eps)?,
            activation: config.hidden_act,
        })
    }

    fn forward<'m>(&'m self, tape: &mut Tape<'m>, x: &Var, image: &Var) -> Var {
        let mut x = self.attention.forward(tape, x, image);
        if let Some(cross) = &self.cross {
            x = cross.forward(tape, &x, image);
        }
        let inner = tape.activated(&x, &self.up, self.activation);
        let sum = tape.added(&inner, &self.down, &x);
        tape.layer_norm(&sum, &self.norm)
    }
}

impl Attention {
    fn load(loader: &Loader, config: &QFormerConfig, image_width: Option<usize>) -> Result<Attention> {
        let width = config.hidden_size;
        let inside = loader.at("attention");
        let source = match image_width {
            None => Source::Own(Linear::load_joined(
                &inside,
                width,
                &[("query", width), ("key", width), ("value", width)],
                true,
            )?),
            Some(image_width) => Source::Image {
                query: Linear::load(&inside.at("query"), width, width, true)?,
                key_value: Linear::load_joined(&inside, image_width, &[("key", width), ("value", width)], true)?,
            },
        };
        Ok(Attention {
            source,
            output: Linear::load(&loader.at("output.dense"), width, width, true)?,
            norm: LayerNorm::load(&loader.at("output.LayerNorm"), width, config.layer_norm_eps)?,
            heads: config.num_attention_heads,
        })
    }

    fn forward<'m>(&'m self, tape: &mut Tape<'m>, x: &Var, image: &Var) -> Var {
        let attended = match &self.source {
            Source::Own(joined) => {
                let all = tape.linear(x, joined);
                tape.attention(&Heads::Joined(&all), Attending::plain(self.heads, all.width() / 3))
            }
            Source::Image { query, key_value } => {
                let key_value = tape.linear(image, key_value);
                let query = tape.linear(x, query);
                let attending = Attending::plain(self.heads, query.width());
                tape.attention(&Heads::Crossed { query: &query, key_value: &key_value }, attending)
            }
        };
        let sum = tape.added(&attended, &self.output, x);
        tape.layer_norm(&sum, &self.norm)
    }
}
