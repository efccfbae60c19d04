//! T5's configuration: what a checkpoint says of the model's shape, and which shapes can be run here.

use crate::layers::Activation;
use serde::Deserialize;

/// `text_config` of model type `t5`, with the defaults of transformers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct T5Config {
    pub vocab_size: usize,
    pub d_model: usize,
    pub d_kv: usize,
    pub d_ff: usize,
    pub num_layers: usize,
    /// As many as the encoder's where it is not given.
    pub num_decoder_layers: Option<usize>,
    pub num_heads: usize,
    pub relative_attention_num_buckets: usize,
    pub relative_attention_max_distance: usize,
    pub layer_norm_epsilon: f64,
    pub feed_forward_proj: String,
    pub tie_word_embeddings: bool,
    /// Whether the head reads the decoder's output times width^-½; as the embeddings are tied where it is not given.
    pub scale_decoder_outputs: Option<bool>,
    /// The token that the decoder reads first; T5's padding token.
    pub decoder_start_token_id: Option<u32>,
    pub pad_token_id: Option<u32>,
}

impl Default for T5Config {
    fn default() -> Self {
        T5Config {
            vocab_size: 32128,
            d_model: 512,
            d_kv: 64,
            d_ff: 2048,
            num_layers: 6,
            num_decoder_layers: None,
            num_heads: 8,
            relative_attention_num_buckets: 32,
            relative_attention_max_distance: 128,
            layer_norm_epsilon: 1e-6,
            feed_forward_proj: "relu".into(),
            tie_word_embeddings: true,
            scale_decoder_outputs: None,
            decoder_start_token_id: None,
            pad_token_id: None,
        }
    }
}

impl T5Config {
    /// What the decoder reads first.
    pub fn start_token(&self) -> u32 {
        self.decoder_start_token_id.or(self.pad_token_id).unwrap_or(0)
    }

    /// The activation of the feed-forward part and whether it is gated, if it is one that is known here.
    pub(super) fn feed_forward(&self) -> Option<(Activation, bool)> {
        match self.feed_forward_proj.as_str() {
            "relu" => Some((Activation::Relu, false)),
            // `gated-gelu` has always meant the tanh form.
            "gated-gelu" => Some((Activation::GeluTanh, true)),
            "gated-silu" => Some((Activation::Silu, true)),
            _ => None,
        }
    }

    /// What makes no model that can be run here, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.feed_forward().is_none() {
            return Some(format!("text_config: feed_forward_proj `{}` is not supported", self.feed_forward_proj));
        }
        if self.relative_attention_num_buckets < 4 {
            return Some("text_config: relative positions need at least 4 buckets".into());
        }
        if self.start_token() as usize >= self.vocab_size {
            return Some(format!("text_config: the decoder's start token {} is no token", self.start_token()));
        }
        (self.num_heads == 0 || self.d_kv == 0).then(|| "text_config: there are no attention heads".into())
    }
}
