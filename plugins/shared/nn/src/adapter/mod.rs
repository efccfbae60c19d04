//! LoRA adapters as PEFT stores them: a folder of `adapter_config.json` and `adapter_model.safetensors`. How they act on a layer is
//! `layers::LoraLinear`'s affair.

mod config;
mod read;
mod write;

pub use read::Adapter;
pub use write::{Written, write};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// What PEFT puts before the path of a module of the base model.
const PREFIX: &str = "base_model.model.";
