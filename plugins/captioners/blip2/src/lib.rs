//! The BLIP-2 captioners (Li et al. 2023): a ViT, a Q-Former and a language model, from any Hugging Face directory.
//! The layers and the generation of text are the `nn` library's.

mod config;
mod encoder;
mod family;
mod needs;
mod published;

pub use config::{Blip2Config, TextConfig};
pub use encoder::Blip2Encoder;

/// The model on a device.
pub type Blip2 = nn::captioner::Model<Blip2Config>;
/// A checkpoint that captions.
pub type Blip2Captioner = nn::captioner::FamilyCaptioner<Blip2Config>;
/// A checkpoint in training.
pub type Blip2Trainer = nn::captioner::FamilyTrainer<Blip2Config>;

plugin_api::register_captioner!(
    "blip2",
    "BLIP-2: a ViT, a Q-Former and OPT or Flan-T5, from a Hugging Face directory",
    &["blip-2"],
    Blip2Captioner::load
);

plugin_api::register_encoder!(
    "blip2",
    "BLIP-2's vision tower (mean-pooled) and queries, from a captioner's Hugging Face directory",
    &["blip-2"],
    Blip2Encoder::load
);

plugin_api::register_weights!("blip2", nn::captioner::inspect::<Blip2Config>);
plugin_api::register_bench!("blip2", nn::captioner::measure::<Blip2Config>);
plugin_api::register_trainer!(
    "blip2",
    "low-rank adapters on BLIP-2: vision tower, Q-Former, projection and language model",
    Blip2Trainer::load,
    nn::captioner::merge::<Blip2Config>
);

plugin_api::export_plugin!();
