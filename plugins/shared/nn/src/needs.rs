//! What a captioner needs and how fast it is, for any family: `host models check` and `host bench`.
//! A family tells its shapes here; the estimate of memory is `memory`'s, timing and the device's ceilings are `bench`'s.

use crate::bench::{self, Measured};
use crate::device::watched;
use crate::generation::Settings;
use crate::image::ImageConfig;
use crate::memory::{self, PerImage};
use crate::text::Tokenizer;
use crate::weights::{Expected, examine};
use crate::{Error, Placement, Result, plugin};
use plugin_api::{BenchReport, BenchRequest, Host, ModelSource, PluginError, WeightsReport};
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

/// New tokens where no generation_config.json says how many.
const NEW_TOKENS: usize = 30;

/// A family of captioners, of which a configuration tells all shapes.
pub trait Family: Measured + Sized {
    type Config;

    /// The configuration of a Hugging Face directory.
    ///
    /// # Errors
    /// config.json is missing, malformed or another family's.
    fn read(directory: &Path) -> Result<Self::Config>;

    /// The configuration of a published repository, known without its files.
    fn published(repository: &str) -> Option<Self::Config>;

    /// As people call it.
    fn architecture(config: &Self::Config) -> &'static str;

    /// The tensors of a checkpoint.
    ///
    /// # Errors
    /// None that a valid configuration leads to.
    fn expected(config: &Self::Config) -> Result<Expected>;

    /// The model with a directory's weights.
    ///
    /// # Errors
    /// The weights are not those of the configuration.
    fn open(directory: &Path, config: &Self::Config, placement: &Placement) -> Result<Self>;

    /// The model with weights that mean nothing.
    ///
    /// # Errors
    /// The device cannot hold it.
    fn random(config: &Self::Config, placement: &Placement) -> Result<Self>;

    /// Side of the images in pixels.
    fn image_side(config: &Self::Config) -> usize;

    /// The image processor of a directory without one.
    fn image_processor(side: usize) -> ImageConfig;

    /// Tokens with a vector.
    fn vocabulary(config: &Self::Config) -> usize;

    /// What ends a caption where no generation_config.json says so.
    fn end(config: &Self::Config) -> Option<Value>;

    /// Tokens of the prompt beside the image: of the one asked for, or of the usual one.
    ///
    /// # Errors
    /// The tokenizer cannot encode it.
    fn prompt_tokens(tokenizer: &Tokenizer, prompt: Option<&str>) -> Result<usize>;

    /// The tokens that measuring puts beside the image, as many as the usual prompt has.
    fn bench_text(config: &Self::Config) -> Vec<u32>;

    /// What an image takes, with so many tokens of prompt.
    fn per_image(config: &Self::Config, prompt: usize, settings: &Settings) -> PerImage;

    /// Multiplications and additions from pixels to the language model's vectors, for one image.
    fn vision_flop(config: &Self::Config) -> f64;

    /// Whether a decoding step reads a tensor whole, by its name.
    fn read_in_a_step(config: &Self::Config, name: &str) -> bool;
}

/// The directory's configuration, or the published one.
fn config<F: Family>(source: &ModelSource) -> plugin_api::Result<F::Config> {
    match (&source.weights, &source.repository) {
        (Some(directory), _) => Ok(F::read(directory)?),
        (None, Some(repository)) => F::published(repository).ok_or_else(|| {
            PluginError::configuration(format!("the configuration of {repository} is not known without its files"))
                .help("pull the weights, or give a directory with a config.json")
        }),
        (None, None) => Err(PluginError::configuration("neither a directory nor a repository was named")),
    }
}

