//! `config.json` of an MPNet checkpoint; what is missing has the default of transformers.

use nn::layers::Activation;
use nn::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// `config.json` of model type `mpnet`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct MpnetConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub hidden_act: Activation,
    /// Two more than a text may have tokens: positions are counted from behind the padding token's number.
    pub max_position_embeddings: usize,
    pub layer_norm_eps: f64,
    pub relative_attention_num_buckets: usize,
    pub pad_token_id: u32,
}

impl Default for MpnetConfig {
    fn default() -> Self {
        MpnetConfig {
            vocab_size: 30527,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            max_position_embeddings: 512,
            layer_norm_eps: 1e-12,
            relative_attention_num_buckets: 32,
            pad_token_id: 1,
        }
    }
}

impl MpnetConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// It is missing, describes another kind of model, or one that cannot be run here.
    pub fn read(directory: &Path) -> Result<MpnetConfig> {
        let path = directory.join("config.json");
        let value: Value = nn::read_json(&path)?;
        Self::from_value(value).map_err(|reason| Error::malformed(path, reason))
    }

    /// From the content of `config.json`.
    ///
    /// # Errors
    /// A sentence that says what cannot be run, for the caller to add the file's name.
    pub fn from_value(value: Value) -> Result<MpnetConfig, String> {
        match value.get("model_type").and_then(Value::as_str) {
            Some("mpnet") => {}
            Some(other) => {
                return Err(format!(
                    "this is a model of type `{other}`; of sentence-transformers' models those of type `mpnet` are supported"
                ));
            }
            None => return Err("there is no model_type: this is no Hugging Face model's configuration".into()),
        }
        let config: MpnetConfig = serde_json::from_value(value).map_err(|error| error.to_string())?;
        if config.num_attention_heads == 0 || !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return Err(format!(
                "a width of {} cannot be divided among {} heads",
                config.hidden_size, config.num_attention_heads
            ));
        }
        if config.relative_attention_num_buckets < 4 {
            return Err("relative positions need at least 4 buckets".into());
        }
        if config.most_tokens() < 2 {
            return Err("max_position_embeddings leaves no room for a text".into());
        }
        Ok(config)
    }

    /// Most tokens of a text, special ones among them.
    pub fn most_tokens(&self) -> usize {
        self.max_position_embeddings.saturating_sub(self.first_position())
    }

    /// The position of a text's first token.
    pub fn first_position(&self) -> usize {
        self.pad_token_id as usize + 1
    }
}
