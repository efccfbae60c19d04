//! Merging an adapter into a checkpoint: the same files, with W + s·B·A where a layer is adapted.

use crate::adapter::Adapter;
use crate::weights::{Checkpoint, Expected, all_finite, canonical, f32_numbers, write_stored};
use crate::{Error, Placement, Result};
use burn::tensor::{Tensor, TensorData};
use half::{bf16, f16};
use plugin_api::MergeConfig;
use safetensors::{Dtype, SafeTensors};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files that are weights in some form: those of the base would contradict the merged ones.
const WEIGHTS: [&str; 9] = ["safetensors", "bin", "pt", "pth", "ckpt", "h5", "msgpack", "onnx", "gguf"];

/// Writes the merged checkpoint; `model` is what its configuration expects. Shard by shard, so that memory holds one shard.
///
/// # Errors
/// The adapter is not for this base, or cannot be merged into its files; a file cannot be read or written.
pub fn merge(config: &MergeConfig, model: &Expected) -> Result<String> {
    let adapter = Adapter::read(&config.adapter)?;
    let checkpoint = Checkpoint::open(&config.weights)?;
    model.check(&checkpoint)?;
    adapter.check(model)?;
    let mut waiting: BTreeSet<String> = adapter.modules().map(|module| format!("{module}.weight")).collect();
    if let Some(absent) = waiting.iter().find(|name| checkpoint.tensor(name).is_none()) {
        return Err(Error::Unsupported(format!(
            "{}: `{absent}` is adapted, but the checkpoint ties it to the embeddings and stores no weight of its own: it cannot be merged",
            config.adapter.display()
        )));
    }
    let shards: BTreeSet<PathBuf> =
        checkpoint.tensors().map(|(_, stored)| checkpoint.file_of(stored).to_path_buf()).collect();
    let total = shards.len() as u64;
    for (done, shard) in shards.iter().enumerate() {
        config.host.progress(done as u64, total);
        let name = shard.file_name().unwrap_or(shard.as_os_str());
        merge_file(shard, &config.output.join(name), &adapter, &mut waiting)?;
    }
    let copied = copy_rest(&config.weights, &config.output)?;
    config.host.progress(total, total);
    let merged = adapter.modules().count();
    Ok(format!("{merged} layers merged; {total} files of weights and {copied} other files written"))
}

/// A tensor as it is to be stored.
struct Stored<'a> {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

fn merge_file(from: &Path, to: &Path, adapter: &Adapter, waiting: &mut BTreeSet<String>) -> Result<()> {
    let file = std::fs::File::open(from).map_err(|source| Error::read(from, source))?;
    // SAFETY: the map is only read; the checkpoint was opened in the same way just now.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|source| Error::read(from, source))?;
    let tensors = SafeTensors::deserialize(&map)
        .map_err(|error| Error::malformed(from, format!("not a safetensors file, or damaged ({error})")))?;
    let cpu = Placement::cpu()?;
    let mut written: Vec<Stored<'_>> = Vec::new();
    let mut all = tensors.tensors();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, view) in all {
        let spelt = canonical(&name);
        let module = spelt.strip_suffix(".weight").filter(|_| view.shape().len() == 2);
        let layer = module.and_then(|module| adapter.layer(module, 0..view.shape()[0], &cpu.device));
        let bytes = match layer {
            None => Cow::Borrowed(view.data()),
            Some(layer) => {
                waiting.remove(&spelt);
                let values = f32_numbers(view.dtype(), view.data())
                    .ok_or_else(|| Error::malformed(from, format!("{name} is stored as {:?}", view.dtype())))?;
                let shape = [view.shape()[0], view.shape()[1]];
                let weight = Tensor::<2>::from_data(TensorData::new(values, shape), &cpu.device);
                let merged: Vec<f32> = layer.merge(weight).into_data().iter::<f32>().collect();
                let bytes = bytes_of(&merged, view.dtype());
                if !all_finite(view.dtype(), &bytes) {
                    return Err(Error::Unsupported(format!(
                        "{}: with the adapter, {name} exceeds what {:?} can hold: it cannot be merged into this checkpoint",
                        from.display(),
                        view.dtype()
                    )));
                }
                Cow::Owned(bytes)
            }
        };
        written.push(Stored { name, dtype: view.dtype(), shape: view.shape().to_vec(), bytes });
    }
    write_stored(
        to,
        written.iter().map(|tensor| (tensor.name.clone(), tensor.dtype, &tensor.shape[..], &tensor.bytes[..])),
    )
}

fn bytes_of(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::BF16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

/// Copies what is no weight: configurations, tokenizer, the index of the shards, whose names stay.
fn copy_rest(from: &Path, to: &Path) -> Result<usize> {
    let entries = std::fs::read_dir(from).map_err(|source| Error::read(from, source))?;
    let mut copied = 0;
    for entry in entries {
        let path = entry.map_err(|source| Error::read(from, source))?.path();
        let is_weights =
            path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| WEIGHTS.contains(&ending));
        // The hub's cache links to its files: links are followed.
        if !path.is_file() || is_weights {
            continue;
        }
        let target = to.join(path.file_name().unwrap_or(path.as_os_str()));
        std::fs::copy(&path, &target).map_err(|source| Error::Write { path: target, source })?;
        copied += 1;
    }
    Ok(copied)
}
