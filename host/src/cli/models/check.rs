//! `host models check`

use super::{by_shape, captioner};
use crate::cli::Done;
use crate::cli::common::Common;
use crate::cli::printing::{print, print_json};
use crate::error::Result;
use crate::models;
use crate::registry::{Lock, Registry, Weights};
use crate::worker::Limits;
use plugin_api::{MemoryNeed, WeightsReport};
use std::path::Path;

/// Batch sizes whose memory is shown.
const BATCHES: [usize; 4] = [1, 8, 16, 64];

pub fn check(common: &Common, model: &str, json: bool) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    check_absent(common, &registry, &lock, model, json)?;
    let mut captioner = captioner(&registry, &lock, model)?;
    captioner.message.device = common.device;
    captioner.message.threads = common.threads;
    let checked = models::check(&captioner, Limits::default(), &common.reporter())?;
    let problems = checked.problems();
    if json {
        let memory: Vec<_> = checked.report.memory.iter().map(memory_json).collect();
        print_json(&serde_json::json!({
            "model": model,
            "directory": captioner.message.weights,
            "files": checked.files,
            "architecture": checked.report.architecture,
            "parameters": checked.report.parameters,
            "tensors": checked.report.tensors,
            "stored": checked.report.stored,
            "memory": memory,
            "problems": problems,
        }))?;
    } else {
        print(&described(&checked, &captioner.message.weights, &problems))?;
    }
    Ok(if problems.is_empty() { Done::All } else { Done::SomeFailed })
}

/// What an absent model will need, before anybody downloads it.
fn check_absent(common: &Common, registry: &Registry, lock: &Lock, model: &str, json: bool) -> Result<()> {
    let Some(entry) = registry.models().get(model) else { return Ok(()) };
    if !entry.weights.starts_with("hf:") || Weights::of(registry, entry).present().is_some() {
        return Ok(());
    }
    let spec = by_shape(registry, lock, model, entry)?;
    let reporter = common.reporter();
    let report = match models::needs_of_source(spec, Limits::default(), common.threads, &reporter) {
        Ok(report) => report,
        Err(error) => {
            reporter.note(&format!("what {model} needs cannot be told: {}", error.message));
            return Ok(());
        }
    };
    if json {
        let memory: Vec<_> = report.memory.iter().map(memory_json).collect();
        return print_json(&serde_json::json!({
            "model": model,
            "directory": null,
            "architecture": report.architecture,
            "parameters": report.parameters,
            "tensors": report.tensors,
            "memory": memory,
        }));
    }
    print(&format!("{model}, by its shapes\n{}", needs_table(&report)))
}

fn memory_json(need: &MemoryNeed) -> serde_json::Value {
    let batches: Vec<_> =
        BATCHES.iter().map(|&size| serde_json::json!({ "batch_size": size, "bytes": need.of_batch(size) })).collect();
    serde_json::json!({
        "device": need.device, "precision": need.precision, "weights": need.weights, "group": need.group,
        "image": need.image, "free": need.free,
        "batches": batches,
    })
}

fn described(checked: &models::Checked, directory: &Path, problems: &[String]) -> String {
    let report = &checked.report;
    let mut text = format!("{}\n", directory.display());
    let width = checked.files.iter().map(|file| file.name.len()).max().unwrap_or(0);
    for file in &checked.files {
        let intact = match file.intact {
            Some(true) => "as on the hub",
            Some(false) => "DAMAGED",
            None => "",
        };
        text += format!("  {:width$}  {:>12.3} MB  {intact}", file.name, file.bytes as f64 / 1e6).trim_end();
        text += "\n";
    }
    let stored: Vec<String> = report
        .stored
        .iter()
        .map(|(format, stored)| format!("{} in {format} ({:.2} GB)", stored.tensors, stored.bytes as f64 / 1e9))
        .collect();
    let stored = if stored.is_empty() { "none".to_owned() } else { stored.join(", ") };
    text += &format!("stored: {stored}\n{}", needs_table(report));
    if problems.is_empty() {
        return text + "all as it should be\n";
    }
    text += &format!("{} problems:\n", problems.len());
    problems.iter().for_each(|problem| text += &format!("  {problem}\n"));
    text
}

/// Weights, and the memory that batches take.
fn needs_table(report: &WeightsReport) -> String {
    let mut text = format!(
        "{}: {:.3} billion weights in {} tensors\nmemory, in GiB, for batches of",
        report.architecture,
        report.parameters as f64 / 1e9,
        report.tensors
    );
    BATCHES.iter().for_each(|size| text += &format!(" {size:>7}"));
    text += "    free now\n";
    for need in &report.memory {
        text += &format!("  {:<28}", format!("{} ({})", need.device, need.precision));
        BATCHES.iter().for_each(|&size| text += &format!(" {:>7.2}", gibibytes(need.of_batch(size))));
        text += &need.free.map_or("           -\n".to_owned(), |free| format!(" {:>11.2}\n", gibibytes(free)));
    }
    text
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1u32 << 30)
}
