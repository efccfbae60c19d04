//! Directories and prompts that are no use: each an error that names the file and what is wrong with it, never a panic.

use blip2::Blip2Captioner;
use plugin_api::{CaptionerConfig, Device, Generation, Host, Settings};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A copy of a good checkpoint, to be damaged.
fn copy(name: &str) -> tempfile::TempDir {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/transformers/checkpoints").join(name);
    let target = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(source).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), target.path().join(file.file_name())).unwrap();
    }
    target
}

fn load(weights: PathBuf, prompt: Option<&str>, generation: Generation) -> Result<Blip2Captioner, String> {
    Blip2Captioner::load(&CaptionerConfig {
        weights,
        adapter: None,
        device: Device::Cpu,
        threads: 0,
        prompt: prompt.map(String::from),
        generation,
        settings: Settings::default(),
        host: Host::silent(),
    })
    .map_err(|error| error.to_string())
}

#[track_caller]
fn refused(folder: &tempfile::TempDir, words: &[&str]) {
    let error = load(folder.path().into(), None, Generation::default()).err().expect("it was loaded");
    for word in words {
        assert!(error.contains(word), "`{word}` is not in: {error}");
    }
}

fn edit(folder: &tempfile::TempDir, file: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.path().join(file);
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

#[test]
fn an_empty_directory_and_none_at_all() {
    let folder = tempfile::tempdir().unwrap();
    refused(&folder, &["config.json"]);
    let error = load(folder.path().join("nowhere"), None, Generation::default()).err().unwrap();
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn a_directory_of_another_model_type() {
    let folder = copy("opt-small");
    edit(&folder, "config.json", |config| config["model_type"] = json!("llava"));
    refused(&folder, &["config.json", "`llava`", "`blip-2`"]);
}

#[test]
fn a_damaged_configuration() {
    let folder = copy("opt-small");
    std::fs::write(folder.path().join("config.json"), "{\"model_type\": ").unwrap();
    refused(&folder, &["config.json", "line 1"]);
}

#[test]
fn a_missing_shard() {
    let folder = copy("opt-sharded");
    let shard = "model-00003-of-";
    let file = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let file = file.into_iter().find(|path| path.to_string_lossy().contains(shard)).unwrap();
    std::fs::remove_file(file).unwrap();
    refused(&folder, &[shard, "missing", "download"]);
}

#[test]
fn a_shard_cut_short_and_one_that_is_no_safetensors_file() {
    let folder = copy("opt-small");
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    refused(&folder, &["model.safetensors", "download"]);
    std::fs::write(&path, b"<html>404</html>").unwrap();
    refused(&folder, &["model.safetensors", "not a safetensors file"]);
    std::fs::write(&path, b"").unwrap();
    refused(&folder, &["model.safetensors"]);
}

#[test]
fn pickled_weights_are_never_read() {
    let folder = copy("opt-small");
    std::fs::rename(folder.path().join("model.safetensors"), folder.path().join("pytorch_model.bin")).unwrap();
    refused(&folder, &["safetensors only"]);
}

#[test]
fn missing_misshapen_and_unexpected_tensors_are_all_named() {
    let folder = copy("opt-small");
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let extra = [0_u8; 8];
    let mut kept: Vec<(String, TensorView<'_>)> = tensors
        .tensors()
        .into_iter()
        .filter(|(name, _)| name != "qformer.layernorm.weight" && name != "language_projection.bias")
        .collect();
    kept.push(("language_projection.bias".into(), TensorView::new(Dtype::F32, vec![2], &extra).unwrap()));
    kept.push(("stray.weight".into(), TensorView::new(Dtype::F32, vec![1, 2], &extra).unwrap()));
    std::fs::write(&path, safetensors::serialize(kept, None).unwrap()).unwrap();
    refused(
        &folder,
        &[
            "missing: qformer.layernorm.weight [24]",
            "wrong shape: language_projection.bias in model.safetensors is [2], config.json makes it [32]",
            "unexpected: stray.weight [1, 2]",
        ],
    );
}

#[test]
fn numbers_of_a_kind_that_is_not_read() {
    let folder = copy("opt-small");
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let whole = vec![0_u8; 32 * 4];
    let kept = tensors.tensors().into_iter().map(|(name, view)| match name.as_str() {
        "language_projection.bias" => (name, TensorView::new(Dtype::I32, vec![32], &whole).unwrap()),
        _ => (name, view),
    });
    std::fs::write(&path, safetensors::serialize(kept, None).unwrap()).unwrap();
    refused(&folder, &["language_projection.bias", "I32"]);
}

#[test]
fn a_tokenizer_whose_vocabulary_disagrees() {
    let folder = copy("opt-small");
    edit(&folder, "tokenizer.json", |tokenizer| {
        tokenizer["model"]["vocab"]["zebra"] = json!(5000);
    });
    refused(&folder, &["tokenizer.json", "`zebra`", "5000"]);
    std::fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    refused(&folder, &["tokenizer.json", "missing"]);
}

#[test]
fn an_image_processor_of_another_size() {
    let folder = copy("opt-small");
    edit(&folder, "preprocessor_config.json", |config| config["size"] = json!({"height": 14, "width": 28}));
    refused(&folder, &["14", "28"]);
}

#[test]
fn a_prompt_longer_than_the_positions() {
    let folder = copy("opt-small");
    let long = "a red dress ".repeat(100);
    let error = load(folder.path().into(), Some(&long), Generation::default()).err().unwrap();
    assert!(error.contains("96 positions") && error.contains("max_new_tokens"), "{error}");
    let generation = Generation { max_new_tokens: Some(4000), ..Generation::default() };
    let error = load(folder.path().into(), None, generation).err().unwrap();
    assert!(error.contains("96 positions"), "{error}");
}

#[test]
fn settings_without_meaning() {
    let folder = copy("opt-small");
    let generation = Generation { num_beams: Some(0), ..Generation::default() };
    let error = load(folder.path().into(), None, generation).err().unwrap();
    assert!(error.contains("num_beams"), "{error}");
}
