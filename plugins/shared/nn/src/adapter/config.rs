//! `adapter_config.json`: what of PEFT's many fields has an effect here, and which are refused.

use serde_json::{Map, Value};

/// The fields that this library understands.
pub struct Config {
    pub rank: usize,
    pub alpha: f64,
    pub rank_stabilised: bool,
    pub base: Option<String>,
    /// Other ranks and alphas for single modules, by whole path.
    pub ranks: Map<String, Value>,
    pub alphas: Map<String, Value>,
}

/// Fields that change what an adapter computes and must therefore be empty, null or false.
const REFUSED: [&str; 14] = [
    "use_dora",
    "modules_to_save",
    "fan_in_fan_out",
    "lora_bias",
    "use_qalora",
    "use_bdlora",
    "layer_replication",
    "trainable_token_indices",
    "target_parameters",
    "alora_invocation_tokens",
    "arrow_config",
    "megatron_config",
    "velora_config",
    "monteclora_config",
];
/// Ways of making the first weights that leave the base as it is; all others change it and would need the same change here.
const HARMLESS_BEGINNINGS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

impl Config {
    /// From the file's content. `is_module` says whether a pattern's key is the whole path of an adapted module.
    ///
    /// # Errors
    /// Every reason why this adapter cannot be read.
    pub fn parse(value: &Value, is_module: impl Fn(&str) -> bool) -> Result<Config, Vec<String>> {
        let mut problems = Vec::new();
        match value.get("peft_type").and_then(Value::as_str) {
            Some("LORA") => {}
            Some(other) => problems.push(format!("peft_type `{other}` is not supported, only LORA")),
            None => problems.push("there is no peft_type: this is no PEFT configuration".to_string()),
        }
        for field in REFUSED {
            if value.get(field).is_some_and(|value| !is_nothing(value)) {
                problems.push(format!("`{field}` is not supported"));
            }
        }
        match value.get("bias").and_then(Value::as_str) {
            None | Some("none") => {}
            Some(other) => problems.push(format!("`bias` = \"{other}\" is not supported, only \"none\"")),
        }
        if let Some(way) = value.get("init_lora_weights").and_then(Value::as_str)
            && !HARMLESS_BEGINNINGS.contains(&way)
        {
            problems.push(format!("`init_lora_weights` = \"{way}\" changes the base model and is not supported"));
        }
        let pattern = |field: &str, problems: &mut Vec<String>| {
            let map = value.get(field).and_then(Value::as_object).cloned().unwrap_or_default();
            let odd: Vec<_> = map.keys().filter(|key| !is_module(key)).map(|key| format!("`{key}`")).collect();
            if !odd.is_empty() {
                problems.push(format!(
                    "`{field}` is supported for whole module paths only, not for patterns such as {}",
                    odd.into_iter().take(3).collect::<Vec<_>>().join(", ")
                ));
            }
            map
        };
        let ranks = pattern("rank_pattern", &mut problems);
        let alphas = pattern("alpha_pattern", &mut problems);
        let rank = value.get("r").and_then(Value::as_u64).filter(|rank| *rank > 0);
        let alpha = value.get("lora_alpha").and_then(Value::as_f64).filter(|alpha| alpha.is_finite());
        if rank.is_none() {
            problems.push("`r` is no positive number".to_string());
        }
        if alpha.is_none() {
            problems.push("`lora_alpha` is no number".to_string());
        }
        match (rank, alpha) {
            (Some(rank), Some(alpha)) if problems.is_empty() => Ok(Config {
                rank: rank as usize,
                alpha,
                rank_stabilised: value.get("use_rslora").and_then(Value::as_bool).unwrap_or(false),
                base: value.get("base_model_name_or_path").and_then(Value::as_str).map(str::to_owned),
                ranks,
                alphas,
            }),
            _ => Err(problems),
        }
    }

    /// Rank and factor before B·A of the module that `is` says a pattern's key to be.
    pub fn of(&self, is: impl Fn(&str) -> bool) -> (usize, f64) {
        let own = |map: &Map<String, Value>| map.iter().find(|(key, _)| is(key)).map(|(_, value)| value.clone());
        let rank = own(&self.ranks).and_then(|rank| rank.as_u64()).map_or(self.rank, |rank| rank as usize);
        let alpha = own(&self.alphas).and_then(|alpha| alpha.as_f64()).unwrap_or(self.alpha);
        let divisor = if self.rank_stabilised { (rank as f64).sqrt() } else { rank as f64 };
        (rank, alpha / divisor)
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
