//! Writing an adapter, so that PEFT loads it as one of its own.

use super::{CONFIG, PREFIX, WEIGHTS};
use crate::weights::{write_safetensors, write_text};
use crate::{Error, Result};
use plugin_api::LoraTarget;
use serde_json::{Map, Value, json};
use std::path::Path;

/// One adapted module.
pub struct Written<'a> {
    pub target: &'a LoraTarget,
    /// A `[rank, inputs]` and B `[outputs, rank]`, row-major.
    pub down: (Vec<f32>, [usize; 2]),
    pub up: (Vec<f32>, [usize; 2]),
}

/// Writes both files into a folder that exists.
///
/// # Errors
/// A number is NaN or infinite; the disk refuses.
pub fn write(directory: &Path, base: &str, modules: Vec<Written<'_>>) -> Result<()> {
    let is_sound = |module: &&Written<'_>| module.down.0.iter().chain(&module.up.0).all(|number| number.is_finite());
    if let Some(module) = modules.iter().find(|module| !is_sound(module)) {
        return Err(Error::Diverged(module.target.path.clone()));
    }
    let targets: Vec<&LoraTarget> = modules.iter().map(|module| module.target).collect();
    let config = config(base, &targets);
    let mut tensors = Vec::with_capacity(2 * modules.len());
    for module in modules {
        let path = &module.target.path;
        tensors.push((format!("{PREFIX}{path}.lora_A.weight"), module.down.1, module.down.0));
        tensors.push((format!("{PREFIX}{path}.lora_B.weight"), module.up.1, module.up.0));
    }
    write_safetensors(&directory.join(WEIGHTS), tensors)?;
    let mut text = serde_json::to_string_pretty(&config).unwrap_or_default();
    text.push('\n');
    write_text(&directory.join(CONFIG), &text)
}

/// PEFT's configuration of some targets. Where ranks or scalings differ, the commonest is the rule and the others stand by path.
fn config(base: &str, targets: &[&LoraTarget]) -> Value {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
    let stabilised = targets.iter().all(|target| near(target.scaling, target.alpha / (target.rank as f64).sqrt()));
    // The alpha by which PEFT comes to the scaling.
    let alpha = |target: &LoraTarget| {
        let plain = target.scaling * target.rank as f64;
        if stabilised || near(plain, target.alpha) { target.alpha } else { plain }
    };
    let rank = commonest(targets.iter().map(|target| target.rank)).unwrap_or(1);
    let usual_alpha = commonest(targets.iter().map(|target| Exact(alpha(target)))).map_or(1.0, |alpha| alpha.0);
    let (mut ranks, mut alphas) = (Map::new(), Map::new());
    for target in targets {
        if target.rank != rank {
            ranks.insert(target.path.clone(), target.rank.into());
        }
        if alpha(target) != usual_alpha {
            alphas.insert(target.path.clone(), number(alpha(target)));
        }
    }
    let mut paths: Vec<&str> = targets.iter().map(|target| target.path.as_str()).collect();
    paths.sort_unstable();
    json!({
        "peft_type": "LORA",
        "task_type": null,
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": number(usual_alpha),
        "lora_dropout": targets.first().map_or(0.0, |target| target.dropout),
        "use_rslora": stabilised,
        "target_modules": paths,
        "rank_pattern": ranks,
        "alpha_pattern": alphas,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "inference_mode": true,
        "modules_to_save": null,
        "use_dora": false
    })
}

/// A whole number without a point, as PEFT writes alphas.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

#[derive(Clone, Copy, PartialEq)]
struct Exact(f64);

/// The value that stands most often; of equally many the first.
fn commonest<T: PartialEq + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: Vec<(T, usize)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(value, _)| value)
}
