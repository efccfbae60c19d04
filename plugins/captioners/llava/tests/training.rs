//! Training of LLaVA. What is tested stands in `tests/parity/peft/harness.rs`, which all families share.

#[path = "../../../../tests/parity/peft/harness.rs"]
mod harness;

use harness::Tested;
use llava::{Llava, LlavaConfig, LlavaTrainer};
use nn::Placement;
use nn::bench::Measured;
use nn::text::Tokenizer;
use nn::training::Session;
use plugin_api::{Finish, TrainerConfig};
use std::path::Path;

const FAMILY: &str = "llava-grouped";
const PROMPT: &str = "USER: <image>\nDescribe the appearance of the clothing item\nASSISTANT:";

impl Tested for LlavaTrainer {
    fn open(config: &TrainerConfig) -> Self {
        LlavaTrainer::load(config).unwrap()
    }

    fn session(&self) -> &Session {
        LlavaTrainer::session(self)
    }

    fn first_scores(checkpoint: &Path, adapter: Option<&Path>, pixels: Vec<f32>, rows: usize) -> Vec<f32> {
        let config = LlavaConfig::read(checkpoint).unwrap();
        let text = Tokenizer::read(checkpoint).unwrap().encode(PROMPT).unwrap();
        let model = Llava::load(checkpoint, &config, &Placement::cpu().unwrap(), adapter).unwrap();
        let (language, prompt) = model.begin(&pixels, &vec![text.as_slice(); rows]).unwrap();
        language.start(prompt, 1).1.into_data().iter::<f32>().collect()
    }
}

#[test]
fn llava_trains_as_peft_and_torch_do() {
    harness::trains_as_peft_and_torch_do::<LlavaTrainer>(FAMILY);
}

#[test]
fn adapters_of_peft_give_pefts_scores() {
    harness::an_adapter_of_peft_gives_pefts_scores::<LlavaTrainer>(FAMILY);
}

#[test]
fn adapters_of_the_samples_give_pefts_scores() {
    harness::adapters_of_the_samples_give_pefts_scores::<LlavaTrainer>("llava");
}

#[test]
fn gradients_are_those_of_finite_differences() {
    harness::gradients_are_those_of_finite_differences::<LlavaTrainer>(FAMILY);
}

#[test]
fn recomputed_blocks_give_the_same_gradients() {
    harness::recomputed_blocks_give_the_same_gradients::<LlavaTrainer>(FAMILY);
}

#[test]
fn neither_accumulation_nor_padding_changes_the_loss() {
    harness::neither_accumulation_nor_padding_changes_the_loss::<LlavaTrainer>(FAMILY);
}

#[test]
fn a_resumed_training_gives_the_same_bytes() {
    harness::a_resumed_training_gives_the_same_bytes::<LlavaTrainer>(FAMILY);
}

#[test]
fn the_base_stays_as_it_is() {
    harness::the_base_stays_as_it_is::<LlavaTrainer>(FAMILY);
}

#[test]
fn layers_are_those_of_the_reference() {
    harness::layers_are_those_of_the_reference::<LlavaTrainer>(FAMILY);
}

#[test]
fn a_merged_checkpoint_is_base_and_adapter() {
    harness::a_merged_checkpoint_is_base_and_adapter::<LlavaTrainer>(FAMILY, llava::merge);
}

#[test]
fn impossible_adaptations_are_refused() {
    harness::impossible_adaptations_are_refused::<LlavaTrainer>(FAMILY);
}

/// The study's labels had no end token, and its captions did not end.
#[test]
fn a_fine_tuned_llava_ends_with_its_end_token() {
    let said = harness::learnt_by_heart::<LlavaTrainer>(FAMILY);
    assert_eq!(said[0], ("a red dress with long sleeves".into(), Finish::Eos));
    assert_eq!(said[1], ("black wool".into(), Finish::Eos));
}
