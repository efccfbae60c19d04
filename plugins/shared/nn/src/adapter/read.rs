//! Reading an adapter, and refusing one that belongs to another model.

use super::config::Config;
use super::{CONFIG, PREFIX, WEIGHTS};
use crate::layers::{Factors, LoraLinear};
use crate::weights::{Expected, all_finite, canonical_module, f32_numbers};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// So many differences are listed before the rest is counted.
const SHOWN: usize = 8;

/// An adapter in memory: the two factors of every adapted module.
pub struct Adapter {
    directory: PathBuf,
    base: Option<String>,
    /// By canonical module name.
    modules: BTreeMap<String, Module>,
}

struct Module {
    /// The path as the file has it.
    path: String,
    /// A, `[rank, inputs]`.
    down: Vec<f32>,
    /// B, `[outputs, rank]`.
    up: Vec<f32>,
    rank: usize,
    inputs: usize,
    outputs: usize,
    scaling: f64,
}

/// One factor as it is stored: rows, columns, numbers.
type Stored = (usize, usize, Vec<f32>);

impl Adapter {
    /// Reads a folder.
    ///
    /// # Errors
    /// A file is missing or damaged, or the adapter is of a kind that is not supported: every such field is named.
    pub fn read(directory: &Path) -> Result<Adapter> {
        let config_path = directory.join(CONFIG);
        if !config_path.is_file() {
            return Err(Error::malformed(
                directory,
                format!("there is no {CONFIG}: this is no folder of a PEFT adapter"),
            ));
        }
        let config: serde_json::Value = crate::read_json(&config_path)?;
        let weights_path = directory.join(WEIGHTS);
        if !weights_path.is_file() {
            let pickled = directory.join("adapter_model.bin").is_file();
            let why = if pickled { "; weights are read from safetensors only, never from pickle files" } else { "" };
            return Err(Error::malformed(directory, format!("there is no {WEIGHTS}{why}")));
        }
        let bytes = std::fs::read(&weights_path).map_err(|source| Error::read(&weights_path, source))?;
        let damaged = |reason: String| Error::malformed(&weights_path, reason);
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| damaged(format!("not a safetensors file, or damaged ({error})")))?;
        let mut downs: BTreeMap<String, (String, Stored)> = BTreeMap::new();
        let mut ups: BTreeMap<String, (String, Stored)> = BTreeMap::new();
        let mut others = Vec::new();
        for (name, view) in tensors.tensors() {
            let Some((path, is_down)) = split(&name) else {
                others.push(name);
                continue;
            };
            let &[rows, columns] = view.shape() else {
                return Err(damaged(format!("`{name}` is {:?}, not a matrix", view.shape())));
            };
            let numbers = f32_numbers(view.dtype(), view.data()).ok_or_else(|| {
                damaged(format!("`{name}` is stored as {:?}; f32, f16 and bf16 can be read", view.dtype()))
            })?;
            if !all_finite(view.dtype(), view.data()) {
                return Err(damaged(format!(
                    "`{name}` holds a number that is NaN or infinite: the file is damaged, or comes from a training that diverged"
                )));
            }
            let map = if is_down { &mut downs } else { &mut ups };
            map.insert(canonical_module(path), (path.to_string(), (rows, columns, numbers)));
        }
        // Judged before the tensors are: DoRA and its like bring tensors of their own.
        let config = Config::parse(&config, |key| downs.contains_key(&canonical_module(key))).map_err(|problems| {
            Error::Unsupported(format!(
                "{}: this adapter cannot be read: {}",
                config_path.display(),
                problems.join("; ")
            ))
        })?;
        if let Some(other) = others.first() {
            return Err(damaged(format!(
                "`{other}` is neither lora_A nor lora_B of a linear layer; {} tensors of that kind are not supported",
                others.len()
            )));
        }
        let mut modules = BTreeMap::new();
        for (name, (path, (down_rank, inputs, down))) in downs {
            let Some((_, (outputs, up_rank, up))) = ups.remove(&name) else {
                return Err(damaged(format!("`{path}` has lora_A and no lora_B")));
            };
            let (rank, scaling) = config.of(|key| canonical_module(key) == name);
            if (down_rank, up_rank) != (rank, rank) {
                return Err(damaged(format!(
                    "`{path}` has lora_A {:?} and lora_B {:?}, but {CONFIG} makes its rank {rank}",
                    [down_rank, inputs],
                    [outputs, up_rank]
                )));
            }
            modules.insert(name, Module { path, down, up, rank, inputs, outputs, scaling });
        }
        if let Some((path, _)) = ups.values().next() {
            return Err(damaged(format!("`{path}` has lora_B and no lora_A")));
        }
        if modules.is_empty() {
            return Err(damaged("there is no adapted layer in it".to_string()));
        }
        Ok(Adapter { directory: directory.to_path_buf(), base: config.base, modules })
    }

    /// Whether every adapted module is a linear layer of the model, with the same inputs and outputs.
    ///
    /// # Errors
    /// It belongs to another base; the modules that differ are named.
    pub fn check(&self, model: &Expected) -> Result<()> {
        let mut problems = Vec::new();
        for (name, module) in &self.modules {
            let weight = format!("{name}.weight");
            let shape = match model.tensors.get(&weight) {
                Some(shape) => Some(shape.as_slice()),
                // A head that is tied to the embeddings has their shape.
                None if model.copies.contains(&weight) => model
                    .tensors
                    .iter()
                    .find(|(name, _)| name.ends_with("embed_tokens.weight") || name.ends_with("shared.weight"))
                    .map(|(_, shape)| shape.as_slice()),
                None => None,
            };
            match shape {
                None => problems.push(format!("  {}: the model has no such layer", module.path)),
                Some(shape) if shape != [module.outputs, module.inputs] => problems.push(format!(
                    "  {}: made for a layer of {} inputs and {} outputs, this model's weight is {shape:?}",
                    module.path, module.inputs, module.outputs
                )),
                Some(_) => {}
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        let more = problems.len().saturating_sub(SHOWN);
        problems.truncate(SHOWN);
        if more > 0 {
            problems.push(format!("  and {more} more"));
        }
        Err(Error::OtherBase { path: self.directory.clone(), base: self.base.clone(), problems })
    }

    /// The adapter of a layer whose outputs are `part` of a product.
    pub fn layer(&self, module: &str, part: Range<usize>, device: &Device) -> Option<LoraLinear> {
        let module = self.modules.get(module)?;
        let place =
            |values: &[f32], shape: [usize; 2]| Tensor::from_data(TensorData::new(values.to_vec(), shape), device);
        let factors = Factors {
            down: place(&module.down, [module.rank, module.inputs]),
            up: place(&module.up, [module.outputs, module.rank]),
        };
        Some(LoraLinear::new(0, part, module.scaling, 0.0, factors))
    }

    /// Canonical names of the adapted modules.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(String::as_str)
    }
}

/// `base_model.model.PATH.lora_A.weight` to PATH and whether it is A. PEFT's own state dictionaries name the adapter too.
fn split(name: &str) -> Option<(&str, bool)> {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    for (ending, is_down) in [
        (".lora_A.weight", true),
        (".lora_B.weight", false),
        (".lora_A.default.weight", true),
        (".lora_B.default.weight", false),
    ] {
        if let Some(path) = name.strip_suffix(ending) {
            return Some((path, is_down));
        }
    }
    None
}
