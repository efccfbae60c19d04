//! The Sentence-BERT encoder (Reimers and Gurevych 2019): a text's pooled features, from a sentence-transformers directory of MPNet
//! (Song et al. 2020), such as all-mpnet-base-v2. The layers are the `nn` library's.

mod config;
mod encoder;
mod model;
mod modules;

pub use config::MpnetConfig;
pub use encoder::SentenceEncoder;
pub use model::Mpnet;
pub use modules::{Modules, Pooling};

plugin_api::register_encoder!(
    "sentence-bert",
    "Sentence-BERT: a text's pooled features, from a sentence-transformers directory of MPNet",
    &["mpnet"],
    SentenceEncoder::load
);

plugin_api::export_plugin!();
