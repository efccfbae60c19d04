//! Checking a model's files without loading it: each file and its digest, then what the plugin says of tensors and memory.

use super::verify::{expected_digest, file_matches};
use crate::error::{Error, Result};
use crate::eval::one_answer;
use crate::progress::Reporter;
use crate::worker::{Command, ComponentSpec, Event, Limits, memory_of_machine};
use plugin_api::abi::messages::CaptionerMessage;
use plugin_api::{Device, MemoryNeed, ModelSource, WeightsReport};
use serde::Serialize;
use std::path::Path;

/// The most images that `--batch-size auto` takes: beyond it, speed hardly grows and a lost batch costs more.
const LARGEST_BATCH: usize = 64;
/// On a GPU, which larger batches keep busier.
const LARGEST_BATCH_OF_GPU: usize = 256;
/// Of the memory that is free, what a batch may take: estimates are estimates, and others work here too.
const SHARE: f64 = 0.8;
/// Where nobody can tell.
const USUAL_BATCH: usize = 8;

/// A model's files and what the plugin says of them.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    pub files: Vec<CheckedFile>,
    pub report: WeightsReport,
}

/// A file of the directory.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedFile {
    pub name: String,
    pub bytes: u64,
    /// Whether its content has the digest that the hub gave it; none where no digest is known (a directory of one's own).
    pub intact: Option<bool>,
}

impl Checked {
    /// Sentences about all that is wrong.
    pub fn problems(&self) -> Vec<String> {
        let damaged = self.files.iter().filter(|file| file.intact == Some(false)).map(|file| {
            format!("{}: its content is not what the hub holds; delete it and pull the model again", file.name)
        });
        damaged.chain(self.report.problems.iter().cloned()).collect()
    }
}

/// Checks a model's directory.
///
/// # Errors
/// The directory cannot be read, the plugin cannot tell, or `config.json` is not understood.
pub fn check(captioner: &ComponentSpec<CaptionerMessage>, limits: Limits, reporter: &Reporter) -> Result<Checked> {
    let report = needs(captioner, limits, reporter)?;
    Ok(Checked { files: files(&captioner.message.weights, reporter)?, report })
}

/// Asks the plugin, in a worker, what the model needs.
///
/// # Errors
/// The plugin does not tell, or the worker died.
pub fn needs(
    captioner: &ComponentSpec<CaptionerMessage>,
    limits: Limits,
    reporter: &Reporter,
) -> Result<WeightsReport> {
    let message = &captioner.message;
    let source = ModelSource {
        weights: Some(message.weights.clone()),
        repository: None,
        prompt: message.prompt.clone(),
        generation: message.generation.clone(),
    };
    needs_of_source(captioner.with(source), limits, message.threads, reporter)
}

/// As [`needs`], of a source of weights, which need not be here where the plugin knows its shapes.
///
/// # Errors
/// The plugin does not know the source, or the worker died.
pub fn needs_of_source(
    model: ComponentSpec<ModelSource>,
    limits: Limits,
    threads: usize,
    reporter: &Reporter,
) -> Result<WeightsReport> {
    match one_answer(&Command::Inspect { model }, limits, threads, reporter)? {
        Ok(Event::Inspected { report }) => Ok(report),
        Ok(_) => Err(Error::failed("the worker answered something else than what it was asked")),
        Err(error) => Err(error),
    }
}

/// The batch size that fits: by what the plugin says an image takes and what is free on the device, within `limits`. A plugin that
/// tells nothing gets the usual one.
pub fn automatic_batch(captioner: &ComponentSpec<CaptionerMessage>, limits: Limits, reporter: &Reporter) -> usize {
    let report = match needs(captioner, limits, reporter) {
        Ok(report) => report,
        Err(error) => {
            reporter.note(&format!(
                "the batch size is {USUAL_BATCH}: the plugin does not tell what fits ({})",
                error.message
            ));
            return USUAL_BATCH;
        }
    };
    let batch = largest_batch(&report.memory, captioner.message.device, limits.memory);
    reporter.note(&format!("{}: batches of {batch}", captioner.entry));
    batch
}

fn largest_batch(needs: &[MemoryNeed], device: Device, limit: u64) -> usize {
    let of = |kind: &str| needs.iter().find(|need| need.device == kind);
    let cuda = of("cuda").filter(|need| need.free.is_some());
    let need = match device {
        Device::Cpu => of("cpu"),
        Device::Cuda(_) => of("cuda"),
        Device::Auto => cuda.or_else(|| of("cpu")),
    };
    let Some(need) = need else { return USUAL_BATCH };
    let Some(free) = need.free.or_else(memory_of_machine) else { return USUAL_BATCH };
    // The limit is on memory of the machine.
    let free = if need.device == "cpu" { free.min(limit) } else { free };
    let largest = if need.device == "cpu" { LARGEST_BATCH } else { LARGEST_BATCH_OF_GPU };
    need.largest_batch((free as f64 * SHARE) as u64).clamp(1, largest)
}

fn files(directory: &Path, reporter: &Reporter) -> Result<Vec<CheckedFile>> {
    let failed = |error: std::io::Error| Error::io("read the weights in", directory, &error);
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .map_err(failed)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    let bar = reporter.bar("checking digests", 0, paths.len());
    paths
        .iter()
        .map(|path| {
            let bytes = std::fs::metadata(path).map_err(|error| Error::io("read", path, &error))?.len();
            // In the hub's cache a name leads to a blob that is called by its digest.
            let blob = path.canonicalize().ok().filter(|_| path.is_symlink());
            let name = blob.as_ref().and_then(|blob| blob.file_name()).unwrap_or_default().to_string_lossy();
            let intact = expected_digest(&name).map(|digest| file_matches(path, &digest)).transpose()?;
            bar.advance(1);
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(CheckedFile { name, bytes, intact })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_batch_fits_what_is_free_and_what_is_allowed() {
        let need = |device: &str, free| MemoryNeed {
            device: device.into(),
            weights: 100,
            image: 10,
            free,
            ..MemoryNeed::default()
        };
        let needs = [need("cpu", Some(400)), need("cuda", None)];
        assert_eq!(largest_batch(&needs, Device::Cpu, u64::MAX), 22);
        assert_eq!(largest_batch(&needs, Device::Auto, 250), 10);
        assert_eq!(largest_batch(&needs, Device::Cpu, 50), 1);
        let needs = [need("cpu", Some(400)), need("cuda", Some(1 << 40))];
        assert_eq!(largest_batch(&needs, Device::Auto, 250), LARGEST_BATCH_OF_GPU);
        assert_eq!(largest_batch(&[need("cpu", Some(1 << 40))], Device::Auto, u64::MAX), LARGEST_BATCH);
        assert_eq!(largest_batch(&[], Device::Cpu, u64::MAX), USUAL_BATCH);
    }
}
