//! `config.json` of a CLIP checkpoint; what is missing has the default of transformers.

use nn::layers::Activation;
use nn::vision::ClipConfig;
use nn::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// The parts of a CLIP model.
#[derive(Debug, Clone)]
pub struct ClipModelConfig {
    pub vision: ClipConfig,
    pub text: TextConfig,
    /// Width of the space that both towers are projected into.
    pub projection: usize,
}

/// `text_config` of a CLIP configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct TextConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    /// Most tokens of a text.
    pub max_position_embeddings: usize,
    pub hidden_act: Activation,
    pub layer_norm_eps: f64,
    /// The token whose vector stands for the text.
    pub eos_token_id: u32,
}

impl Default for TextConfig {
    fn default() -> Self {
        TextConfig {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
            eos_token_id: 49407,
        }
    }
}

/// What the first configurations say is the end token, and is not.
const MISNAMED_END: u32 = 2;

impl TextConfig {
    /// A layer of the text tower, in the terms of the vision tower's, which is the same.
    pub fn layer(&self) -> ClipConfig {
        ClipConfig {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_attention_heads: self.num_attention_heads,
            hidden_act: self.hidden_act,
            layer_norm_eps: self.layer_norm_eps,
            ..ClipConfig::default()
        }
    }

    /// The place of the vector that stands for a text: the first end token's; where the configuration misnames it, the greatest id's, as
    /// in transformers.
    pub fn end_of(&self, ids: &[u32]) -> usize {
        let end = match self.eos_token_id {
            MISNAMED_END => ids.iter().copied().max().unwrap_or(0),
            end => end,
        };
        ids.iter().position(|id| *id == end).unwrap_or(0)
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct Stored {
    vision_config: ClipConfig,
    text_config: TextConfig,
    projection_dim: usize,
}

impl Default for Stored {
    fn default() -> Self {
        Stored { vision_config: ClipConfig::default(), text_config: TextConfig::default(), projection_dim: 512 }
    }
}

impl ClipModelConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// It is missing, describes another kind of model, or one that cannot be run here.
    pub fn read(directory: &Path) -> Result<ClipModelConfig> {
        let path = directory.join("config.json");
        let value: Value = nn::read_json(&path)?;
        Self::from_value(value).map_err(|reason| Error::malformed(path, reason))
    }

    /// From the content of `config.json`.
    ///
    /// # Errors
    /// A sentence that says what cannot be run, for the caller to add the file's name.
    pub fn from_value(value: Value) -> Result<ClipModelConfig, String> {
        match value.get("model_type").and_then(Value::as_str) {
            Some("clip") => {}
            Some(other) => {
                return Err(format!(
                    "this is a model of type `{other}`, not `clip`; name the plugin that loads `{other}`"
                ));
            }
            None => return Err("there is no model_type: this is no Hugging Face model's configuration".into()),
        }
        let stored: Stored = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let (vision, text) = (stored.vision_config, stored.text_config);
        if let Some(problem) = vision.problem() {
            return Err(problem);
        }
        if text.num_attention_heads == 0 || !text.hidden_size.is_multiple_of(text.num_attention_heads) {
            return Err(format!(
                "text_config: a width of {} cannot be divided among {} heads",
                text.hidden_size, text.num_attention_heads
            ));
        }
        if text.max_position_embeddings < 3 || stored.projection_dim == 0 {
            return Err("there is no room for a text, or for what it becomes".into());
        }
        Ok(ClipModelConfig { vision, text, projection: stored.projection_dim })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sparse_configuration_is_the_published_model() {
        let config = ClipModelConfig::from_value(json!({
            "model_type": "clip", "projection_dim": 512, "vision_config": {"patch_size": 16}, "text_config": {}
        }))
        .unwrap();
        assert_eq!((config.vision.patches(), config.text.max_position_embeddings, config.projection), (196, 77, 512));
        let error = ClipModelConfig::from_value(json!({"model_type": "siglip"})).unwrap_err();
        assert!(error.contains("`siglip`"), "{error}");
    }

    #[test]
    fn the_end_is_the_first_end_token_or_the_greatest_id() {
        let named = TextConfig { eos_token_id: 9, ..TextConfig::default() };
        assert_eq!(named.end_of(&[8, 3, 9, 9]), 2);
        let misnamed = TextConfig { eos_token_id: 2, ..TextConfig::default() };
        assert_eq!(misnamed.end_of(&[8, 2, 30, 30]), 2);
    }
}
