//! Training of LLaVA. What is tested stands in `tests/parity/peft/harness.rs`, which all families share.

#[path = "../../../../tests/parity/peft/harness.rs"]
mod harness;

use llava::LlavaConfig;
use plugin_api::Finish;

const FAMILY: &str = "llava-grouped";

#[test]
fn llava_trains_as_peft_and_torch_do() {
    harness::trains_as_peft_and_torch_do::<LlavaConfig>(FAMILY);
}

#[test]
fn adapters_of_peft_give_pefts_scores() {
    harness::an_adapter_of_peft_gives_pefts_scores::<LlavaConfig>(FAMILY);
}

#[test]
fn adapters_of_the_samples_give_pefts_scores() {
    harness::adapters_of_the_samples_give_pefts_scores::<LlavaConfig>("llava");
}

#[test]
fn gradients_are_those_of_finite_differences() {
    harness::gradients_are_those_of_finite_differences::<LlavaConfig>(FAMILY);
}

#[test]
fn recomputed_blocks_give_the_same_gradients() {
    harness::recomputed_blocks_give_the_same_gradients::<LlavaConfig>(FAMILY);
}

#[test]
fn neither_accumulation_nor_padding_changes_the_loss() {
    harness::neither_accumulation_nor_padding_changes_the_loss::<LlavaConfig>(FAMILY);
}

#[test]
fn a_resumed_training_gives_the_same_bytes() {
    harness::a_resumed_training_gives_the_same_bytes::<LlavaConfig>(FAMILY);
}

#[test]
fn the_base_stays_as_it_is() {
    harness::the_base_stays_as_it_is::<LlavaConfig>(FAMILY);
}

#[test]
fn layers_are_those_of_the_reference() {
    harness::layers_are_those_of_the_reference::<LlavaConfig>(FAMILY);
}

#[test]
fn a_merged_checkpoint_is_base_and_adapter() {
    harness::a_merged_checkpoint_is_base_and_adapter::<LlavaConfig>(FAMILY);
}

#[test]
fn impossible_adaptations_are_refused() {
    harness::impossible_adaptations_are_refused::<LlavaConfig>(FAMILY);
}

/// The study's labels had no end token, and its captions did not end.
#[test]
fn a_fine_tuned_llava_ends_with_its_end_token() {
    let said = harness::learnt_by_heart::<LlavaConfig>(FAMILY);
    assert_eq!(said[0], ("a red dress with long sleeves".into(), Finish::Eos));
    assert_eq!(said[1], ("black wool".into(), Finish::Eos));
}
