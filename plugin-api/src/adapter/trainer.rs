//! `Trainer` behind `trainer/1`.

use super::batches::Batches;
use super::guard::{find, from_json, guarded, to_json};
use crate::abi::messages::{MergeMessage, TrainerMessage};
use crate::abi::{
    CaptionOut, Failure, HostCallbacks, ImageRef, LossOut, PreparedOut, TrainerBox, TrainerInterface, TrainerObject,
    TrainerObject_TO,
};
use crate::sdk::{
    CaptionInput, Host, Image, Loss, MergeConfig, PluginError, Settings, Trainer, TrainerConfig, TrainerEntry,
    TrainingInput,
};
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice, RStr, RString, RVec};
use std::path::Path;

/// A trainer and the batches that are prepared and not yet used.
struct Adapter<T: Trainer> {
    trainer: T,
    batches: Batches<T::Batch>,
}

/// Makes the object that crosses the border.
pub fn trainer<T: Trainer>(trainer: T) -> TrainerBox {
    TrainerObject_TO::from_value(Adapter { trainer, batches: Batches::default() }, TD_Opaque)
}

impl<T: Trainer> TrainerObject for Adapter<T> {
    fn describe(&self) -> RResult<RString, Failure> {
        guarded(|| to_json(&self.trainer.describe()).map(RString::from))
    }

    fn layers(&self) -> RResult<RString, Failure> {
        guarded(|| to_json(&self.trainer.layers()?).map(RString::from))
    }

    fn adapt(&self, adaptation: RStr<'_>) -> RResult<u64, Failure> {
        guarded(|| self.trainer.adapt(&from_json(adaptation.as_str())?))
    }

    fn prepare(
        &self,
        images: RSlice<'_, ImageRef<'_>>,
        captions: RSlice<'_, RStr<'_>>,
    ) -> RResult<PreparedOut, Failure> {
        guarded(|| {
            if images.len() != captions.len() {
                return Err(PluginError::internal("the host gave another number of captions than of images"));
            }
            let inputs: Vec<TrainingInput<'_>> = images
                .as_slice()
                .iter()
                .zip(captions.as_slice())
                .map(|(image, caption)| TrainingInput {
                    input: CaptionInput {
                        image: Image { width: image.width, height: image.height, rgb: image.rgb.as_slice() },
                        seed: image.seed,
                    },
                    caption: caption.as_str(),
                })
                .collect();
            let prepared = self.trainer.prepare(&inputs)?;
            Ok(PreparedOut { batch: self.batches.put(prepared.batch), tokens: prepared.tokens })
        })
    }

    fn discard(&self, batch: u64) {
        let _ = guarded(|| self.batches.take(batch).map(drop));
    }

    fn accumulate(&self, batch: u64, weight: f64) -> RResult<LossOut, Failure> {
        guarded(|| self.trainer.accumulate(self.batches.take(batch)?, weight).map(LossOut::from))
    }

    fn step(&self, learning_rate: f64) -> RResult<f64, Failure> {
        guarded(|| self.trainer.step(learning_rate))
    }

    fn evaluate(&self, batch: u64) -> RResult<LossOut, Failure> {
        guarded(|| self.trainer.evaluate(self.batches.take(batch)?).map(LossOut::from))
    }

    fn generate(&self, batch: u64) -> RResult<RVec<CaptionOut>, Failure> {
        guarded(|| {
            let captions = self.trainer.generate(self.batches.take(batch)?)?;
            Ok(captions.into_iter().map(CaptionOut::from).collect())
        })
    }

    fn save_adapter(&self, directory: RStr<'_>) -> RResult<(), Failure> {
        guarded(|| self.trainer.save_adapter(Path::new(directory.as_str())))
    }

    fn save_state(&self, directory: RStr<'_>) -> RResult<(), Failure> {
        guarded(|| self.trainer.save_state(Path::new(directory.as_str())))
    }

    fn load_state(&self, directory: RStr<'_>) -> RResult<(), Failure> {
        guarded(|| self.trainer.load_state(Path::new(directory.as_str())))
    }
}

impl From<Loss> for LossOut {
    fn from(loss: Loss) -> LossOut {
        LossOut { sum: loss.sum, tokens: loss.tokens }
    }
}

impl From<LossOut> for Loss {
    fn from(out: LossOut) -> Loss {
        Loss { sum: out.sum, tokens: out.tokens }
    }
}

fn entry(name: RStr<'_>) -> Result<&'static TrainerEntry, PluginError> {
    find("trainer", name.as_str(), inventory::iter::<TrainerEntry>(), |entry| entry.name)
}

extern "C" fn create(name: RStr<'_>, config: RStr<'_>, host: HostCallbacks) -> RResult<TrainerBox, Failure> {
    guarded(|| {
        let message: TrainerMessage = from_json(config.as_str())?;
        (entry(name)?.create)(&TrainerConfig {
            weights: message.weights,
            device: message.device,
            threads: message.threads,
            prompt: message.prompt,
            generation: message.generation,
            settings: Settings::new(message.settings),
            host: Host(host),
        })
    })
}

extern "C" fn merge(name: RStr<'_>, config: RStr<'_>, host: HostCallbacks) -> RResult<RString, Failure> {
    guarded(|| {
        let message: MergeMessage = from_json(config.as_str())?;
        let config = MergeConfig {
            weights: message.weights,
            adapter: message.adapter,
            output: message.output,
            host: Host(host),
        };
        (entry(name)?.merge)(&config).map(RString::from)
    })
}

pub static INTERFACE: TrainerInterface = TrainerInterface { create, merge };
