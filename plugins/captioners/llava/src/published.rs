//! The configurations of the published LLaVA-1.5 captioners, as sparse as the hub's: for measuring without their files.

use crate::config::LlavaConfig;
use serde_json::json;

/// The configuration of a repository of the hub, if it is one of the two.
pub fn published(repository: &str) -> Option<LlavaConfig> {
    let mut text = json!({
        "model_type": "llama", "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "vocab_size": 32064
    });
    match repository {
        "llava-hf/llava-1.5-7b-hf" => {}
        "llava-hf/llava-1.5-13b-hf" => {
            text["hidden_size"] = 5120.into();
            text["intermediate_size"] = 13824.into();
            text["num_hidden_layers"] = 40.into();
            text["num_attention_heads"] = 40.into();
        }
        _ => return None,
    }
    LlavaConfig::from_value(json!({"model_type": "llava", "image_token_index": 32000, "text_config": text})).ok()
}
