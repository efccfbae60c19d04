//! Trainers and LoRA strategies of open plugins, with plain Rust in and out.

use super::Plugin;
use super::components::{json, plain};
use super::notices::callbacks;
use crate::error::Result;
use abi_stable::std_types::{RSlice, RStr};
use plugin_api::abi::messages::{MergeMessage, TrainerMessage};
use plugin_api::abi::{ImageRef, LoraStrategyBox, LoraStrategyInterface, TrainerBox, TrainerInterface};
use plugin_api::{Adaptation, Caption, LinearLayer, LoraTarget, Loss, PluginError, TrainerDescription, TrainingInput};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

impl Plugin {
    /// Loads a model for training.
    pub fn trainer(&self, named: Option<&str>, entry: &str, message: &TrainerMessage) -> Result<Trainer> {
        let interface = self.interface::<TrainerInterface>()?;
        let component = self.component("trainer", named, entry)?;
        let object = (interface.create)(RStr::from_str(&component), RStr::from_str(&json(message)?), callbacks());
        Ok(Trainer(plain(object)?))
    }

    /// Writes a checkpoint with an adapter merged into it; returns the plugin's sentence about it.
    pub fn merge(&self, named: Option<&str>, entry: &str, message: &MergeMessage) -> Result<String> {
        let interface = self.interface::<TrainerInterface>()?;
        let component = self.component("trainer", named, entry)?;
        let merged = (interface.merge)(RStr::from_str(&component), RStr::from_str(&json(message)?), callbacks());
        Ok(plain(merged)?.into_string())
    }

    /// Makes a LoRA strategy.
    pub fn lora_strategy(
        &self,
        named: Option<&str>,
        entry: &str,
        settings: &serde_json::Value,
    ) -> Result<LoraStrategy> {
        let interface = self.interface::<LoraStrategyInterface>()?;
        let component = self.component("lora-strategy", named, entry)?;
        let object = (interface.create)(RStr::from_str(&component), RStr::from_str(&json(settings)?), callbacks());
        Ok(LoraStrategy(plain(object)?))
    }
}

fn written<T: Serialize>(message: &T) -> Result<String, PluginError> {
    serde_json::to_string(message)
        .map_err(|error| PluginError::internal(format!("cannot write a message to a plugin: {error}")))
}

fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, PluginError> {
    serde_json::from_str(text)
        .map_err(|error| PluginError::internal(format!("the plugin gives {what} wrongly: {error}")))
}

/// A rule that picks layers.
pub struct LoraStrategy(LoraStrategyBox);

impl LoraStrategy {
    /// The layers to adapt.
    pub fn targets(&self, layers: &[LinearLayer]) -> Result<Vec<LoraTarget>, PluginError> {
        read("its targets", &plain(self.0.targets(RStr::from_str(&written(&layers)?)))?)
    }
}

/// A prepared batch: its number, and how many tokens its loss counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreparedBatch {
    pub batch: u64,
    pub tokens: u64,
}

/// A captioner in training. The methods are those of [`plugin_api::Trainer`].
pub struct Trainer(TrainerBox);

impl Trainer {
    pub fn describe(&self) -> Result<TrainerDescription, PluginError> {
        read("its description", &plain(self.0.describe())?)
    }

    pub fn layers(&self) -> Result<Vec<LinearLayer>, PluginError> {
        read("its layers", &plain(self.0.layers())?)
    }

    /// Returns the number of trainable parameters.
    pub fn adapt(&self, adaptation: &Adaptation) -> Result<u64, PluginError> {
        plain(self.0.adapt(RStr::from_str(&written(adaptation)?)))
    }

    pub fn prepare(&self, inputs: &[TrainingInput<'_>]) -> Result<PreparedBatch, PluginError> {
        let images: Vec<ImageRef<'_>> = inputs
            .iter()
            .map(|example| ImageRef {
                width: example.input.image.width,
                height: example.input.image.height,
                rgb: RSlice::from_slice(example.input.image.rgb),
                seed: example.input.seed,
            })
            .collect();
        let captions: Vec<RStr<'_>> = inputs.iter().map(|example| RStr::from_str(example.caption)).collect();
        let prepared = plain(self.0.prepare(RSlice::from_slice(&images), RSlice::from_slice(&captions)))?;
        Ok(PreparedBatch { batch: prepared.batch, tokens: prepared.tokens })
    }

    pub fn discard(&self, batch: u64) {
        self.0.discard(batch);
    }

    pub fn accumulate(&self, batch: u64, weight: f64) -> Result<Loss, PluginError> {
        plain(self.0.accumulate(batch, weight)).map(Loss::from)
    }

    /// Returns the norm of the gradient before clipping.
    pub fn step(&self, learning_rate: f64) -> Result<f64, PluginError> {
        plain(self.0.step(learning_rate))
    }

    pub fn evaluate(&self, batch: u64) -> Result<Loss, PluginError> {
        plain(self.0.evaluate(batch)).map(Loss::from)
    }

    /// Captions a prepared batch of `expected` images.
    pub fn generate(&self, batch: u64, expected: usize) -> Result<Vec<Caption>, PluginError> {
        let captions: Vec<Caption> = plain(self.0.generate(batch))?.into_iter().map(Caption::from).collect();
        if captions.len() != expected {
            return Err(PluginError::internal(format!(
                "the trainer gave {} captions for {expected} images",
                captions.len()
            )));
        }
        Ok(captions)
    }

    pub fn save_adapter(&self, directory: &Path) -> Result<(), PluginError> {
        plain(self.0.save_adapter(RStr::from_str(&directory.to_string_lossy())))
    }

    pub fn save_state(&self, directory: &Path) -> Result<(), PluginError> {
        plain(self.0.save_state(RStr::from_str(&directory.to_string_lossy())))
    }

    pub fn load_state(&self, directory: &Path) -> Result<(), PluginError> {
        plain(self.0.load_state(RStr::from_str(&directory.to_string_lossy())))
    }
}
