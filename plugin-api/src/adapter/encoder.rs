//! `Encoder` behind `encoder/1`.

use super::batches::Batches;
use super::guard::{find, from_json, guarded, to_json};
use crate::abi::messages::EncoderMessage;
use crate::abi::{
    EncoderBox, EncoderInterface, EncoderObject, EncoderObject_TO, Failure, HostCallbacks, PixelsRef, PreparedInputsOut,
};
use crate::sdk::{Encoder, EncoderConfig, EncoderEntry, EncoderInputs, Host, Image, PreparedInputs, Result, Settings};
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice, RStr, RString, RVec};

/// An encoder and the batches that are prepared and not yet embedded.
struct Adapter<E: Encoder> {
    encoder: E,
    batches: Batches<E::Batch>,
}

/// Makes the object that crosses the border.
pub fn encoder<E: Encoder>(encoder: E) -> EncoderBox {
    EncoderObject_TO::from_value(Adapter { encoder, batches: Batches::default() }, TD_Opaque)
}

impl<E: Encoder> Adapter<E> {
    fn prepare(&self, inputs: EncoderInputs<'_>) -> Result<PreparedInputsOut> {
        let PreparedInputs { batch, truncated } = self.encoder.prepare(inputs)?;
        let truncated = truncated.into_iter().map(|place| place as u64).collect();
        Ok(PreparedInputsOut { batch: self.batches.put(batch), truncated })
    }
}

impl<E: Encoder> EncoderObject for Adapter<E> {
    fn describe(&self) -> RResult<RString, Failure> {
        guarded(|| to_json(&self.encoder.describe()).map(RString::from))
    }

    fn prepare_images(&self, images: RSlice<'_, PixelsRef<'_>>) -> RResult<PreparedInputsOut, Failure> {
        guarded(|| {
            let images: Vec<Image<'_>> = images
                .as_slice()
                .iter()
                .map(|image| Image { width: image.width, height: image.height, rgb: image.rgb.as_slice() })
                .collect();
            self.prepare(EncoderInputs::Images(&images))
        })
    }

    fn prepare_texts(&self, texts: RSlice<'_, RStr<'_>>) -> RResult<PreparedInputsOut, Failure> {
        guarded(|| {
            let texts: Vec<&str> = texts.as_slice().iter().map(|text| text.as_str()).collect();
            self.prepare(EncoderInputs::Texts(&texts))
        })
    }

    fn embed(&self, batch: u64, space: RStr<'_>) -> RResult<RVec<f32>, Failure> {
        guarded(|| self.encoder.embed(self.batches.take(batch)?, space.as_str()).map(RVec::from))
    }

    fn discard(&self, batch: u64) {
        let _ = guarded(|| self.batches.take(batch).map(drop));
    }
}

extern "C" fn create(name: RStr<'_>, config: RStr<'_>, host: HostCallbacks) -> RResult<EncoderBox, Failure> {
    guarded(|| {
        let entry = find("encoder", name.as_str(), inventory::iter::<EncoderEntry>(), |entry| entry.name)?;
        let message: EncoderMessage = from_json(config.as_str())?;
        (entry.create)(&EncoderConfig {
            weights: message.weights,
            adapter: message.adapter,
            device: message.device,
            threads: message.threads,
            settings: Settings::new(message.settings),
            host: Host(host),
        })
    })
}

pub static INTERFACE: EncoderInterface = EncoderInterface { create };
