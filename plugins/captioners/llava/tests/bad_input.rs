//! Prompts and directories that are no use to LLaVA: each an error that says what to do. What all checkpoints share is tested
//! with BLIP-2.

use llava::LlavaCaptioner;
use plugin_api::{CaptionerConfig, Device, Generation, Host, Settings};
use std::path::{Path, PathBuf};

fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/transformers/checkpoints").join(name)
}

fn refusal(weights: PathBuf, prompt: &str) -> String {
    let loaded = LlavaCaptioner::load(&CaptionerConfig {
        weights,
        adapter: None,
        device: Device::Cpu,
        threads: 0,
        prompt: Some(prompt.into()),
        generation: Generation::default(),
        settings: Settings::default(),
        host: Host::silent(),
    });
    loaded.err().expect("it was loaded").to_string()
}

#[test]
fn a_prompt_without_an_image() {
    let error = refusal(checkpoint("llava-full"), "USER: what is this? ASSISTANT:");
    assert!(error.contains("no `<image>`"), "{error}");
}

#[test]
fn a_prompt_with_two_images() {
    let error = refusal(checkpoint("llava-full"), "USER: <image> and <image> ASSISTANT:");
    assert!(error.contains("`<image>` 2 times"), "{error}");
}

#[test]
fn a_prompt_longer_than_the_positions() {
    let error = refusal(checkpoint("llava-full"), &format!("<image>{}", "a red dress ".repeat(100)));
    assert!(error.contains("160 positions"), "{error}");
}

#[test]
fn a_directory_of_another_model_type() {
    let error = refusal(checkpoint("opt-small"), "<image>");
    assert!(error.contains("`blip-2`") && error.contains("config.json"), "{error}");
}

#[test]
fn a_tokenizer_whose_image_token_is_another() {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(checkpoint("llava-full")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let path = folder.path().join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    config["image_token_index"] = 5.into();
    std::fs::write(&path, config.to_string()).unwrap();
    let error = refusal(folder.path().into(), "<image>");
    assert!(error.contains("image_token_index is 5"), "{error}");
}
