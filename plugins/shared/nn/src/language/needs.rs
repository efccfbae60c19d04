//! What the language models take, from their configurations alone: the shapes that decide memory.

use super::{LlamaConfig, OptConfig, T5Config};
use crate::memory::Tower;

impl OptConfig {
    /// The layers, reading so many positions at once.
    pub fn tower(&self, positions: usize) -> Tower {
        Tower { positions, width: self.hidden_size, inner: self.ffn_dim, heads: self.num_attention_heads }
    }

    /// Numbers of keys and values of one caption.
    pub fn cache_numbers(&self, prompt: usize, new_tokens: usize) -> usize {
        2 * self.num_hidden_layers * self.hidden_size * (prompt + new_tokens)
    }
}

impl T5Config {
    /// The encoder's layers, reading so many positions at once.
    pub fn tower(&self, positions: usize) -> Tower {
        let halves = if self.feed_forward_proj.starts_with("gated") { 2 } else { 1 };
        Tower {
            positions,
            width: self.d_model.max(self.num_heads * self.d_kv),
            inner: halves * self.d_ff,
            heads: self.num_heads,
        }
    }

    /// Numbers of keys and values of one caption: the decoder's own, and those of the encoded prompt.
    pub fn cache_numbers(&self, prompt: usize, new_tokens: usize) -> usize {
        let layers = self.num_decoder_layers.unwrap_or(self.num_layers);
        2 * layers * self.num_heads * self.d_kv * (prompt + new_tokens + 1)
    }
}

impl LlamaConfig {
    /// The layers, reading so many positions at once.
    pub fn tower(&self, positions: usize) -> Tower {
        let inner = 2 * self.intermediate_size;
        Tower { positions, width: self.hidden_size, inner, heads: self.num_attention_heads }
    }

    /// Numbers of keys and values of one caption.
    pub fn cache_numbers(&self, prompt: usize, new_tokens: usize) -> usize {
        2 * self.num_hidden_layers * self.groups() * self.head_size() * (prompt + new_tokens)
    }
}
