//! `host bench`

mod beside;

use super::Done;
use super::common::Common;
use super::models::{by_shape, captioner};
use super::printing::{print, print_json};
use crate::error::{Error, Result};
use crate::eval::one_answer;
use crate::loader::Library;
use crate::registry::{Lock, Registry};
use crate::worker::{Command, ComponentSpec, Event, Limits};
use beside::Beside;
use clap::Args;
use plugin_api::{BenchReport, BenchRequest, BenchScores, Device, ModelSource};

#[derive(Debug, Args)]
pub struct Arguments {
    /// A model of the registry, or any Hugging Face directory
    model: String,
    /// Weights that mean nothing: needs no files for the models that the hub has, and a config.json for others
    #[arg(long)]
    random_weights: bool,
    /// Images in a batch; several, separated by commas, are measured one after the other
    #[arg(long, value_delimiter = ',', default_value = "1,8", value_name = "N,…", value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: Vec<u16>,
    /// Tokens of every caption
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    new_tokens: u16,
    /// Runs after a warm-up; the best counts
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Also run the model on this device, and tell how far the scores are from those there: `cpu` computes in f32
    #[arg(long, value_name = "DEVICE")]
    scores_beside: Option<Device>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let (library, component, source) = measured(&registry, &lock, arguments)?;
    let request = BenchRequest {
        source,
        random_weights: arguments.random_weights,
        device: common.device,
        threads: common.threads,
        batch_sizes: arguments.batch_size.iter().map(|&size| size.into()).collect(),
        new_tokens: arguments.new_tokens.into(),
        runs: arguments.runs.into(),
        scores: arguments.scores_beside.is_some(),
    };
    let model = ComponentSpec { library, component, entry: arguments.model.clone(), message: request };
    let reporter = common.reporter();
    let measure = |model: ComponentSpec<BenchRequest>| match one_answer(
        &Command::Bench { model },
        Limits::default(),
        common.threads,
        &reporter,
    )? {
        Ok(Event::Benched { report }) => Ok(report),
        Ok(_) => Err(Error::failed("the worker answered something else than what it was asked")),
        Err(reason) => Err(Error::failed(format!("{} cannot be measured: {reason}", arguments.model))),
    };
    reporter.note("measuring the device, loading, then timing");
    let mut report = measure(model.clone())?;
    // What was measured is told, whatever becomes of the comparison.
    let beside = arguments.scores_beside.map(|device| {
        reporter.note(&format!("the same scores on {device}"));
        // In a process of its own, when the first has given its memory back.
        let request = BenchRequest { device, batch_sizes: Vec::new(), ..model.message.clone() };
        let other = measure(ComponentSpec { message: request, ..model })?;
        held_beside(report.scores.take(), other, &arguments.model)
    });
    let told = beside.as_ref().and_then(|beside| beside.as_ref().ok());
    if arguments.json {
        print_json(&as_json(&arguments.model, arguments.random_weights, &report, told))?;
    } else {
        let scores = told.map_or_else(String::new, |beside| format!("\n{}", beside.as_text()));
        print(&(as_text(&arguments.model, arguments.random_weights, &report) + &scores))?;
    }
    beside.transpose()?;
    Ok(Done::All)
}

fn held_beside(found: Option<BenchScores>, other: BenchReport, model: &str) -> Result<Beside> {
    let (Some(found), Some(reference)) = (found, &other.scores) else {
        return Err(Error::failed(format!("the plugin of {model} measures, but tells no scores"))
            .help("leave out --scores-beside, or build the plugin against this plugin-api"));
    };
    Beside::new(&found, reference, other.device, other.precision).ok_or_else(|| {
        Error::failed(format!(
            "the scores of {model} on the two devices cannot be compared: all are zero, or their numbers differ"
        ))
    })
}