/// Compares a directory with what its configuration asks for, and tells the memory that batches take.
///
/// # Errors
/// There is no configuration. Whatever else is wrong stands in the report.
pub fn inspect<F: Family>(source: &ModelSource, _host: Host) -> plugin_api::Result<WeightsReport> {
    let config = config::<F>(source)?;
    let expected = F::expected(&config)?;
    let mut report = WeightsReport {
        architecture: F::architecture(&config).into(),
        parameters: expected.parameters(),
        tensors: expected.tensors.len(),
        ..WeightsReport::default()
    };
    let (mut prompt, mut settings) = (F::bench_text(&config).len(), Settings::greedy(NEW_TOKENS, Vec::new()));
    if let Some(directory) = &source.weights {
        let examined = examine(directory, &expected);
        report.stored = examined.stored;
        report.problems = examined.problems;
        let mut note = |problem: Error| report.problems.push(problem.to_string());
        match Tokenizer::read(directory).and_then(|tokenizer| {
            tokenizer.check_vocabulary(F::vocabulary(&config))?;
            F::prompt_tokens(&tokenizer, source.prompt.as_deref())
        }) {
            Ok(tokens) => prompt = tokens,
            Err(error) => note(error),
        }
        let side = F::image_side(&config);
        match ImageConfig::read(directory, F::image_processor(side)) {
            Ok(images) if images.output() != Some((side, side)) => note(Error::malformed(
                directory.join("config.json"),
                format!("vision_config reads {side} × {side}, the image processor makes {:?}", images.output()),
            )),
            Ok(_) => {}
            Err(error) => note(error),
        }
        match Settings::read(directory, F::end(&config).as_ref(), &plugin::overrides(&source.generation)) {
            Ok(read) => settings = read,
            Err(error) => note(error),
        }
    }
    report.memory = memory::needs(report.parameters, &F::per_image(&config, prompt, &settings));
    Ok(report)
}

/// Measures a model on a device, with a directory's weights or random ones.
///
/// # Errors
/// There is no configuration, the device cannot be used or has no room, or the weights are not those of the configuration.
pub fn measure<F: Family>(request: &BenchRequest, host: Host) -> plugin_api::Result<BenchReport> {
    crate::limit_threads(request.threads);
    let source = &request.source;
    let config = config::<F>(source)?;
    let placement = plugin::placement(request.device)?;
    let expected = F::expected(&config)?;
    let number = placement.number_bytes();
    let place = source.weights.clone().unwrap_or_else(|| source.repository.clone().unwrap_or_default().into());
    memory::refuse_too_large(&place, expected.parameters(), &placement)?;
    let begin = Instant::now();
    let model = match &source.weights {
        Some(directory) if !request.random_weights => F::open(directory, &config, &placement)?,
        _ => F::random(&config, &placement)?,
    };
    let load_seconds = begin.elapsed().as_secs_f64();
    let load_peak_memory = memory::peak_memory(&placement);
    // What they are measured on is no part of what the model takes.
    let ceilings = |()| (bench::bandwidth(&placement), bench::matrix_rate(&placement));
    let (bandwidth, matrix_rate) = watched(|| Ok(placement.device.memory_persistent_allocations((), ceilings)))?;
    placement.device.memory_cleanup();
    memory::forget_peak();
    let (text, side) = (F::bench_text(&config), F::image_side(&config));
    let scores = request.scores.then(|| watched(|| bench::scores(&model, &text, side, &placement))).transpose()?;
    Ok(BenchReport {
        architecture: F::architecture(&config).into(),
        parameters: expected.parameters(),
        device: placement.to_string(),
        precision: placement.precision().into(),
        load_seconds,
        load_peak_memory,
        weight_bytes: expected.parameters() * number,
        step_bytes: step_parameters::<F>(&config, &expected) * number,
        vision_flop: F::vision_flop(&config),
        prompt_tokens: model.prompt_length(&text),
        bandwidth,
        matrix_rate,
        batches: bench::batches(&model, &text, side, request, &placement, host)?,
        scores,
    })
}

/// Weights that every decoding step reads.
pub fn step_parameters<F: Family>(config: &F::Config, expected: &Expected) -> u64 {
    let weights = expected.tensors.iter().filter(|(name, _)| F::read_in_a_step(config, name));
    weights.map(|(_, shape)| shape.iter().map(|&size| size as u64).product::<u64>()).sum()
}
