//! The adapters of a model in training: put on its layers as a strategy chose, and written as PEFT stores them.

use crate::adapter::{Written, write};
use crate::layers::{Factors, LoraLinear, Site};
use crate::random::Random;
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use plugin_api::{LinearLayer, LoraTarget};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// A model's module path in the reference implementation, of a canonical name.
pub type PathOf = fn(&str) -> String;

/// One adapter and what it was made by.
pub struct Entry {
    pub target: LoraTarget,
    pub adapter: Arc<LoraLinear>,
}

/// The adapters of a model, in the order of the targets.
pub struct Trained {
    pub entries: Vec<Entry>,
}

/// The layers of a model in the terms of strategies.
pub fn linear_layers(sites: &[Site], path: PathOf) -> Vec<LinearLayer> {
    let layer = |site: &Site| LinearLayer {
        path: path(&site.name),
        inputs: site.inputs,
        outputs: site.part.len(),
        tower: tower(&site.name).to_string(),
        role: role(&site.name).to_string(),
    };
    sites.iter().map(layer).collect()
}

/// By the beginning of a canonical name.
fn tower(name: &str) -> &'static str {
    match name.split('.').next().unwrap_or_default() {
        "vision_model" | "vision_tower" => "vision",
        "qformer" => "qformer",
        "language_projection" | "multi_modal_projector" => "projector",
        _ => "language",
    }
}

/// By the end of a canonical name.
fn role(name: &str) -> &'static str {
    if name.ends_with("attention.output.dense") {
        // The Q-Former calls all its layers `dense`: `attention.output` is attention's, `output_query` the feed-forward part's.
        return "output";
    }
    match name.rsplit('.').next().unwrap_or_default() {
        // A joined product of all three counts as its first.
        "q" | "q_proj" | "query" | "qkv" => "query",
        "k" | "k_proj" | "key" => "key",
        "v" | "v_proj" | "value" => "value",
        "o" | "o_proj" | "out_proj" | "projection" => "output",
        "lm_head" => "head",
        "language_projection" | "linear_1" | "linear_2" => "projection",
        _ => "mlp",
    }
}

impl Trained {
    /// Puts new adapters on layers: A uniform in ±1/√inputs (Kaiming with √5), B zero. The numbers depend on the seed and a layer's
    /// path only.
    ///
    /// # Errors
    /// No targets, a path that is no layer or stands twice, or a rank that a layer cannot have.
    pub fn attach(sites: &[Site], path: PathOf, targets: &[LoraTarget], seed: u64, device: &Device) -> Result<Trained> {
        if targets.is_empty() {
            return Err(Error::Request("there is no layer to adapt".into()));
        }
        let mut seen = BTreeSet::new();
        let mut chosen = Vec::with_capacity(targets.len());
        for target in targets {
            let site = sites
                .iter()
                .find(|site| path(&site.name) == target.path)
                .ok_or_else(|| Error::Request(format!("the model has no linear layer `{}`", target.path)))?;
            let (inputs, outputs) = (site.inputs, site.part.len());
            if !seen.insert(&target.path) {
                return Err(Error::Request(format!("`{}` is to be adapted twice", target.path)));
            }
            if target.rank == 0 || target.rank > inputs.min(outputs) {
                return Err(Error::Request(format!(
                    "`{}` maps {inputs} inputs to {outputs} outputs: a rank of {} is not one of 1 to {}",
                    target.path,
                    target.rank,
                    inputs.min(outputs)
                )));
            }
            if !target.scaling.is_finite() || !(0.0..1.0).contains(&target.dropout) {
                return Err(Error::Request(format!(
                    "`{}`: a scaling of {} and a dropout of {} cannot be trained with",
                    target.path, target.scaling, target.dropout
                )));
            }
            chosen.push((site, target));
        }
        let entries = chosen.into_iter().enumerate().map(|(number, (site, target))| {
            let (inputs, outputs, rank) = (site.inputs, site.part.len(), target.rank);
            let mut random = Random::new(seed ^ crate::random::hash(&target.path));
            let bound = 1.0 / (inputs as f64).sqrt();
            let down = (0..rank * inputs).map(|_| ((random.uniform() * 2.0 - 1.0) * bound) as f32).collect();
            let factors = factors(down, vec![0.0; outputs * rank], rank, inputs, outputs, device);
            let adapter = Arc::new(LoraLinear::new(number, site.part.clone(), target.scaling, target.dropout, factors));
            site.adapters.attach(adapter.clone());
            Entry { target: target.clone(), adapter }
        });
        Ok(Trained { entries: entries.collect() })
    }

    /// Numbers in A and B.
    pub fn parameters(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| {
                let Factors { down, up } = entry.adapter.factors();
                (down.shape().num_elements() + up.shape().num_elements()) as u64
            })
            .sum()
    }

    /// Writes a PEFT folder.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, directory: &Path, base: &str) -> Result<()> {
        let modules = self.entries.iter().map(|entry| {
            let Factors { down, up } = entry.adapter.factors();
            Written { target: &entry.target, down: numbers(down), up: numbers(up) }
        });
        write(directory, base, modules.collect())
    }
}

/// Both factors on a device.
pub fn factors(down: Vec<f32>, up: Vec<f32>, rank: usize, inputs: usize, outputs: usize, device: &Device) -> Factors {
    Factors {
        down: Tensor::from_data(TensorData::new(down, [rank, inputs]), device),
        up: Tensor::from_data(TensorData::new(up, [outputs, rank]), device),
    }
}

/// A matrix's numbers, row-major, with its shape.
pub fn numbers(x: Tensor<2>) -> (Vec<f32>, [usize; 2]) {
    let shape = x.dims();
    (x.into_data().iter::<f32>().collect(), shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn towers_and_roles_go_by_the_names_of_the_three_families() {
        for (name, expected) in [
            ("vision_model.encoder.layers.3.self_attn.qkv", ("vision", "query")),
            ("vision_model.encoder.layers.3.self_attn.projection", ("vision", "output")),
            ("vision_tower.encoder.layers.0.mlp.fc2", ("vision", "mlp")),
            ("vision_tower.encoder.layers.0.self_attn.out_proj", ("vision", "output")),
            ("qformer.encoder.layer.0.crossattention.attention.key", ("qformer", "key")),
            ("qformer.encoder.layer.0.crossattention.output.dense", ("qformer", "output")),
            ("qformer.encoder.layer.1.attention.output.dense", ("qformer", "output")),
            ("qformer.encoder.layer.1.intermediate_query.dense", ("qformer", "mlp")),
            ("qformer.encoder.layer.1.output_query.dense", ("qformer", "mlp")),
            ("language_projection", ("projector", "projection")),
            ("multi_modal_projector.linear_1", ("projector", "projection")),
            ("language_model.decoder.layers.0.self_attn.v_proj", ("language", "value")),
            ("language_model.encoder.block.0.layer.0.SelfAttention.o", ("language", "output")),
            ("language_model.decoder.block.0.layer.2.DenseReluDense.wi_1", ("language", "mlp")),
            ("language_model.layers.0.mlp.gate_proj", ("language", "mlp")),
            ("language_model.lm_head", ("language", "head")),
        ] {
            assert_eq!((tower(name), role(name)), expected, "{name}");
        }
    }
}
