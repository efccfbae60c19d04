//! The LLaVA-1.5 captioners (Liu et al. 2024): CLIP's vision tower, a projector and Llama, from any Hugging Face directory.
//! The layers and the generation of text are the `nn` library's.

mod config;
mod family;
mod needs;
mod published;

pub use config::LlavaConfig;

/// The model on a device.
pub type Llava = nn::captioner::Model<LlavaConfig>;
/// A checkpoint that captions.
pub type LlavaCaptioner = nn::captioner::FamilyCaptioner<LlavaConfig>;
/// A checkpoint in training.
pub type LlavaTrainer = nn::captioner::FamilyTrainer<LlavaConfig>;

plugin_api::register_captioner!(
    "llava",
    "LLaVA-1.5: CLIP, a projector and Llama, from a Hugging Face directory",
    &["llava"],
    LlavaCaptioner::load
);

plugin_api::register_weights!("llava", nn::captioner::inspect::<LlavaConfig>);
plugin_api::register_bench!("llava", nn::captioner::measure::<LlavaConfig>);
plugin_api::register_trainer!(
    "llava",
    "low-rank adapters on LLaVA: vision tower, projector and language model",
    LlavaTrainer::load,
    nn::captioner::merge::<LlavaConfig>
);

plugin_api::export_plugin!();
