//! Directories and inputs that are no use: each an error that says what is wrong, never a panic.

use clip::ClipEncoder;
use plugin_api::{Device, Encoder, EncoderConfig, EncoderInputs, Host, Image, Settings};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::path::Path;

/// A copy of a good checkpoint, to be damaged.
fn copy() -> tempfile::TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/encoders/clip");
    let target = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(source).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), target.path().join(file.file_name())).unwrap();
    }
    target
}

fn load(folder: &Path, settings: Value) -> Result<ClipEncoder, String> {
    let (weights, settings, host) = (folder.to_owned(), Settings::new(settings), Host::silent());
    let config = EncoderConfig { weights, adapter: None, device: Device::Cpu, threads: 0, settings, host };
    ClipEncoder::load(&config).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(folder: &tempfile::TempDir, words: &[&str]) {
    let error = load(folder.path(), Value::Null).err().expect("it was loaded");
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
fn directories_of_other_models_and_damaged_ones() {
    refused(&tempfile::tempdir().unwrap(), &["config.json"]);
    let folder = copy();
    edit(&folder, "config.json", |config| config["model_type"] = json!("siglip"));
    refused(&folder, &["config.json", "`siglip`", "`clip`"]);
    let folder = copy();
    edit(&folder, "config.json", |config| config["text_config"]["num_attention_heads"] = json!(5));
    refused(&folder, &["text_config", "5 heads"]);
    let folder = copy();
    edit(&folder, "preprocessor_config.json", |config| config["crop_size"] = json!({"height": 56, "width": 56}));
    refused(&folder, &["56", "42"]);
    let folder = copy();
    edit(&folder, "tokenizer.json", |tokenizer| tokenizer["model"]["vocab"]["zebra"] = json!(5000));
    // One token more, and the special tokens behind the vocabulary move beyond the model's vectors too.
    refused(&folder, &["tokenizer.json", "the model has vectors for", "another checkpoint"]);
    let folder = copy();
    std::fs::rename(folder.path().join("model.safetensors"), folder.path().join("pytorch_model.bin")).unwrap();
    refused(&folder, &["safetensors only"]);
    assert!(load(copy().path(), json!({"resize": 3})).err().unwrap().contains("`resize`"));
}

#[test]
fn missing_misshapen_and_unexpected_tensors_are_all_named() {
    let folder = copy();
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let extra = [0_u8; 8];
    let mut kept: Vec<(String, TensorView<'_>)> = tensors
        .tensors()
        .into_iter()
        .filter(|(name, _)| name != "text_projection.weight" && name != "text_model.final_layer_norm.bias")
        .collect();
    kept.push(("text_model.final_layer_norm.bias".into(), TensorView::new(Dtype::F32, vec![2], &extra).unwrap()));
    kept.push(("stray.weight".into(), TensorView::new(Dtype::F32, vec![1, 2], &extra).unwrap()));
    std::fs::write(&path, safetensors::serialize(kept, None).unwrap()).unwrap();
    refused(
        &folder,
        &[
            "missing: text_projection.weight [16, 24]",
            "wrong shape: text_model.final_layer_norm.bias in model.safetensors is [2], config.json makes it [24]",
            "unexpected: stray.weight [1, 2]",
        ],
    );
}

#[test]
fn inputs_of_the_wrong_kind_and_spaces_that_are_not_there() {
    let encoder = load(copy().path(), Value::Null).unwrap();
    let images = [Image { width: 1, height: 1, rgb: &[1, 2, 3] }];
    let prepare = || encoder.prepare(EncoderInputs::Images(&images)).unwrap().batch;
    let error = encoder.embed(prepare(), "text").unwrap_err().to_string();
    assert!(error.contains("takes texts"), "{error}");
    let error = encoder.embed(prepare(), "vision").unwrap_err().to_string();
    assert!(error.contains("`vision`") && error.contains("image, text"), "{error}");
    let torn = [Image { width: 2, height: 2, rgb: &[1, 2, 3] }];
    assert!(encoder.prepare(EncoderInputs::Images(&torn)).is_err());
    let none = encoder.prepare(EncoderInputs::Texts(&[])).unwrap();
    assert!(encoder.embed(none.batch, "text").unwrap().is_empty());
}
