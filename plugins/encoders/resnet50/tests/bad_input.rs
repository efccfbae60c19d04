//! Directories that are no use: each an error that says what is wrong, never a panic.

use plugin_api::{Device, Encoder, EncoderConfig, EncoderInputs, Host, Settings};
use resnet50::ResNetEncoder;
use serde_json::{Value, json};
use std::path::Path;

fn copy() -> tempfile::TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/encoders/resnet-hf");
    let target = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(source).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), target.path().join(file.file_name())).unwrap();
    }
    target
}

fn load(folder: &Path, settings: Value) -> Result<ResNetEncoder, String> {
    let (weights, settings, host) = (folder.to_owned(), Settings::new(settings), Host::silent());
    let config = EncoderConfig { weights, adapter: None, device: Device::Cpu, threads: 0, settings, host };
    ResNetEncoder::load(&config).map_err(|error| error.to_string())
}

fn edit(folder: &tempfile::TempDir, file: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.path().join(file);
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

#[track_caller]
fn refused(folder: &tempfile::TempDir, settings: Value, words: &[&str]) {
    let error = load(folder.path(), settings).err().expect("it was loaded");
    for word in words {
        assert!(error.contains(word), "`{word}` is not in: {error}");
    }
}

#[test]
fn each_damage_is_named() {
    refused(&tempfile::tempdir().unwrap(), Value::Null, &["model.safetensors"]);
    let folder = copy();
    edit(&folder, "config.json", |config| config["model_type"] = json!("vit"));
    refused(&folder, Value::Null, &["config.json", "`vit`"]);
    let folder = copy();
    edit(&folder, "config.json", |config| config["depths"] = json!([1, 2, 2, 1]));
    refused(&folder, Value::Null, &["missing: resnet.encoder.stages.2.layers.1.layer.0.convolution.weight"]);
    let folder = copy();
    edit(&folder, "config.json", |config| config["hidden_sizes"] = json!([16, 24, 32, 44]));
    refused(&folder, Value::Null, &["wrong shape: resnet.encoder.stages.3.layers.0.shortcut.convolution.weight"]);
    // Tensors of another family: as torchvision's they are all missing, and all unexpected.
    let folder = copy();
    std::fs::remove_file(folder.path().join("config.json")).unwrap();
    refused(&folder, Value::Null, &["missing: conv1.weight [64, 3, 7, 7]", "unexpected: resnet.embedder"]);
    refused(&copy(), json!({"resize": 12}), &["12 pixels", "56"]);
    refused(&copy(), json!({"crop": 12}), &["`crop`"]);
}

#[test]
fn texts_and_other_spaces_are_refused() {
    let encoder = load(copy().path(), json!({"resize": 64})).unwrap();
    assert!(encoder.prepare(EncoderInputs::Texts(&["a dress"])).err().unwrap().to_string().contains("no texts"));
    let none = encoder.prepare(EncoderInputs::Images(&[])).unwrap().batch;
    assert!(encoder.embed(none, "pooled").unwrap_err().to_string().contains("avgpool"));
}
