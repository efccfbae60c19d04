//! What a worker needs to load a captioner: a registered model, or any Hugging Face directory.

use super::{check_generation, json_settings, overridden};
use crate::error::{Error, Result};
use crate::loader::Library;
use crate::registry::{Lock, ModelEntry, Registry, Weights, weights_digest};
use crate::run::PlannedModel;
use crate::worker::ComponentSpec;
use plugin_api::abi::messages::CaptionerMessage;
use plugin_api::{Device, Generation};
use std::path::Path;

/// What a worker needs to load a registered model, on a device with that many threads (0: all).
pub fn captioner_spec(
    registry: &Registry,
    lock: &Lock,
    name: &str,
    (device, threads): (Device, usize),
    flags: &Generation,
) -> Result<ComponentSpec<CaptionerMessage>> {
    let entry = registry.model(name)?;
    let weights = Weights::of(registry, entry);
    let directory = weights.present().ok_or_else(|| {
        Error::usage(format!("the weights of `{name}` ({}) are not here", entry.weights)).help(weights.how_to_get())
    })?;
    let generation = overridden(&entry.generation, flags);
    check_generation(&generation).map_err(|error| error.context(format!("model `{name}`")))?;
    Ok(ComponentSpec {
        library: Library::locked(registry, lock, &entry.plugin)?,
        component: entry.component.clone(),
        entry: name.to_owned(),
        message: CaptionerMessage {
            weights: directory.to_owned(),
            adapter: registry.adapter_of(name, entry)?,
            device,
            threads,
            prompt: entry.prompt.clone(),
            generation,
            settings: json_settings(&entry.settings)?,
        },
    })
}

/// What a worker needs to load a registered model outside of a run: with its own settings alone.
pub fn captioner_of_model(registry: &Registry, lock: &Lock, name: &str) -> Result<ComponentSpec<CaptionerMessage>> {
    captioner_spec(registry, lock, name, (Device::Auto, 0), &Generation::default())
}

/// What a worker needs to load any Hugging Face directory: the plugin is the one whose captioner declares the `model_type` of
/// its `config.json`.
pub fn captioner_of_weights(
    registry: &Registry,
    lock: &Lock,
    directory: &Path,
) -> Result<ComponentSpec<CaptionerMessage>> {
    let config = directory.join("config.json");
    let text = std::fs::read_to_string(&config).map_err(|error| {
        Error::usage(Error::io("read", &config, &error).message)
            .help("--weights takes a Hugging Face directory, with config.json in it")
    })?;
    let parsed: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Error::usage(format!("{} is not JSON: {error}", config.display())))?;
    let model_type = parsed["model_type"].as_str().ok_or_else(|| {
        Error::usage(format!("{} names no `model_type`", config.display())).help("is it a model's configuration?")
    })?;
    let captioners = lock.plugins.iter().flat_map(|plugin| {
        plugin
            .components
            .iter()
            .filter(|component| component.kind == "captioner")
            .map(move |component| (plugin, component))
    });
    let mut known = Vec::new();
    for (plugin, component) in captioners {
        if component.model_types.iter().any(|known| known == model_type) {
            return Ok(ComponentSpec {
                library: Library::locked(registry, lock, &plugin.name)?,
                component: Some(component.name.clone()),
                entry: component.name.clone(),
                message: CaptionerMessage {
                    weights: directory.to_owned(),
                    adapter: None,
                    device: Device::Auto,
                    threads: 0,
                    prompt: None,
                    generation: Generation::default(),
                    settings: serde_json::Value::Object(Default::default()),
                },
            });
        }
        known.extend(component.model_types.iter().cloned());
    }
    known.sort();
    Err(Error::usage(format!("{}: no plugin here loads models of the type `{model_type}`", config.display()))
        .help(format!("the plugins load: {}", known.join(", "))))
}

/// A model as plans have it, with its digests.
pub fn planned_model(name: &str, entry: &ModelEntry, message: &CaptionerMessage) -> Result<PlannedModel> {
    Ok(PlannedModel {
        name: name.to_owned(),
        plugin: entry.plugin.clone(),
        component: entry.component.clone(),
        weights: entry.weights.clone(),
        weights_sha256: weights_digest(&message.weights)?,
        only: None,
        adapter: entry.adapter.clone(),
        adapter_sha256: message.adapter.as_deref().map(weights_digest).transpose()?,
        prompt: entry.prompt.clone(),
        generation: entry.generation.clone(),
        settings: entry.settings.clone(),
    })
}
