//! The LLaVA-1.5 captioners (Liu et al. 2024): CLIP's vision tower, a projector and Llama, from any Hugging Face directory.
//! The layers and the generation of text are the `nn` library's.

mod captioner;
mod config;
mod model;
mod needs;
mod published;
mod trainer;

pub use captioner::LlavaCaptioner;
pub use config::LlavaConfig;
pub use model::Llava;
pub use trainer::{LlavaTrainer, merge};

plugin_api::register_captioner!(
    "llava",
    "LLaVA-1.5: CLIP, a projector and Llama, from a Hugging Face directory",
    &["llava"],
    LlavaCaptioner::load
);

plugin_api::register_weights!("llava", nn::needs::inspect::<Llava>);
plugin_api::register_bench!("llava", nn::needs::measure::<Llava>);
plugin_api::register_trainer!(
    "llava",
    "low-rank adapters on LLaVA: vision tower, projector and language model",
    LlavaTrainer::load,
    merge
);

plugin_api::export_plugin!();
