//! LLaVA against transformers. What is tested stands in `tests/parity/transformers/harness.rs`, which all captioners share.

#[path = "../../../../tests/parity/transformers/harness.rs"]
mod harness;

use harness::Tested;
use llava::{LlavaCaptioner, LlavaConfig};
use nn::image::ImageConfig;
use nn::text::Tokenizer;
use serde_json::Value;
use std::path::Path;

/// Full and grouped heads, tied and untied, in one file and in shards, f32, bf16 and f16, new and old tensor names.
const CHECKPOINTS: [&str; 4] = ["llava-full", "llava-grouped", "llava-bf16", "llava-last"];

impl Tested for LlavaConfig {
    /// Of different lengths in the second case.
    fn texts(folder: &Path, case: &Value) -> Vec<Vec<u32>> {
        let tokenizer = Tokenizer::read(folder).unwrap();
        let prompts = case["prompts"].as_array().unwrap();
        prompts.iter().map(|prompt| tokenizer.encode(prompt.as_str().unwrap()).unwrap()).collect()
    }
}

#[test]
fn pixel_values_of_odd_sized_pngs_are_the_processors() {
    harness::pixel_values_are_the_processors(&CHECKPOINTS, &ImageConfig::cropped(224));
}

#[test]
fn scores_of_the_first_token_are_the_references() {
    harness::scores_of_the_first_token_are_the_references::<LlavaConfig>(&CHECKPOINTS);
}

#[test]
fn scores_on_a_gpu_are_nearly_the_references() {
    harness::scores_on_a_gpu_are_nearly_the_references::<LlavaConfig>(&CHECKPOINTS);
}

#[test]
fn ids_are_the_references() {
    harness::ids_are_the_references::<LlavaConfig>(&CHECKPOINTS);
}

#[test]
fn ids_are_the_same_at_any_batch_size() {
    harness::ids_are_the_same_at_any_batch_size::<LlavaConfig>(&CHECKPOINTS);
}

#[test]
fn the_captioner_says_what_the_reference_says_from_the_image_files() {
    let load = |config: &_| LlavaCaptioner::load(config).unwrap();
    // A captioner has one prompt for all images.
    let prompt = |case: &Value| {
        let prompts = case["prompts"].as_array()?;
        prompts.iter().all(|prompt| *prompt == prompts[0]).then(|| prompts[0].as_str().map(String::from))
    };
    harness::the_captioner_says_what_the_reference_says(&CHECKPOINTS, load, prompt);
}
