//! `Captioner` behind `captioner/1`.

use super::batches::Batches;
use super::guard::{find, from_json, guarded, to_json};
use crate::abi::messages::CaptionerMessage;
use crate::abi::{
    CaptionOut, CaptionerBox, CaptionerInterface, CaptionerObject, CaptionerObject_TO, Failure, HostCallbacks, ImageRef,
};
use crate::sdk::{Caption, CaptionInput, Captioner, CaptionerConfig, CaptionerEntry, Finish, Host, Image, Settings};
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice, RStr, RString, RVec};

/// A captioner and the batches that are prepared and not yet generated.
struct Adapter<C: Captioner> {
    captioner: C,
    batches: Batches<C::Batch>,
}

/// Makes the object that crosses the border.
pub fn captioner<C: Captioner>(captioner: C) -> CaptionerBox {
    let adapter = Adapter { captioner, batches: Batches::default() };
    CaptionerObject_TO::from_value(adapter, TD_Opaque)
}

impl<C: Captioner> CaptionerObject for Adapter<C> {
    fn describe(&self) -> RResult<RString, Failure> {
        guarded(|| to_json(&self.captioner.describe()).map(RString::from))
    }

    fn prepare(&self, images: RSlice<'_, ImageRef<'_>>) -> RResult<u64, Failure> {
        guarded(|| {
            let inputs: Vec<CaptionInput<'_>> = images
                .as_slice()
                .iter()
                .map(|image| CaptionInput {
                    image: Image { width: image.width, height: image.height, rgb: image.rgb.as_slice() },
                    seed: image.seed,
                })
                .collect();
            Ok(self.batches.put(self.captioner.prepare(&inputs)?))
        })
    }

    fn generate(&self, batch: u64) -> RResult<RVec<CaptionOut>, Failure> {
        guarded(|| {
            let batch = self.batches.take(batch)?;
            Ok(self.captioner.generate(batch)?.into_iter().map(CaptionOut::from).collect())
        })
    }

    fn discard(&self, batch: u64) {
        let _ = guarded(|| self.batches.take(batch).map(drop));
    }
}

impl From<Caption> for CaptionOut {
    fn from(caption: Caption) -> CaptionOut {
        CaptionOut {
            text: caption.text.into(),
            token_ids: caption.token_ids.into(),
            ended: caption.finish == Finish::Eos,
        }
    }
}

impl From<CaptionOut> for Caption {
    fn from(out: CaptionOut) -> Caption {
        Caption {
            text: out.text.into_string(),
            token_ids: out.token_ids.into_vec(),
            finish: if out.ended { Finish::Eos } else { Finish::Length },
        }
    }
}

extern "C" fn create(name: RStr<'_>, config: RStr<'_>, host: HostCallbacks) -> RResult<CaptionerBox, Failure> {
    guarded(|| {
        let entry = find("captioner", name.as_str(), inventory::iter::<CaptionerEntry>(), |entry| entry.name)?;
        let message: CaptionerMessage = from_json(config.as_str())?;
        (entry.create)(&CaptionerConfig {
            weights: message.weights,
            adapter: message.adapter,
            device: message.device,
            threads: message.threads,
            prompt: message.prompt,
            generation: message.generation,
            settings: Settings::new(message.settings),
            host: Host(host),
        })
    })
}

pub static INTERFACE: CaptionerInterface = CaptionerInterface { create };
