//! What can be asked about a training before it is sent to another machine, without loading the model: is there something to learn and to
//! validate, does the strategy take its options, can the files be loaded. Which ranks the layers take only the loaded model tells.

use super::course::list_items;
use super::plan::TrainPlan;
use super::resolve::{Resolved, TrainRequest, resolve};
use crate::error::{Error, Result};
use crate::eval::one_answer;
use crate::models::needs_of_source;
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::run::Found;
use crate::worker::Command;
use plugin_api::ModelSource;

/// Plans a training that another host carries out: what is wrong with names, options and files shows now. Unless it is only to be shown,
/// the folder gets the plan.
pub fn plan_training(registry: &Registry, lock: &Lock, request: &TrainRequest, write: bool) -> Result<TrainPlan> {
    Ok(planned(registry, lock, request, write)?.plan)
}

/// As [`plan_training`]; then lists the items, into the folder if it gets the plan, and asks the plugins.
///
/// # Errors
/// What [`plan_training`] and the plugins refuse; a folder in which a training began by this is left as it was found.
pub fn plan_asking(
    registry: &Registry,
    lock: &Lock,
    request: &TrainRequest,
    write: bool,
    reporter: &Reporter,
) -> Result<TrainPlan> {
    let found = Found::in_folder(&request.out);
    let begins = write && TrainPlan::read(&request.out)?.is_none();
    let resolved = planned(registry, lock, request, write)?;
    let asked = match write {
        true => list_items(&resolved, request, reporter),
        false => tempfile::tempdir().map_err(|error| Error::io("write into", &std::env::temp_dir(), &error)).and_then(
            |folder| {
                let request = TrainRequest { out: folder.path().to_owned(), ..request.clone() };
                list_items(&resolved, &request, reporter)
            },
        ),
    };
    if let Err(error) = asked.and_then(|()| ask(&resolved, lock, request, reporter)) {
        if begins {
            found.restore();
        }
        return Err(error);
    }
    Ok(resolved.plan)
}

fn planned(registry: &Registry, lock: &Lock, request: &TrainRequest, write: bool) -> Result<Resolved> {
    let resolved = resolve(registry, lock, request)?;
    resolved.check_digests()?;
    match write {
        true => resolved.plan.adopt(&request.out, request.resume)?,
        false => resolved.plan.check(&request.out, request.resume)?,
    }
    Ok(resolved)
}

fn ask(resolved: &Resolved, lock: &Lock, request: &TrainRequest, reporter: &Reporter) -> Result<()> {
    let trainer = &resolved.job.trainer;
    let plugin = lock.plugin(&trainer.library.plugin);
    if plugin.is_some_and(|plugin| plugin.components.iter().all(|component| component.kind != "trainer")) {
        return Err(Error::usage(format!("the plugin `{}` has no trainer", trainer.library.plugin))
            .help(format!("`{}` captions, and cannot be trained", trainer.entry)));
    }
    let strategy = Command::CheckStrategy { strategy: resolved.job.strategy.clone() };
    one_answer(&strategy, request.limits, request.threads, reporter)??;
    let message = &trainer.message;
    let source = ModelSource {
        weights: Some(message.weights.clone()),
        repository: None,
        prompt: message.prompt.clone(),
        generation: message.generation.clone(),
    };
    // A plugin that tells nothing is asked where the training begins.
    match needs_of_source(trainer.with(source), request.limits, request.threads, reporter) {
        Ok(report) if !report.problems.is_empty() => {
            Err(Error::usage(format!("`{}` cannot be loaded: {}", trainer.entry, report.problems.join("; ")))
                .help(format!("host models check {}", trainer.entry)))
        }
        _ => Ok(()),
    }
}
