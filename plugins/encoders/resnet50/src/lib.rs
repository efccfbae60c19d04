//! The ResNet50 encoder (He et al. 2016): an image's 2,048 pooled features, from a directory of torchvision's tensors or of Hugging
//! Face's ResNet. The layers are the `nn` library's.

mod config;
mod encoder;
mod model;

pub use config::{Layout, ResNetConfig, image_config};
pub use encoder::ResNetEncoder;
pub use model::ResNet;

plugin_api::register_encoder!(
    "resnet50",
    "ResNet50: an image's pooled features, from torchvision's tensors or a Hugging Face directory",
    &["resnet"],
    ResNetEncoder::load
);

plugin_api::export_plugin!();
