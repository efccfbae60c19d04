//! What the model plugins share of the SDK: errors, devices, captions and embeddings in its terms.

use crate::device::watched;
use crate::generation::{Generated, Settings};
use crate::text::Tokenizer;
use crate::{Error, Placement, Result, Tensor};
use plugin_api::{
    Caption, CaptionerDescription, Device, ErrorKind, Finish, Generation, PluginError, TrainerDescription,
};
use serde_json::Value;

impl From<Error> for PluginError {
    fn from(error: Error) -> PluginError {
        let kind = match &error {
            Error::Read { .. }
            | Error::Write { .. }
            | Error::Malformed { .. }
            | Error::Weights { .. }
            | Error::OtherBase { .. }
            | Error::Scores
            | Error::Diverged(_) => ErrorKind::Data,
            Error::Request(_) | Error::Device(_) => ErrorKind::Configuration,
            Error::Unsupported(_) => ErrorKind::Unsupported,
            Error::Memory(_) => ErrorKind::OutOfMemory,
            Error::Cancelled => ErrorKind::Internal,
        };
        let help = match &error {
            Error::Weights { .. } => Some("download the checkpoint again, or correct config.json"),
            Error::Memory(_) => Some(
                "free some memory, or take a smaller model or a device with more; `host models check` shows the needs",
            ),
            Error::Scores => Some("caption with another adapter or checkpoint to see which of them it is"),
            Error::OtherBase { .. } => Some("give the model that the adapter was trained on"),
            _ => None,
        };
        let error = PluginError::new(kind, error.to_string());
        match help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

/// The device that a run asked for.
///
/// # Errors
/// It cannot be used.
pub fn placement(device: Device) -> Result<Placement> {
    let placement = match device {
        Device::Auto => Placement::auto(),
        Device::Cpu => Placement::cpu(),
        Device::Cuda(index) => Placement::cuda(index).and_then(Placement::checked),
    }?;
    if placement.is_cpu() {
        crate::memory::keep_freed();
    }
    Ok(placement)
}

/// The token that ends a caption in training: the first of those that end one in use.
///
/// # Errors
/// None does.
pub fn end_token(settings: &Settings) -> Result<u32> {
    settings.end_tokens.first().copied().ok_or_else(|| {
        Error::Request("no end token is set (eos_token_id): a caption could not be taught where to end".into())
    })
}

/// What a captioner says of itself, as its trainer says it.
pub fn trainer_description(captioner: CaptionerDescription) -> TrainerDescription {
    let CaptionerDescription { architecture, parameters, device, precision, generation, prompt, .. } = captioner;
    TrainerDescription { architecture, parameters, device, precision, generation, prompt }
}

/// A run's settings as the JSON object that [`Settings::read`] takes.
pub fn overrides(generation: &Generation) -> Value {
    // The struct is numbers and flags only: it always has a JSON form.
    serde_json::to_value(generation).unwrap_or(Value::Null)
}

/// The settings in force, in the SDK's form.
pub fn described(settings: &Settings) -> Generation {
    serde_json::from_value(settings.describe()).unwrap_or_default()
}

/// A caption of generated tokens.
///
/// # Errors
/// The tokenizer fails on them.
pub fn caption(tokenizer: &Tokenizer, generated: Generated) -> Result<Caption> {
    Ok(Caption {
        text: tokenizer.decode(&generated.ids)?,
        finish: if generated.ended { Finish::Eos } else { Finish::Length },
        token_ids: generated.ids,
    })
}

/// Embeddings `[inputs, width]` as the numbers that leave the library.
///
/// # Errors
/// The device has no room for the batch.
pub fn rows(embed: impl FnOnce() -> Tensor<2>) -> Result<Vec<f32>> {
    watched(|| Ok(embed().into_data().iter::<f32>().collect()))
}

/// The pixel values of a batch of images, one behind the other.
///
/// # Errors
/// An image is none, or comes out too large.
pub fn pixels(images: &[plugin_api::Image<'_>], config: &crate::image::ImageConfig) -> Result<Vec<f32>> {
    let mut pixels = Vec::new();
    for image in images {
        pixels.extend(crate::image::prepare(image.width, image.height, image.rgb, config)?.values);
    }
    Ok(pixels)
}

/// The error for a space that an encoder does not have.
pub fn unknown_space(name: &str, spaces: &[plugin_api::EmbeddingSpace]) -> PluginError {
    let known: Vec<&str> = spaces.iter().map(|space| space.name.as_str()).collect();
    PluginError::configuration(format!("there is no space `{name}`")).help(format!("there are: {}", known.join(", ")))
}
