//! What a captioner needs and how fast it is: `host models check` and `host bench`. The estimate of memory is `memory`'s, timing and the
//! device's ceilings are `bench`'s.

use super::{Family, Model, bench};
use crate::device::watched;
use crate::generation::Settings;
use crate::memory;
use crate::plugin;
use crate::text::Tokenizer;
use crate::weights::{Expected, examine};
use plugin_api::{BenchReport, BenchRequest, Host, ModelSource, PluginError, WeightsReport};
use std::time::Instant;

/// New tokens where no generation_config.json says how many.
const NEW_TOKENS: usize = 30;

/// The directory's configuration, or the published one.
fn config<F: Family>(source: &ModelSource) -> plugin_api::Result<F> {
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
    let expected = Model::expected(&config)?;
    let mut report = WeightsReport {
        architecture: config.architecture().into(),
        parameters: expected.parameters(),
        tensors: expected.tensors.len(),
        ..WeightsReport::default()
    };
    let mut prompt = config.positions(&config.bench_text())?;
    let mut settings = Settings::greedy(NEW_TOKENS, Vec::new());
    if let Some(directory) = &source.weights {
        let examined = examine(directory, &expected);
        report.stored = examined.stored;
        report.problems = examined.problems;
        let asked = source.prompt.as_deref().or(F::PROMPT);
        let filled = Tokenizer::read(directory).and_then(|tokenizer| {
            tokenizer.check_vocabulary(config.vocabulary())?;
            config.positions(&config.text(&tokenizer, asked)?)
        });
        let images = config.images(directory).map(drop);
        let read = config.settings(directory, &source.generation);
        report.problems.extend(filled.as_ref().err().map(ToString::to_string));
        report.problems.extend(images.err().map(|error| error.to_string()));
        report.problems.extend(read.as_ref().err().map(ToString::to_string));
        prompt = filled.unwrap_or(prompt);
        settings = read.unwrap_or(settings);
    }
    report.memory = memory::needs(report.parameters, &config.per_image(prompt, &settings));
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
    let expected = Model::expected(&config)?;
    let number = placement.number_bytes();
    let place = source.weights.clone().unwrap_or_else(|| source.repository.clone().unwrap_or_default().into());
    memory::refuse_too_large(&place, expected.parameters(), &placement)?;
    let begin = Instant::now();
    let model = match &source.weights {
        Some(directory) if !request.random_weights => Model::load(directory, &config, &placement, None)?,
        _ => Model::random(&config, &placement)?,
    };
    let load_seconds = begin.elapsed().as_secs_f64();
    let load_peak_memory = memory::peak_memory(&placement);
    // What they are measured on is no part of what the model takes.
    let ceilings = |()| (bench::bandwidth(&placement), bench::matrix_rate(&placement));
    let (bandwidth, matrix_rate) = watched(|| Ok(placement.device.memory_persistent_allocations((), ceilings)))?;
    placement.device.memory_cleanup();
    memory::forget_peak();
    let text = config.bench_text();
    let scores = request.scores.then(|| watched(|| bench::scores(&model, &text))).transpose()?;
    Ok(BenchReport {
        architecture: config.architecture().into(),
        parameters: expected.parameters(),
        device: placement.to_string(),
        precision: placement.precision().into(),
        load_seconds,
        load_peak_memory,
        weight_bytes: expected.parameters() * number,
        step_bytes: step_parameters(&config, &expected) * number,
        vision_flop: config.vision_flop(),
        prompt_tokens: config.positions(&text)?,
        bandwidth,
        matrix_rate,
        batches: bench::batches(&model, &text, request, host)?,
        scores,
    })
}

/// Weights that every decoding step reads.
pub fn step_parameters(config: &impl Family, expected: &Expected) -> u64 {
    let weights = expected.tensors.iter().filter(|(name, _)| config.read_in_a_step(name));
    weights.map(|(_, shape)| shape.iter().map(|&size| size as u64).product::<u64>()).sum()
}
