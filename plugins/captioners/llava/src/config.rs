//! `config.json` of a LLaVA checkpoint, sparse as the hub's are: what is missing has the default of transformers.

use nn::language::LlamaConfig;
use nn::layers::Activation;
use nn::vision::ClipConfig;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The parts of a LLaVA model.
#[derive(Debug, Clone)]
pub struct LlavaConfig {
    pub vision: ClipConfig,
    pub text: LlamaConfig,
    /// The token of a prompt that the image replaces.
    pub image_token: u32,
    /// How many of the vision tower's layers are read.
    pub vision_layers: usize,
    /// Whether the class token stands among the image's vectors.
    pub class_token: bool,
    pub projector_activation: Activation,
    pub projector_bias: bool,
    /// `eos_token_id` of the language model's configuration, if it is given there.
    pub end: Option<Value>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Stored {
    vision_config: Map<String, Value>,
    text_config: Map<String, Value>,
    image_token_index: Option<u32>,
    image_token_id: Option<u32>,
    vision_feature_layer: Value,
    vision_feature_select_strategy: String,
    projector_hidden_act: Activation,
    multimodal_projector_bias: bool,
    tie_word_embeddings: Option<bool>,
}

impl Default for Stored {
    fn default() -> Self {
        Stored {
            vision_config: Map::new(),
            text_config: Map::new(),
            image_token_index: None,
            image_token_id: None,
            vision_feature_layer: json!(-2),
            vision_feature_select_strategy: "default".into(),
            projector_hidden_act: Activation::Gelu,
            multimodal_projector_bias: true,
            tie_word_embeddings: None,
        }
    }
}

const IMAGE_TOKEN: u32 = 32000;

/// CLIP ViT-L/14 at 336 pixels: what a LLaVA configuration without a vision part means.
fn usual_vision() -> Map<String, Value> {
    let usual = json!({
        "intermediate_size": 4096, "hidden_size": 1024, "patch_size": 14, "image_size": 336,
        "num_hidden_layers": 24, "num_attention_heads": 16
    });
    usual.as_object().cloned().unwrap_or_default()
}

impl LlavaConfig {
    /// From the content of `config.json`.
    ///
    /// # Errors
    /// A sentence that says what cannot be run, for the caller to add the file's name.
    pub fn from_value(value: Value) -> Result<LlavaConfig, String> {
        if let Some(other) = value.get("model_type").and_then(Value::as_str).filter(|kind| *kind != "llava") {
            return Err(format!(
                "this is a model of type `{other}`, not `llava`; name the plugin that loads `{other}`"
            ));
        }
        let stored: Stored = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let kind = |part: &Map<String, Value>, usual: &str| {
            part.get("model_type").and_then(Value::as_str).unwrap_or(usual).to_string()
        };
        let (vision_kind, text_kind) =
            (kind(&stored.vision_config, "clip_vision_model"), kind(&stored.text_config, "llama"));
        if vision_kind != "clip_vision_model" {
            return Err(format!(
                "vision_config: towers of type `{vision_kind}` are not supported, only clip_vision_model"
            ));
        }
        if text_kind != "llama" {
            return Err(format!("text_config: language models of type `{text_kind}` are not supported, only llama"));
        }
        // A vision part that is left out is ViT-L/14; one that is given has CLIP's own defaults for what it leaves out.
        let vision = if stored.vision_config.is_empty() { usual_vision() } else { stored.vision_config };
        let vision: ClipConfig =
            serde_json::from_value(Value::Object(vision)).map_err(|error| format!("vision_config: {error}"))?;
        let end = stored.text_config.get("eos_token_id").filter(|end| !end.is_null()).cloned();
        let mut text: LlamaConfig = serde_json::from_value(Value::Object(stored.text_config))
            .map_err(|error| format!("text_config: {error}"))?;
        text.tie_word_embeddings |= stored.tie_word_embeddings.unwrap_or(false);
        if let Some(problem) = vision.problem().or_else(|| text.problem()) {
            return Err(problem);
        }
        let layer = stored.vision_feature_layer.as_i64().ok_or_else(|| {
            format!("vision_feature_layer is {}; only one layer can be read", stored.vision_feature_layer)
        })?;
        // Hidden state 0 is the embeddings, so there is one more than there are layers.
        let states = vision.num_hidden_layers as i64 + 1;
        let vision_layers = if layer < 0 { states + layer } else { layer };
        if !(0..states).contains(&vision_layers) {
            return Err(format!(
                "vision_feature_layer is {layer}, but the tower has {} layers",
                vision.num_hidden_layers
            ));
        }
        Ok(LlavaConfig {
            class_token: match stored.vision_feature_select_strategy.as_str() {
                "default" => false,
                "full" => true,
                other => {
                    return Err(format!("vision_feature_select_strategy `{other}` is not known; default and full are"));
                }
            },
            vision,
            text,
            image_token: stored.image_token_index.or(stored.image_token_id).unwrap_or(IMAGE_TOKEN),
            vision_layers: vision_layers as usize,
            projector_activation: stored.projector_hidden_act,
            projector_bias: stored.multimodal_projector_bias,
            end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::captioner::Shapes;

    #[test]
    fn a_sparse_configuration_is_the_published_model() {
        let config = LlavaConfig::from_value(json!({
            "model_type": "llava",
            "text_config": {"model_type": "llama", "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "vocab_size": 32064}
        }))
        .unwrap();
        assert_eq!((config.vision.hidden_size, config.vision_layers, config.image_vectors()), (1024, 23, 576));
        assert_eq!((config.text.hidden_size, config.text.num_hidden_layers, config.text.vocab_size), (4096, 32, 32064));
        assert_eq!(config.image_token, 32000);
    }

    #[test]
    fn what_cannot_be_run_is_named() {
        let refused = |value: Value| LlavaConfig::from_value(value).unwrap_err();
        assert!(refused(json!({"model_type": "blip-2"})).contains("`blip-2`"));
        assert!(refused(json!({"text_config": {"model_type": "mistral"}})).contains("`mistral`"));
        assert!(refused(json!({"vision_feature_layer": [-2, -5]})).contains("vision_feature_layer"));
        assert!(
            refused(json!({"text_config": {"rope_scaling": {"type": "linear", "factor": 2.0}}})).contains("`linear`")
        );
    }
}
