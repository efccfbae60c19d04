//! Tensor names: one spelling for what checkpoints of different ages call by different names.

/// The spelling that the models of this library ask for.
///
/// Versions of transformers write a leading `model.` or not, and `language_model.model.…` or `language_model.…`; the output
/// head stands at the top or below the language model, CLIP below `vision_tower.vision_model.…` or `vision_tower.…`. All of them come out as `language_model.…`, `vision_model.…`,
/// `qformer.…` and so on, the head as `language_model.lm_head`.
pub fn canonical(name: &str) -> String {
    let name = name.strip_prefix("model.").unwrap_or(name);
    if name.starts_with("lm_head.") {
        return format!("language_model.{name}");
    }
    if let Some(rest) = name.strip_prefix("language_model.") {
        return format!("language_model.{}", rest.strip_prefix("model.").unwrap_or(rest));
    }
    match name.strip_prefix("vision_tower.vision_model.") {
        Some(rest) => format!("vision_tower.{rest}"),
        None => name.to_string(),
    }
}

/// [`canonical`] for a module's name: a tensor's without its last part.
pub fn canonical_module(name: &str) -> String {
    // The rules look at whole parts, and a module may be the last one.
    let name = canonical(&format!("{name}."));
    name.strip_suffix('.').map(str::to_string).unwrap_or(name)
}

/// Buffers that older files hold although they are computed: no model needs them.
pub fn is_computed(name: &str) -> bool {
    [".position_ids", ".rotary_emb.inv_freq", ".num_batches_tracked"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_spellings_meet() {
        let spellings = [
            "model.language_model.layers.0.mlp.up_proj.weight",
            "language_model.model.layers.0.mlp.up_proj.weight",
            "language_model.layers.0.mlp.up_proj.weight",
        ];
        for name in spellings {
            assert_eq!(canonical(name), "language_model.layers.0.mlp.up_proj.weight");
        }
        assert_eq!(canonical("lm_head.weight"), canonical("language_model.lm_head.weight"));
        assert_eq!(canonical_module("lm_head"), "language_model.lm_head");
        assert_eq!(canonical_module("model.vision_tower.vision_model.encoder"), "vision_tower.encoder");
        assert_eq!(canonical("model.vision_model.post_layernorm.bias"), "vision_model.post_layernorm.bias");
    }
}
