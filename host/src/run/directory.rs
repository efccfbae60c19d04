//! Where things lie in a run directory.

use super::{Kind, Plan, Shard, create_folder, replace_file};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A run directory. Paths only; nothing is read or made by naming them.
#[derive(Debug, Clone)]
pub struct RunDir(PathBuf);

/// Why a cell (one model on one dataset) could not be finished: `predictions/DATASET/MODEL/failure.json`, or
/// `failure-0002-of-0003.json` for a shard's part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellFailure {
    pub reason: String,
}

impl CellFailure {
    /// A cell whose items were all tried, and none has a caption.
    pub fn none_captioned(last_error: &str) -> CellFailure {
        CellFailure { reason: format!("no item could be captioned; the last error: {last_error}") }
    }
}

fn read_failure(path: &Path) -> Option<CellFailure> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

impl RunDir {
    pub fn new(path: impl Into<PathBuf>) -> RunDir {
        RunDir(path.into())
    }

    /// A directory that holds a run.
    pub fn existing(path: &Path) -> Result<(RunDir, Plan)> {
        let run = RunDir::new(path);
        if Kind::Experiment.is_in(path) {
            return Err(Error::usage(format!(
                "{} is a run of `host recommend`, and holds no captions",
                path.display()
            ))
            .help("name a run of `host eval`; `host report RUN` prints an experiment's tables"));
        }
        match Plan::read(&run.plan_file())? {
            Some(plan) => Ok((run, plan)),
            None => Err(Error::usage(format!("{} is no run directory: it has no run.toml", path.display()))
                .help("`host eval` makes one; it prints its folder")),
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn plan_file(&self) -> PathBuf {
        self.0.join("run.toml")
    }

    pub fn items_file(&self, dataset: &str) -> PathBuf {
        self.0.join("items").join(format!("{dataset}.jsonl"))
    }

    /// Records of the dataset that are no items, with reasons.
    pub fn dropped_file(&self, dataset: &str) -> PathBuf {
        self.0.join("items").join(format!("{dataset}.dropped.jsonl"))
    }

    /// What the loaded model said of itself.
    pub fn model_file(&self, model: &str) -> PathBuf {
        self.0.join("models").join(format!("{model}.json"))
    }

    /// The device that the model said it runs on (`cpu`, `cuda:0`), once it was loaded in this run.
    pub fn device_of(&self, model: &str) -> Option<String> {
        let text = std::fs::read(self.model_file(model)).ok()?;
        serde_json::from_slice::<plugin_api::CaptionerDescription>(&text).ok().map(|description| description.device)
    }

    pub fn cell(&self, dataset: &str, model: &str) -> PathBuf {
        self.0.join("predictions").join(dataset).join(model)
    }

    pub fn predictions_file(&self, dataset: &str, model: &str, shard: Shard) -> PathBuf {
        self.cell(dataset, model).join(shard.file_name())
    }

    /// Where the worker with this number writes its part of a shard, when several share it: `shard-0000-job-02.jsonl`.
    pub fn part_file(&self, dataset: &str, model: &str, shard: Shard, job: usize) -> PathBuf {
        let name = shard.file_name();
        self.cell(dataset, model).join(name.replace(".jsonl", &format!("-job-{job:02}.jsonl")))
    }

    /// All files with predictions of a cell, by name: the whole, shards, and parts of either. An absent cell has none.
    pub fn prediction_files(&self, dataset: &str, model: &str) -> Result<Vec<PathBuf>> {
        self.cell_files(dataset, model, "shard-")
    }

    /// The times of a cell's batches, from every host that worked on it: `timing.jsonl` and `timing-*.jsonl`.
    pub fn timing_files(&self, dataset: &str, model: &str) -> Result<Vec<PathBuf>> {
        self.cell_files(dataset, model, "timing")
    }

    fn cell_files(&self, dataset: &str, model: &str, begin: &str) -> Result<Vec<PathBuf>> {
        let cell = self.cell(dataset, model);
        let entries = match std::fs::read_dir(&cell) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", &cell, &error)),
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok())
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with(begin) && name.ends_with(".jsonl")
            })
            .map(|entry| entry.path())
            .collect();
        files.sort();
        Ok(files)
    }

    /// The times of a shard's batches. A shard has a file of its own, since appending from several machines is not whole on network file
    /// systems; `host merge` joins them into `timing.jsonl`.
    pub fn shard_timing_file(&self, dataset: &str, model: &str, shard: Shard) -> PathBuf {
        match shard.is_whole() {
            true => self.timing_file(dataset, model),
            false => self.cell(dataset, model).join(shard.file_name().replacen("shard", "timing", 1)),
        }
    }

    /// Where the record of the submission with this number is, with its tasks' notes and logs.
    pub fn submission(&self, number: usize) -> PathBuf {
        self.0.join("submissions").join(format!("{number:04}"))
    }

    pub fn timing_file(&self, dataset: &str, model: &str) -> PathBuf {
        self.cell(dataset, model).join("timing.jsonl")
    }

    pub fn scores_folder(&self, dataset: &str, model: &str) -> PathBuf {
        self.0.join("scores").join(dataset).join(model)
    }

    pub fn score_file(&self, dataset: &str, model: &str, metric: &str) -> PathBuf {
        self.scores_folder(dataset, model).join(format!("{metric}.json"))
    }

    pub fn item_scores_file(&self, dataset: &str, model: &str) -> PathBuf {
        self.scores_folder(dataset, model).join("items.jsonl")
    }

    /// Every item's statistics of every metric, of which corpus values are made: what `host compare` resamples.
    pub fn statistics_file(&self, dataset: &str, model: &str) -> PathBuf {
        self.scores_folder(dataset, model).join("statistics.jsonl")
    }

    /// Notes that a cell, or a shard's part of it, failed.
    pub fn set_failure(&self, dataset: &str, model: &str, shard: Shard, failure: &CellFailure) -> Result<()> {
        let text = serde_json::to_string_pretty(failure).unwrap_or_default();
        replace_file(&self.failure_file(dataset, model, shard), format!("{text}\n").as_bytes())
    }

    /// Forgets an earlier failure: the cell is done after all.
    pub fn clear_failure(&self, dataset: &str, model: &str, shard: Shard) {
        let _ = std::fs::remove_file(self.failure_file(dataset, model, shard));
    }

    /// Why the whole cell failed, if it did.
    pub fn failure(&self, dataset: &str, model: &str) -> Option<CellFailure> {
        read_failure(&self.failure_file(dataset, model, Shard::WHOLE))
    }

    /// The failures of a cell's shards, with their files, by name.
    pub fn shard_failures(&self, dataset: &str, model: &str) -> Vec<(PathBuf, CellFailure)> {
        let entries = std::fs::read_dir(self.cell(dataset, model)).into_iter().flatten().flatten();
        let mut failures: Vec<(PathBuf, CellFailure)> = entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("failure-"))
            .filter_map(|entry| Some((entry.path(), read_failure(&entry.path())?)))
            .collect();
        failures.sort_by(|a, b| a.0.cmp(&b.0));
        failures
    }

    fn failure_file(&self, dataset: &str, model: &str, shard: Shard) -> PathBuf {
        let name = shard.file_name().replacen("shard", "failure", 1).replace(".jsonl", ".json");
        self.cell(dataset, model).join(if shard.is_whole() { "failure.json".to_owned() } else { name })
    }

    /// Makes sure that the directory holds this plan: writes it into a new run, accepts it in one of the same plan, refuses
    /// another with the differences shown.
    pub fn adopt(&self, plan: &Plan) -> Result<()> {
        create_folder(&self.0)?;
        let Some(earlier) = Plan::read(&self.plan_file())? else {
            return plan.write(&self.plan_file());
        };
        self.check_same(&earlier, plan)
    }

    /// Takes a plan away again under which nothing was captioned, with what was made for it; the plan last, so that a crash leaves a run. Only
    /// for who wrote the plan and is alone in the directory.
    pub fn withdraw(&self) -> Result<()> {
        let made = ["items", "models", "predictions"].map(|name| self.0.join(name));
        let removed = made.iter().map(|folder| (folder, std::fs::remove_dir_all(folder)));
        let plan = self.plan_file();
        for (path, done) in removed.chain(std::iter::once_with(|| (&plan, std::fs::remove_file(&plan)))) {
            match done {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses a plan that differs from this run's, with the differences shown.
    pub fn check_same(&self, earlier: &Plan, plan: &Plan) -> Result<()> {
        refuse_other_plan(&self.0, &plan.differences(earlier))
    }
}

/// Fine where there are no differences to the plan of a run directory; else an error that shows them.
pub fn refuse_other_plan(run: &Path, differences: &[String]) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = differences.iter().take(12).map(|line| format!("    {line}")).collect();
    let more = differences.len().saturating_sub(shown.len());
    let more = if more > 0 { format!("\n    … and {more} more") } else { String::new() };
    Err(Error::usage(format!("{} holds a run of another plan:\n{}{more}", run.display(), shown.join("\n")))
        .help("choose another folder with --run DIR, or give the earlier options"))
}
