//! Training of BLIP-2 with OPT and with T5. What is tested stands in `tests/parity/peft/harness.rs`, which all families share.

#[path = "../../../../tests/parity/peft/harness.rs"]
mod harness;

use blip2::{Blip2Captioner, Blip2Config};
use plugin_api::{CaptionerConfig, Device, ErrorKind, Finish, Generation, Host, Settings};
use serde_json::{Value, json};
use std::path::Path;

const FAMILIES: [&str; 2] = ["opt-small", "t5-untied"];

#[test]
fn opt_trains_as_peft_and_torch_do() {
    harness::trains_as_peft_and_torch_do::<Blip2Config>("opt-small");
}

#[test]
fn t5_trains_as_peft_and_torch_do() {
    harness::trains_as_peft_and_torch_do::<Blip2Config>("t5-untied");
}

#[test]
fn adapters_of_peft_give_pefts_scores() {
    FAMILIES.iter().for_each(|family| harness::an_adapter_of_peft_gives_pefts_scores::<Blip2Config>(family));
}

#[test]
fn adapters_of_the_samples_give_pefts_scores() {
    for model in ["blip2-opt", "blip2-flan-t5"] {
        harness::adapters_of_the_samples_give_pefts_scores::<Blip2Config>(model);
    }
}

#[test]
fn opts_gradients_are_those_of_finite_differences() {
    harness::gradients_are_those_of_finite_differences::<Blip2Config>("opt-small");
}

#[test]
fn t5s_gradients_are_those_of_finite_differences() {
    harness::gradients_are_those_of_finite_differences::<Blip2Config>("t5-untied");
}

#[test]
fn recomputed_blocks_give_the_same_gradients() {
    FAMILIES.iter().for_each(|family| harness::recomputed_blocks_give_the_same_gradients::<Blip2Config>(family));
}

#[test]
fn neither_accumulation_nor_padding_changes_the_loss() {
    FAMILIES
        .iter()
        .for_each(|family| harness::neither_accumulation_nor_padding_changes_the_loss::<Blip2Config>(family));
}

#[test]
fn a_resumed_training_gives_the_same_bytes() {
    FAMILIES.iter().for_each(|family| harness::a_resumed_training_gives_the_same_bytes::<Blip2Config>(family));
}

#[test]
fn the_base_stays_as_it_is() {
    FAMILIES.iter().for_each(|family| harness::the_base_stays_as_it_is::<Blip2Config>(family));
}

#[test]
fn layers_are_those_of_the_reference() {
    FAMILIES.iter().for_each(|family| harness::layers_are_those_of_the_reference::<Blip2Config>(family));
}

#[test]
fn merged_checkpoints_are_base_and_adapter() {
    FAMILIES.iter().for_each(|family| {
        harness::a_merged_checkpoint_is_base_and_adapter::<Blip2Config>(family);
    });
}

#[test]
fn impossible_adaptations_are_refused() {
    FAMILIES.iter().for_each(|family| harness::impossible_adaptations_are_refused::<Blip2Config>(family));
}

/// The study fed the caption to T5's encoder: what it learnt did not depend on the image.
#[test]
fn removing_the_image_changes_what_a_fine_tuned_t5_says() {
    let said = harness::learnt_by_heart::<Blip2Config>("t5-untied");
    assert_eq!(said[0], ("a red dress with long sleeves".into(), Finish::Eos));
    assert_eq!(said[1], ("black wool".into(), Finish::Eos));
    assert_ne!(said[2], said[0], "without its image the first caption comes all the same");
}

