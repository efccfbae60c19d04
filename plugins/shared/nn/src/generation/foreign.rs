//! Settings of transformers that are not offered here: those of a checkpoint's file that would change the result are named, so that nobody takes its
//! captions for transformers' own.

use serde_json::{Map, Value};

/// Their names, with the value that changes nothing, as `null` does.
const FOREIGN: &[(&str, &str)] = &[
    ("bad_words_ids", "null"),
    ("begin_suppress_tokens", "[]"),
    ("constraints", "null"),
    ("diversity_penalty", "0.0"),
    ("dola_layers", "null"),
    ("encoder_no_repeat_ngram_size", "0"),
    ("encoder_repetition_penalty", "1.0"),
    ("epsilon_cutoff", "0.0"),
    ("eta_cutoff", "0.0"),
    ("exponential_decay_length_penalty", "null"),
    ("force_words_ids", "null"),
    ("forced_bos_token_id", "null"),
    ("forced_eos_token_id", "null"),
    ("guidance_scale", "1.0"),
    ("max_time", "null"),
    ("min_p", "0.0"),
    ("num_beam_groups", "1"),
    ("num_return_sequences", "1"),
    ("penalty_alpha", "0.0"),
    ("renormalize_logits", "false"),
    ("sequence_bias", "null"),
    ("stop_strings", "null"),
    ("suppress_tokens", "[]"),
    ("top_h", "null"),
    ("typical_p", "1.0"),
    ("watermarking_config", "null"),
];

/// What of a `generation_config.json` is not followed, as `name = value`.
pub fn ignored(map: &Map<String, Value>) -> Vec<String> {
    let each = FOREIGN.iter().filter_map(|(name, neutral)| {
        let value = map.get(*name).filter(|value| !value.is_null())?;
        let neutral: Value = serde_json::from_str(neutral).unwrap_or_default();
        // A number may be written as a whole one.
        let is_neutral = *value == neutral || value.as_f64().is_some_and(|value| neutral.as_f64() == Some(value));
        (!is_neutral).then(|| format!("{name} = {value}"))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_that_are_not_offered_are_named() {
        let of = |file: Value| ignored(file.as_object().unwrap());
        assert_eq!(of(json!({"penalty_alpha": 0.6, "typical_p": 1.0})), ["penalty_alpha = 0.6"]);
        let harmless = json!({"min_p": 0.0, "typical_p": 1, "num_return_sequences": 1, "renormalize_logits": false,
            "suppress_tokens": null, "begin_suppress_tokens": [], "top_h": null, "num_beams": 3});
        assert!(of(harmless.clone()).is_empty(), "{:?}", of(harmless));
        assert_eq!(
            of(json!({"stop_strings": ["."], "max_time": 1, "watermarking_config": {"bias": 10.0}, "min_p": 0.1})),
            ["max_time = 1", "min_p = 0.1", r#"stop_strings = ["."]"#, r#"watermarking_config = {"bias":10.0}"#]
        );
    }
}
