//! `config.json` of a BLIP-2 checkpoint, sparse as the hub's are: what is missing has the default of transformers.

use nn::language::{OptConfig, T5Config};
use nn::qformer::QFormerConfig;
use nn::vision::VitConfig;
use serde::Deserialize;
use serde_json::Value;

/// The parts of a BLIP-2 model.
#[derive(Debug, Clone)]
pub struct Blip2Config {
    pub vision: VitConfig,
    pub qformer: QFormerConfig,
    pub text: TextConfig,
    /// How many vectors the image becomes.
    pub queries: usize,
    /// The token that stands for them where tokens are counted.
    pub image_token: Option<u32>,
    /// What the language model reads where there is no prompt.
    pub begin_token: Option<u32>,
    /// `eos_token_id` of the language model's own configuration, if it is given there.
    pub end: Option<Value>,
}

/// The language model.
#[derive(Debug, Clone)]
pub enum TextConfig {
    Opt(OptConfig),
    T5(T5Config),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Stored {
    model_type: Option<String>,
    vision_config: Option<VitConfig>,
    qformer_config: Option<QFormerConfig>,
    text_config: Option<Value>,
    num_query_tokens: Option<usize>,
    image_token_index: Option<u32>,
    image_token_id: Option<u32>,
}

const QUERIES: usize = 32;
/// OPT begins with `</s>`.
const OPT_BEGIN: u32 = 2;

impl Blip2Config {
    /// From the content of `config.json`.
    ///
    /// # Errors
    /// A sentence that says what cannot be run, for the caller to add the file's name.
    pub fn from_value(value: Value) -> Result<Blip2Config, String> {
        if let Some(other) = value.get("model_type").and_then(Value::as_str).filter(|kind| *kind != "blip-2") {
            return Err(format!(
                "this is a model of type `{other}`, not `blip-2`; name the plugin that loads `{other}`"
            ));
        }
        let stored: Stored = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let _ = stored.model_type;
        let text = stored.text_config.unwrap_or(Value::Object(Default::default()));
        let token = |name: &str| text.get(name).and_then(Value::as_u64).map(|id| id as u32);
        let kind = text.get("model_type").and_then(Value::as_str).unwrap_or("opt").to_string();
        let end = text.get("eos_token_id").filter(|end| !end.is_null()).cloned();
        let (begin_token, parsed) = match kind.as_str() {
            "opt" => {
                let begin = token("bos_token_id").unwrap_or(OPT_BEGIN);
                (Some(begin), serde_json::from_value(text.clone()).map(TextConfig::Opt))
            }
            "t5" => (token("bos_token_id"), serde_json::from_value(text.clone()).map(TextConfig::T5)),
            other => {
                return Err(format!(
                    "text_config: language models of type `{other}` are not supported; opt and t5 are"
                ));
            }
        };
        let text = parsed.map_err(|error| format!("text_config: {error}"))?;
        let config = Blip2Config {
            vision: stored.vision_config.unwrap_or_default(),
            qformer: stored.qformer_config.unwrap_or_default(),
            text,
            queries: stored.num_query_tokens.unwrap_or(QUERIES),
            image_token: stored.image_token_index.or(stored.image_token_id),
            begin_token,
            end,
        };
        let text_problem = match &config.text {
            TextConfig::Opt(text) => text.problem(),
            TextConfig::T5(text) => text.problem(),
        };
        let problem = config.vision.problem().or_else(|| config.qformer.problem()).or(text_problem);
        match problem {
            Some(problem) => Err(problem),
            None if config.queries == 0 => Err("num_query_tokens is 0: the image would not be read".into()),
            None => Ok(config),
        }
    }

    /// Width of the language model's embeddings.
    pub fn text_width(&self) -> usize {
        match &self.text {
            TextConfig::Opt(text) => text.hidden_size,
            TextConfig::T5(text) => text.d_model,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sparse_configuration_is_the_published_model() {
        let config = Blip2Config::from_value(json!({
            "model_type": "blip-2", "qformer_config": {}, "vision_config": {},
            "text_config": {"model_type": "opt", "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32,
                "ffn_dim": 10240, "word_embed_proj_dim": 2560, "eos_token_id": 50118}
        }))
        .unwrap();
        assert_eq!((config.vision.hidden_size, config.vision.num_hidden_layers, config.queries), (1408, 39, 32));
        assert_eq!((config.qformer.hidden_size, config.qformer.cross_attention_frequency), (768, 2));
        assert_eq!((config.begin_token, config.end), (Some(2), Some(json!(50118))));
        let TextConfig::Opt(text) = config.text else { panic!("opt") };
        assert_eq!((text.vocab_size, text.max_position_embeddings), (50272, 2048));
    }

    #[test]
    fn other_models_are_named() {
        let error = Blip2Config::from_value(json!({"model_type": "llava"})).unwrap_err();
        assert!(error.contains("`llava`"), "{error}");
        let error = Blip2Config::from_value(json!({"model_type": "blip-2", "text_config": {"model_type": "bloom"}}));
        assert!(error.unwrap_err().contains("`bloom`"));
    }
}
