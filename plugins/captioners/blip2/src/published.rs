//! The configurations of the published BLIP-2 captioners, as sparse as the hub's: for measuring without their files.

use crate::config::Blip2Config;
use serde_json::{Value, json};

/// The configuration of a repository of the hub, if it is one of the four.
pub fn published(repository: &str) -> Option<Blip2Config> {
    let value = match repository {
        "Salesforce/blip2-opt-2.7b" => opt(2560, 10240),
        "Salesforce/blip2-opt-6.7b" => opt(4096, 16384),
        "Salesforce/blip2-flan-t5-xl" => t5(2048, 32, 5120),
        "Salesforce/blip2-flan-t5-xxl" => t5(4096, 64, 10240),
        _ => return None,
    };
    Blip2Config::from_value(value).ok()
}

fn opt(width: usize, inner: usize) -> Value {
    let text = json!({
        "model_type": "opt", "hidden_size": width, "word_embed_proj_dim": width, "num_hidden_layers": 32, "num_attention_heads": 32,
        "ffn_dim": inner, "eos_token_id": 50118
    });
    json!({"model_type": "blip-2", "vision_config": {}, "qformer_config": {}, "text_config": text, "image_token_index": 50265})
}

fn t5(width: usize, heads: usize, inner: usize) -> Value {
    let text = json!({
        "model_type": "t5", "d_model": width, "num_layers": 24, "num_heads": heads, "d_kv": 64, "d_ff": inner,
        "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false, "bos_token_id": 1, "decoder_start_token_id": 0
    });
    json!({"model_type": "blip-2", "vision_config": {}, "qformer_config": {}, "text_config": text, "image_token_index": 32100})
}
