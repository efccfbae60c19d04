//! `host models merge`: a checkpoint with its adapter merged into the weights. The plugin does the work, in a worker.

use crate::error::{Error, Result};
use crate::eval::{captioner_of_model, one_answer};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::run::replace_folder;
use crate::worker::{Command, ComponentSpec, Event, Limits};
use plugin_api::abi::messages::MergeMessage;
use std::path::Path;

/// Merges the adapter of a model `NAME+ADAPTER` and writes the checkpoint into `out`, whole; gives the plugin's sentence about it.
///
/// # Errors
/// The model has no adapter, the folder is not empty, or the plugin refuses: an adapter of another base, say.
pub fn merge_adapter(
    registry: &Registry,
    lock: &Lock,
    name: &str,
    out: &Path,
    limits: Limits,
    threads: usize,
    reporter: &Reporter,
) -> Result<String> {
    let captioner = captioner_of_model(registry, lock, name)?;
    let Some(adapter) = captioner.message.adapter else {
        return Err(Error::usage(format!("`{name}` has no adapter to merge"))
            .help("give --adapter DIR, or a name of the form NAME+ADAPTER (see `host models list`)"));
    };
    if std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(
            Error::usage(format!("{} is not empty", out.display())).help("choose another folder with --out DIR")
        );
    }
    let model = ComponentSpec {
        library: captioner.library,
        component: captioner.component,
        entry: captioner.entry,
        message: (),
    };
    let weights = captioner.message.weights;
    let mut said = String::new();
    replace_folder(out, |aside| {
        let merge = MergeMessage { weights, adapter, output: aside.to_owned() };
        match one_answer(&Command::Merge { model, merge }, limits, threads, reporter)?? {
            Event::Merged { said: sentence } => said = sentence,
            _ => return Err(Error::failed("the worker gave another answer than was asked for")),
        }
        Ok(())
    })?;
    Ok(said)
}
