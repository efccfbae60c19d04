//! Encoders of open plugins, with plain Rust in and out.

use super::Plugin;
use super::components::{json, plain};
use super::notices::callbacks;
use crate::error::Result;
use abi_stable::std_types::{RSlice, RStr};
use plugin_api::abi::messages::EncoderMessage;
use plugin_api::abi::{EncoderBox, EncoderInterface, PixelsRef, PreparedInputsOut};
use plugin_api::{EncoderDescription, EncoderInputs, PluginError};

/// A loaded encoder.
pub struct Encoder(EncoderBox);

/// A batch on the plugin's side.
#[derive(Debug)]
pub struct PreparedInputs {
    number: u64,
    inputs: usize,
    /// Places of the texts that were cut.
    pub truncated: Vec<usize>,
}

impl Plugin {
    /// Loads an encoder.
    pub fn encoder(&self, named: Option<&str>, entry: &str, message: &EncoderMessage) -> Result<Encoder> {
        let interface = self.interface::<EncoderInterface>()?;
        let component = self.component("encoder", named, entry)?;
        let object = (interface.create)(RStr::from_str(&component), RStr::from_str(&json(message)?), callbacks());
        Ok(Encoder(plain(object)?))
    }
}

impl Encoder {
    pub fn describe(&self) -> Result<EncoderDescription, PluginError> {
        let text = plain(self.0.describe())?;
        serde_json::from_str(&text)
            .map_err(|error| PluginError::internal(format!("the encoder describes itself wrongly: {error}")))
    }

    /// Prepares a batch; several may be prepared at a time, on several threads.
    pub fn prepare(&self, inputs: EncoderInputs<'_>) -> Result<PreparedInputs, PluginError> {
        let PreparedInputsOut { batch, truncated } = match inputs {
            EncoderInputs::Images(images) => {
                let images: Vec<PixelsRef<'_>> = images
                    .iter()
                    .map(|image| PixelsRef {
                        width: image.width,
                        height: image.height,
                        rgb: RSlice::from_slice(image.rgb),
                    })
                    .collect();
                plain(self.0.prepare_images(RSlice::from_slice(&images)))?
            }
            EncoderInputs::Texts(texts) => {
                let texts: Vec<RStr<'_>> = texts.iter().map(|text| RStr::from_str(text)).collect();
                plain(self.0.prepare_texts(RSlice::from_slice(&texts)))?
            }
        };
        let truncated: Vec<usize> = truncated.into_iter().map(|place| place as usize).collect();
        if truncated.iter().any(|place| *place >= inputs.len()) {
            self.0.discard(batch);
            return Err(PluginError::internal("the encoder cut a text that it was not given"));
        }
        Ok(PreparedInputs { number: batch, inputs: inputs.len(), truncated })
    }

    /// Embeds a prepared batch: `[inputs, width]`.
    pub fn embed(&self, batch: &PreparedInputs, space: &str, width: usize) -> Result<Vec<f32>, PluginError> {
        let rows = plain(self.0.embed(batch.number, RStr::from_str(space)))?.into_vec();
        if rows.len() != batch.inputs * width {
            return Err(PluginError::internal(format!(
                "the encoder gave {} numbers for {} inputs of width {width}",
                rows.len(),
                batch.inputs
            )));
        }
        Ok(rows)
    }
}