#[test]
fn a_caption_continues_its_prompt_with_single_spaces() {
    let tokenizer = nn::text::Tokenizer::read(&harness::checkpoint("opt-small")).unwrap();
    let prompt = "a photo of";
    let given = tokenizer.encode(prompt).unwrap();
    let tokens = tokenizer.continuation(Some(prompt), &given, " a red\n\tdress ").unwrap();
    assert_eq!(tokenizer.decode(&tokens).unwrap(), "a red dress");
    assert_eq!(tokenizer.decode(&[given, tokens.clone()].concat()).unwrap(), "a photo of a red dress");
    // Where the prompt's tokens do not begin the whole's, the caption's own are taken.
    assert_eq!(tokenizer.continuation(Some(prompt), &[9, 9], "a red dress").unwrap(), tokens);
    let bare = tokenizer.continuation(None, &[2], "a red dress").unwrap();
    assert_eq!(tokenizer.decode(&bare).unwrap(), "a red dress");
}

fn refusal(change: impl Fn(&Path, &mut Value)) -> plugin_api::PluginError {
    let case = harness::parity().join("peft/cases/opt-small-query-value-classic");
    let folder = tempfile::tempdir().unwrap();
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::copy(case.join(file), folder.path().join(file)).unwrap();
    }
    let path = folder.path().join("adapter_config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(folder.path(), &mut config);
    std::fs::write(&path, config.to_string()).unwrap();
    captioner("opt-small", folder.path()).map(|_| ()).unwrap_err()
}

fn captioner(family: &str, adapter: &Path) -> plugin_api::Result<Blip2Captioner> {
    Blip2Captioner::load(&CaptionerConfig {
        weights: harness::checkpoint(family),
        adapter: Some(adapter.to_path_buf()),
        device: Device::Cpu,
        threads: 0,
        prompt: None,
        generation: Generation::default(),
        settings: Settings::default(),
        host: Host::silent(),
    })
}

#[test]
fn adapters_of_other_kinds_are_refused_by_field() {
    for (field, value) in [
        ("use_dora", json!(true)),
        ("modules_to_save", json!(["lm_head"])),
        ("rank_pattern", json!({"q_proj": 8})),
        ("alpha_pattern", json!({"q_proj": 32})),
        ("bias", json!("all")),
        ("init_lora_weights", json!("pissa")),
        ("fan_in_fan_out", json!(true)),
    ] {
        let error = refusal(|_, config| config[field] = value.clone());
        assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
        assert!(error.message.contains(&format!("`{field}`")), "{error}");
    }
    let both = refusal(|_, config| {
        config["use_dora"] = true.into();
        config["modules_to_save"] = json!(["lm_head"]);
    });
    assert!(both.message.contains("use_dora") && both.message.contains("modules_to_save"), "{both}");
    assert!(refusal(|_, config| config["peft_type"] = "IA3".into()).message.contains("IA3"));
    assert!(refusal(|_, config| config["r"] = 8.into()).message.contains("rank 8"));
    let cut = refusal(|folder, _| {
        let path = folder.join("adapter_model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() - 9]).unwrap();
    });
    assert!(cut.message.contains("adapter_model.safetensors"), "{cut}");
    let absent = refusal(|folder, _| std::fs::remove_file(folder.join("adapter_model.safetensors")).unwrap());
    assert!(absent.message.contains("there is no adapter_model.safetensors"), "{absent}");
}

#[test]
fn an_adapter_for_another_base_is_refused_with_its_layers() {
    let case = |name: &str| harness::parity().join("peft/cases").join(name);
    let other_layers = captioner("t5-untied", &case("opt-small-query-value-classic")).map(|_| ()).unwrap_err();
    assert!(
        other_layers.message.contains("decoder.layers.0.self_attn.q_proj: the model has no such layer"),
        "{other_layers}"
    );
    assert!(other_layers.message.contains("lookbook/opt-small"), "{other_layers}");
    let other_shapes = captioner("opt-sharded", &case("opt-small-query-value-classic")).map(|_| ()).unwrap_err();
    assert!(other_shapes.message.contains("made for a layer of 32 inputs and 32 outputs"), "{other_shapes}");
    assert!(other_shapes.message.contains("[40, 40]"), "{other_shapes}");
    assert!(captioner("opt-small", &case("opt-small-query-value-classic")).is_ok());
}
