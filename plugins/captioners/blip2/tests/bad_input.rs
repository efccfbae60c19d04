//! Directories and prompts that are no use: each an error that names the file and what is wrong with it, never a panic.

use blip2::Blip2Captioner;
use plugin_api::{CaptionInput, Captioner, CaptionerConfig, Device, Generation, Host, Image, Settings};
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

/// Puts a tensor in the place of the checkpoint's one of that name, or beside its others.
fn put(folder: &tempfile::TempDir, name: &str, dtype: Dtype, shape: Vec<usize>, content: &[u8]) {
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let kept = tensors.tensors().into_iter().filter(|(other, _)| other != name);
    let put = (name.to_owned(), TensorView::new(dtype, shape, content).unwrap());
    std::fs::write(&path, safetensors::serialize(kept.chain([put]), None).unwrap()).unwrap();
}

#[test]
fn numbers_of_a_kind_that_is_not_read() {
    let folder = copy("opt-small");
    put(&folder, "language_projection.bias", Dtype::I32, vec![32], &[0; 32 * 4]);
    refused(&folder, &["language_projection.bias", "I32"]);
}

/// Of which one would be taken, the order of a table decided.
#[test]
fn one_tensor_under_two_names() {
    let folder = copy("opt-small");
    let bytes = std::fs::read(folder.path().join("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let bias = tensors.tensor("language_projection.bias").unwrap();
    put(&folder, "model.language_projection.bias", Dtype::F32, vec![32], bias.data());
    assert!(load(folder.path().into(), None, Generation::default()).is_ok(), "a copy does no harm");
    put(&folder, "model.language_projection.bias", Dtype::F32, vec![32], &[0; 32 * 4]);
    refused(&folder, &["`language_projection.bias` and `model.language_projection.bias`", "stored twice"]);
}

/// Some of them captions show, and some the model hides: both are said before there is a caption.
#[test]
fn numbers_that_are_none() {
    let folder = copy("opt-small");
    for none in [f32::NAN, f32::NEG_INFINITY] {
        let content: Vec<u8> = [[0.0; 31].as_slice(), &[none]].concat().iter().flat_map(|x| x.to_le_bytes()).collect();
        put(&folder, "language_projection.bias", Dtype::F32, vec![32], &content);
        refused(&folder, &["model.safetensors: language_projection.bias", "NaN or infinite"]);
    }
}

/// As transformers 5 does; until then the head of such a checkpoint was left unread.
#[test]
fn a_head_of_its_own_wins_over_a_configuration_that_ties_it() {
    let folder = copy("opt-small");
    let config: Value = serde_json::from_slice(&std::fs::read(folder.path().join("config.json")).unwrap()).unwrap();
    assert_ne!(config["text_config"]["tie_word_embeddings"], json!(false));
    let bytes = std::fs::read(folder.path().join("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let (_, embeddings) =
        tensors.tensors().into_iter().find(|(name, _)| name.ends_with("embed_tokens.weight")).unwrap();
    let first = |folder: &tempfile::TempDir| {
        let generation = Generation { max_new_tokens: Some(1), ..Generation::default() };
        let captioner = load(folder.path().into(), None, generation).unwrap();
        let rgb: Vec<u8> = (0..3 * 20 * 30).map(|place| (place * 7 % 251) as u8).collect();
        let input = CaptionInput { image: Image { width: 20, height: 30, rgb: &rgb }, seed: 0 };
        let batch = captioner.prepare(&[input]).unwrap();
        captioner.generate(batch).unwrap().remove(0).token_ids[0] as usize
    };
    let name = "language_model.lm_head.weight";
    let tied = first(&folder);
    put(&folder, name, embeddings.dtype(), embeddings.shape().to_vec(), embeddings.data());
    assert_eq!(first(&folder), tied, "a copy is no head of its own");
    // The rows one further: every token has the score of the one before it.
    let mut own = embeddings.data().to_vec();
    own.rotate_right(embeddings.data().len() / embeddings.shape()[0]);
    put(&folder, name, embeddings.dtype(), embeddings.shape().to_vec(), &own);
    assert_eq!(first(&folder), (tied + 1) % embeddings.shape()[0]);
}

#[test]
fn a_prompt_with_the_image_token_that_the_model_puts_itself() {
    let folder = copy("opt-small");
    let error = load(folder.path().into(), Some("<image> a dress"), Generation::default()).err().unwrap();
    assert!(error.contains("`<image>`") && error.contains("leave it out"), "{error}");
}

#[test]
fn an_end_token_that_the_model_does_not_have() {
    let folder = copy("opt-small");
    edit(&folder, "config.json", |config| config["text_config"]["eos_token_id"] = json!(118));
    refused(&folder, &["token 118 (eos_token_id)", "118 tokens only"]);
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