/// Which plugin measures, and what: a directory, or the model of a repository with random weights.
fn measured(registry: &Registry, lock: &Lock, arguments: &Arguments) -> Result<(Library, Option<String>, ModelSource)> {
    let model = &arguments.model;
    if let (true, Some(entry)) = (arguments.random_weights, registry.models().get(model)) {
        let spec = by_shape(registry, lock, model, entry)?;
        return Ok((spec.library, spec.component, spec.message));
    }
    let spec = captioner(registry, lock, model).map_err(|error| match registry.models().contains_key(model) {
        true => {
            let help = error.help.clone().unwrap_or_default();
            error.help(format!("{help}, or measure without them: --random-weights"))
        }
        false => error,
    })?;
    let source = ModelSource { weights: Some(spec.message.weights), ..ModelSource::default() };
    Ok((spec.library, spec.component, source))
}

fn as_json(model: &str, random_weights: bool, report: &BenchReport, beside: Option<&Beside>) -> serde_json::Value {
    let batches: Vec<_> = report
        .batches
        .iter()
        .map(|batch| {
            let vision_floor = report.vision_floor(batch.batch_size);
            serde_json::json!({
                "batch_size": batch.batch_size,
                "new_tokens": batch.new_tokens,
                "images_per_second": batch.images_per_second(),
                "tokens_per_second": batch.tokens_per_second(),
                "vision_seconds": batch.vision_seconds,
                "first_token_seconds": batch.first_token_seconds,
                "step_milliseconds": batch.step_seconds * 1e3,
                "total_seconds": batch.total_seconds,
                "peak_memory": batch.peak_memory,
                "vision_floor_seconds": vision_floor,
                "vision_over_floor": batch.vision_seconds / vision_floor,
                "step_over_floor": batch.step_seconds / report.step_floor(),
            })
        })
        .collect();
    serde_json::json!({
        "model": model,
        "random_weights": random_weights,
        "architecture": report.architecture,
        "parameters": report.parameters,
        "device": report.device,
        "precision": report.precision,
        "load_seconds": report.load_seconds,
        "load_peak_memory": report.load_peak_memory,
        "weight_bytes": report.weight_bytes,
        "step_bytes": report.step_bytes,
        "vision_flop": report.vision_flop,
        "prompt_tokens": report.prompt_tokens,
        "bandwidth": report.bandwidth,
        "matrix_rate": report.matrix_rate,
        "step_floor_milliseconds": report.step_floor() * 1e3,
        "batches": batches,
        "scores_beside": beside,
    })
}

fn as_text(model: &str, random_weights: bool, report: &BenchReport) -> String {
    let mut text = format!(
        "{model}: {}, {:.3} billion weights{}, {} in {}\n\
         loaded in {:.1} s{}; the prompt has {} positions\n\
         ceilings: {:.1} GB/s of memory, {:.0} GFLOP/s of matrix products\n\
         floors: {:.2} ms a decoding step ({:.2} GB of weights), {:.2} ms an image's vision side ({:.3} TFLOP)\n\n",
        report.architecture,
        report.parameters as f64 / 1e9,
        if random_weights { " (random)" } else { "" },
        report.device,
        report.precision,
        report.load_seconds,
        report.load_peak_memory.map_or(String::new(), |peak| {
            format!(
                ", with {:.2} GiB at most for {:.2} GiB of weights",
                gibibytes(peak),
                gibibytes(report.weight_bytes)
            )
        }),
        report.prompt_tokens,
        report.bandwidth / 1e9,
        report.matrix_rate / 1e9,
        report.step_floor() * 1e3,
        report.step_bytes as f64 / 1e9,
        report.vision_floor(1) * 1e3,
        report.vision_flop / 1e12,
    );
    text += "batch  images/s  tokens/s  first token  vision / floor   step / floor  peak memory\n";
    for batch in &report.batches {
        text += &format!(
            "{:>5}  {:>8.2}  {:>8.1}  {:>9.1} ms  {:>7.1} ms {:>4.2}  {:>6.2} ms {:>4.2}  {}\n",
            batch.batch_size,
            batch.images_per_second(),
            batch.tokens_per_second(),
            batch.first_token_seconds * 1e3,
            batch.vision_seconds * 1e3,
            batch.vision_seconds / report.vision_floor(batch.batch_size),
            batch.step_seconds * 1e3,
            batch.step_seconds / report.step_floor(),
            batch.peak_memory.map_or("-".to_owned(), |bytes| format!("{:>7.2} GiB", gibibytes(bytes))),
        );
    }
    text
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1u32 << 30)
}
