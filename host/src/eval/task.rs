//! A run that other machines work on: planned here, its items listed, and then done task by task, one model's part of a shard each.

use super::{Evaluated, Items, Jobs, Request, Resolved, captions, items, resolve, run_folder};
use crate::energy::{Energy, Meter};
use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::run::{Kind, Plan, RunDir, RunLock, Shard};
use crate::stop;
use crate::worker::Limits;
use plugin_api::Device;
use std::time::Duration;

/// How long a task waits for a predecessor that a network file system still counts as living.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// A run ready to be shared out.
pub struct Planned {
    pub run: RunDir,
    pub resolved: Resolved,
}

/// Resolves a request. Unless it is only to be shown, the run directory gets the plan and the datasets' items, so that tasks need not find
/// them again; a dataset that cannot be read is an error now.
pub fn plan_run(
    registry: &Registry,
    lock: &Lock,
    request: &Request,
    write: bool,
    reporter: &Reporter,
) -> Result<Planned> {
    let resolved = resolve(registry, lock, request)?;
    resolved.check_digests()?;
    for skipped in &resolved.skipped {
        reporter.note(&skipped.to_string());
    }
    let run = run_folder(registry, &resolved, request);
    Kind::Run.refuse_others(run.path())?;
    if write {
        let begun = run.plan_file().is_file();
        run.adopt(&resolved.plan)?;
        if let Err(error) = list(&run, &resolved, request, reporter) {
            if !begun {
                run.withdraw()?;
            }
            return Err(error);
        }
    } else if let Some(earlier) = Plan::read(&run.plan_file())? {
        run.check_same(&earlier, &resolved.plan)?;
    }
    Ok(Planned { run, resolved })
}

fn list(run: &RunDir, resolved: &Resolved, request: &Request, reporter: &Reporter) -> Result<Items> {
    let mut failed = Vec::new();
    let items = items::list_items(run, resolved, request, reporter, &mut failed)?;
    match failed.pop() {
        None => Ok(items),
        Some(cell) => {
            resolved.models.iter().for_each(|(model, _)| run.clear_failure(&cell.dataset, model, request.shard));
            Err(Error::failed(format!("dataset `{}` cannot be read: {}", cell.dataset, cell.reason)))
        }
    }
}

/// How a task is carried out: nothing that its results depend on.
#[derive(Debug, Clone, Copy)]
pub struct TaskOptions {
    pub batch_size: usize,
    pub jobs: Jobs,
    pub threads: usize,
    pub limits: Limits,
}

/// Does one model's part of a shard, on all datasets of the run's plan; or what is missing of it, until asked to stop.
pub fn work_on(
    registry: &Registry,
    lock: &Lock,
    run: &RunDir,
    plan: &Plan,
    (model, shard): (&str, Shard),
    options: TaskOptions,
    reporter: &Reporter,
) -> Result<Evaluated> {
    let request = Request {
        models: vec![model.to_owned()],
        datasets: plan.datasets.iter().map(|dataset| dataset.name.clone()).collect(),
        metrics: Vec::new(),
        split: plan.split.clone(),
        limit: plan.limit,
        undescribed: plan.undescribed,
        run: Some(run.path().to_owned()),
        device: plan.device.parse::<Device>()?,
        batch_size: options.batch_size,
        jobs: options.jobs,
        shard,
        threads: options.threads,
        seed: plan.seed,
        generation: plan.generation.clone(),
        limits: options.limits,
    };
    let mut resolved = resolve(registry, lock, &request)?;
    resolved.check_digests()?;
    // A model that was not named when the run was planned keeps to its dataset, though it is named here.
    for model in &mut resolved.plan.models {
        let planned = plan.models.iter().find(|planned| planned.name == model.name);
        model.only = planned.and_then(|planned| planned.only.clone());
    }
    // Weights, plugins and datasets must be here what they were where the run was planned.
    run.check_same(&part_of(plan, &resolved.plan), &resolved.plan)?;
    let say = |text: &str| reporter.note(text);
    let _held = RunLock::wait_for(run.path(), shard, Some(model), PATIENCE, say)?;
    let meter = Meter::start(registry.energy());
    let mut failed = Vec::new();
    let items = items::list_items(run, &resolved, &request, reporter, &mut failed)?;
    captions::caption_all(run, &resolved, &request, &items, reporter, &mut failed)?;
    let devices: Vec<String> = run.device_of(model).into_iter().collect();
    let part = format!("{model}-{}", Energy::part_of(shard));
    Energy::add(run.path(), &part, registry.energy(), meter.stop(&devices))?;
    Ok(Evaluated { run: run.clone(), failed, skipped: Vec::new(), sharded: true, stopped: stop::requested() })
}

/// What of a plan concerns the models and plugins of another.
fn part_of(plan: &Plan, part: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.models.retain(|model| part.models.iter().any(|other| other.name == model.name));
    plan.plugins.retain(|plugin| part.plugins.iter().any(|other| other.name == plugin.name));
    plan.metrics.clear();
    plan
}
