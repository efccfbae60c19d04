//! What is submitted, planned where `host submit` is called: a run, a sweep or one training; and what of it is left to do.

use super::record::Task;
use super::tasks::missing_parts;
use super::{What, absolute};
use crate::error::{Error, Result};
use crate::eval::{Request, plan_run};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::run::{Plan, RunDir};
use crate::sweep::{SweepFile, SweepRequest, plan_sweep, trial_folder};
use crate::train::{TrainPlan, TrainRequest, TrainResult, plan_asking};
use crate::worker::Limits;
use plugin_api::Device;
use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

/// What a folder holds.
pub enum Folder {
    Run(RunDir, Box<Plan>),
    Sweep(RunDir, SweepFile),
    Training(RunDir, Box<TrainPlan>),
}

impl Folder {
    /// # Errors
    /// It holds neither a run nor a sweep nor a training.
    pub fn of(path: &Path) -> Result<Folder> {
        let folder = RunDir::new(path);
        if folder.plan_file().is_file() {
            return RunDir::existing(path).map(|(run, plan)| Folder::Run(run, Box::new(plan)));
        }
        if let Some(sweep) = SweepFile::of_folder(path)? {
            return Ok(Folder::Sweep(folder, sweep));
        }
        match TrainPlan::read(path)? {
            Some(plan) => Ok(Folder::Training(folder, Box::new(plan))),
            None => Err(Error::usage(format!(
                "{} holds no run (run.toml), sweep (sweep.toml) or training (train.toml)",
                path.display()
            ))
            .help("`host eval`, `host sweep` and `host train` make them, and print their folder")),
        }
    }
}

/// A run, a sweep or a training that can be sent.
pub enum Planned {
    Run {
        run: RunDir,
        plan: Box<Plan>,
    },
    /// Trials by their names.
    Sweep {
        run: RunDir,
        trials: Vec<(String, TrainPlan)>,
    },
    Training {
        run: RunDir,
        plan: Box<TrainPlan>,
    },
}

impl Planned {
    /// Plans what is asked for. With `write` its folder gets the plan, as tasks need it.
    pub fn new(registry: &Registry, lock: &Lock, what: &What, write: bool, reporter: &Reporter) -> Result<Planned> {
        match what {
            What::Run(request) => {
                let request = Request { run: request.run.as_deref().map(absolute).transpose()?, ..(**request).clone() };
                let planned = plan_run(registry, lock, &request, write, reporter)?;
                let run = RunDir::new(absolute(planned.run.path())?);
                Ok(Planned::Run { run, plan: Box::new(planned.resolved.plan) })
            }
            What::Sweep(request) => {
                let request = SweepRequest { out: absolute(&request.out)?, ..(**request).clone() };
                let trials = plan_sweep(registry, lock, &request, write, reporter)?;
                Ok(Planned::Sweep { run: RunDir::new(request.out), trials })
            }
            What::Training(request) => {
                let request = TrainRequest { out: absolute(&request.out)?, ..(**request).clone() };
                let plan = plan_asking(registry, lock, &request, write, reporter)?;
                Ok(Planned::Training { run: RunDir::new(request.out), plan: Box::new(plan) })
            }
            What::Rest(path) => match Folder::of(&absolute(path)?)? {
                Folder::Run(run, plan) => Ok(Planned::Run { run, plan }),
                // Trials that were never begun have no plan yet; those that have one must still be what they were.
                Folder::Sweep(run, sweep) => {
                    let first = sweep.trials.first().map(|trial| TrainPlan::read(&trial.folder(run.path())));
                    let device = first.transpose()?.flatten().map_or(Ok(Device::Auto), |plan| plan.device.parse())?;
                    let file = SweepFile::kept_in(run.path());
                    let out = run.path().to_owned();
                    let request = SweepRequest { file, out, device, threads: 0, limits: Limits::default() };
                    Planned::new(registry, lock, &What::Sweep(Box::new(request)), write, reporter)
                }
                Folder::Training(run, plan) => {
                    let request = TrainRequest {
                        options: plan.options.clone(),
                        out: run.path().to_owned(),
                        resume: true,
                        device: plan.device.parse()?,
                        threads: 0,
                        limits: Limits::default(),
                        patience: Duration::ZERO,
                    };
                    Planned::new(registry, lock, &What::Training(Box::new(request)), write, reporter)
                }
            },
        }
    }

    pub fn run(&self) -> &RunDir {
        let (Planned::Run { run, .. } | Planned::Sweep { run, .. } | Planned::Training { run, .. }) = self;
        run
    }

    /// The device that was asked for.
    pub fn device(&self) -> &str {
        match self {
            Planned::Run { plan, .. } => &plan.device,
            Planned::Sweep { trials, .. } => trials.first().map_or("auto", |(_, plan)| plan.device.as_str()),
            Planned::Training { plan, .. } => &plan.device,
        }
    }

    /// Is there something to do when all tasks have ended?
    pub fn merges(&self) -> bool {
        !matches!(self, Planned::Training { .. })
    }

    /// What a task is and what the last job does, for who reads the scripts.
    pub fn told(&self) -> (&'static str, &'static str) {
        match self {
            Planned::Run { .. } => ("a model's part of a shard each", "joins what the tasks did, scores and tabulates"),
            Planned::Sweep { .. } => ("a trial of the sweep each", "ranks the trials by their validation loss"),
            Planned::Training { .. } => ("the whole training", ""),
        }
    }

    /// What is left to do, where captioning is divided into so many shards; models with the largest `weights` first.
    pub fn missing(&self, weights: impl Fn(&str) -> u64, shards: usize) -> Result<Vec<Task>> {
        match self {
            Planned::Run { run, plan } => missing_parts(run, plan, weights, shards),
            Planned::Sweep { run, trials } => {
                let open =
                    |(name, _): &&(String, TrainPlan)| TrainResult::read(&trial_folder(run.path(), name)).is_none();
                let mut open: Vec<&(String, TrainPlan)> = trials.iter().filter(open).collect();
                open.sort_by_key(|(_, plan)| Reverse(weights(&plan.options.model)));
                let task = |(trial, plan): &(String, TrainPlan)| Task::Trial {
                    model: plan.options.model.clone(),
                    trial: trial.clone(),
                };
                Ok(open.into_iter().map(task).collect())
            }
            Planned::Training { run, plan } => {
                let finished = TrainResult::read(run.path()).is_some();
                let task = || Task::Training { model: plan.options.model.clone() };
                Ok((!finished).then(task).into_iter().collect())
            }
        }
    }

    /// Images that a worker of a task holds at once, where captioning takes so many.
    pub fn images_at_once(&self, batch: usize) -> usize {
        let of = |plan: &TrainPlan| plan.options.micro_batch;
        match self {
            Planned::Run { .. } => batch,
            Planned::Sweep { trials, .. } => trials.iter().map(|(_, plan)| of(plan)).max().unwrap_or(1),
            Planned::Training { plan, .. } => of(plan),
        }
    }
}
