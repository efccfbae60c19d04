//! `train.toml`, the resolved plan of a training, and `result.json`, what came of it.

use super::checkpoints::Progress;
use super::options::TrainOptions;
use crate::error::{Error, Result};
use crate::run::{
    Environment, Kind, PlannedDataset, PlannedMetric, PlannedModel, PlannedPlugin, differences, refuse_other_plan,
    replace_file,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All that decides a training's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// `train`.
    pub command: String,
    /// The device asked for.
    pub device: String,
    pub options: TrainOptions,
    pub model: PlannedModel,
    pub dataset: PlannedDataset,
    #[serde(rename = "metric", default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<PlannedMetric>,
    #[serde(rename = "plugin")]
    pub plugins: Vec<PlannedPlugin>,
    /// Told, and not compared.
    pub environment: Environment,
}

const FILE: &str = "train.toml";

impl TrainPlan {
    /// A training's plan; none if the folder holds none.
    pub fn read(folder: &Path) -> Result<Option<TrainPlan>> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, &error)),
        };
        toml::from_str(&text)
            .map(Some)
            .map_err(|error| Error::usage(format!("{} is not a training's plan:\n{error}", path.display())))
    }

    pub fn write(&self, folder: &Path) -> Result<()> {
        let body = toml::to_string(self).map_err(|error| Error::failed(format!("cannot write the plan: {error}")))?;
        let text = format!("# The plan of this training, as `host train` resolved it.\n\n{body}");
        replace_file(&folder.join(FILE), text.as_bytes())
    }

    /// Makes sure that a training of this plan goes on in the folder, or begins there.
    pub fn adopt(&self, folder: &Path, resume: bool) -> Result<()> {
        self.check(folder, resume)?;
        if TrainPlan::read(folder)?.is_none() { self.write(folder) } else { Ok(()) }
    }

    /// Could a training of this plan go on in the folder, or begin there?
    pub fn check(&self, folder: &Path, resume: bool) -> Result<()> {
        Kind::Training.refuse_others(folder)?;
        let Some(earlier) = TrainPlan::read(folder)? else { return Ok(()) };
        if !resume {
            return Err(Error::usage(format!("{} holds a training already", folder.display()))
                .help("go on with it with --resume, or choose another folder with --out DIR"));
        }
        let [earlier, now] = [&earlier, self].map(|plan| {
            let plan = TrainPlan { environment: Environment::default(), ..plan.clone() };
            toml::Value::try_from(plan).unwrap_or(toml::Value::Boolean(false))
        });
        refuse_other_plan(folder, &differences(&earlier, &now))
            .map_err(|error| error.help("choose another folder with --out DIR, or give the earlier options"))
    }
}

/// What a training came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainResult {
    /// Optimizer steps made, and those planned.
    pub steps: usize,
    pub planned_steps: usize,
    pub epochs: f64,
    /// Patience ended it.
    pub stopped_early: bool,
    /// The step whose adapter is in `adapter`.
    pub best_step: usize,
    /// None without a validation split.
    pub validation_loss: Option<f64>,
}

impl TrainResult {
    pub(super) fn of(progress: &Progress, planned_steps: usize, epochs: f64) -> TrainResult {
        let best = progress.best.as_ref();
        TrainResult {
            steps: progress.step,
            planned_steps,
            epochs,
            stopped_early: progress.stopped_early,
            best_step: best.map_or(progress.step, |best| best.step),
            validation_loss: best.map(|best| best.validation_loss),
        }
    }

    /// The result of a finished training; none if it is not finished.
    pub fn read(folder: &Path) -> Option<TrainResult> {
        serde_json::from_slice(&std::fs::read(folder.join("result.json")).ok()?).ok()
    }

    /// Written last: its presence says that all is there.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::failed(format!("cannot write the result: {error}")))?;
        replace_file(&folder.join("result.json"), (text + "\n").as_bytes())
    }
}
