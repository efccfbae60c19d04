//! Scoring a run's cells in a worker. What is scored already, from the same predictions by the same plugin, is left as it is, where all
//! its files are whole.

use super::FailedCell;
use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::run::{CellFailure, Outcome, Plan, Prediction, RunDir, Shard, read_items, read_predictions, replace_file};
use crate::score::{FamilyScores, ItemLines, RESAMPLES};
use crate::worker::{Command, Death, Event, Limits, Reply, ScoreCell, ScoreMetric, Worker, captioned_items};
use plugin_api::Item;
use std::path::PathBuf;

/// Scores every cell of the plan that has captions. `prepared` tells where a dataset's prepared form is, for the metrics that read it.
#[allow(clippy::too_many_arguments)] // Each is one thing that scoring takes.
pub fn score_run(
    run: &RunDir,
    plan: &Plan,
    metrics: &[ScoreMetric],
    prepared: &dyn Fn(&str) -> Option<PathBuf>,
    limits: Limits,
    threads: usize,
    reporter: &Reporter,
    failed: &mut Vec<FailedCell>,
) -> Result<()> {
    for dataset in &plan.datasets {
        let items_file = run.items_file(&dataset.name);
        if !items_file.is_file() {
            continue;
        }
        let mut metrics = metrics.to_vec();
        for metric in &mut metrics {
            metric.spec.message.dataset = prepared(&dataset.name);
        }
        let items = read_items(&items_file)?;
        let mut cells: Vec<ScoreCell> = Vec::new();
        for model in plan.models_on(&dataset.name).map(|model| &model.name) {
            if run.failure(&dataset.name, model).is_some() {
                continue;
            }
            let file = run.predictions_file(&dataset.name, model, Shard::WHOLE);
            let (predictions, _) = read_predictions(&file)?;
            let any = predictions.iter().any(|prediction| matches!(prediction.outcome, Outcome::Caption { .. }));
            if any && is_stale(run, &dataset.name, model, &metrics, &items, predictions)? {
                let folder = run.scores_folder(&dataset.name, model);
                cells.push(ScoreCell { model: model.clone(), predictions: file, folder });
            }
        }
        let scoring = Scoring { run, dataset: &dataset.name, plan, limits, threads, reporter };
        scoring.all(metrics, cells, failed)?;
    }
    Ok(())
}

/// Are scores missing, made of something else, or damaged?
fn is_stale(
    run: &RunDir,
    dataset: &str,
    model: &str,
    metrics: &[ScoreMetric],
    items: &[Item],
    predictions: Vec<Prediction>,
) -> Result<bool> {
    let input =
        FamilyScores::input_digest(&run.predictions_file(dataset, model, Shard::WHOLE), &run.items_file(dataset))?;
    let fresh = |metric: &ScoreMetric| {
        FamilyScores::read(&run.score_file(dataset, model, &metric.spec.entry)).is_some_and(|scores| {
            scores.input_sha256 == input && Some(&scores.plugin_sha256) == metric.spec.library.sha256.as_ref()
        })
    };
    if !metrics.iter().all(fresh) {
        return Ok(true);
    }
    let (captioned, _) = captioned_items(items, predictions);
    let ids: Vec<&str> = captioned.iter().map(|item| item.id.as_str()).collect();
    let families: Vec<&str> = metrics.iter().map(|metric| metric.spec.entry.as_str()).collect();
    let whole = ItemLines::<Vec<f64>>::hold(&run.statistics_file(dataset, model), &ids, &families)
        && ItemLines::<f64>::hold(&run.item_scores_file(dataset, model), &ids, &[]);
    Ok(!whole)
}

struct Scoring<'a> {
    run: &'a RunDir,
    dataset: &'a str,
    plan: &'a Plan,
    limits: Limits,
    threads: usize,
    reporter: &'a Reporter,
}

impl Scoring<'_> {
    /// Scores the cells; a metric whose plugin kills the worker is left out of what remains.
    fn all(
        &self,
        mut metrics: Vec<ScoreMetric>,
        mut cells: Vec<ScoreCell>,
        failed: &mut Vec<FailedCell>,
    ) -> Result<()> {
        let mut retried = false;
        while !cells.is_empty() && !metrics.is_empty() {
            for cell in &cells {
                for metric in &metrics {
                    let _ = std::fs::remove_file(self.error_file(&cell.model, &metric.spec.entry));
                }
            }
            let mut worker = Worker::start(self.limits, self.threads)?;
            worker.send(&Command::Score {
                metrics: metrics.clone(),
                items_file: self.run.items_file(self.dataset),
                cells: cells.clone(),
                resamples: RESAMPLES,
                seed: self.plan.seed,
            })?;
            let mut at: (Option<String>, Option<String>) = (None, None);
            let death = loop {
                match worker.next(false) {
                    Reply::Event(Event::Scoring { metric, model }) => at = (metric, model),
                    Reply::Event(Event::NotScored { metric, model, failure }) => {
                        self.fail(&model, &metric, &Error::from(failure).to_string(), failed)?;
                    }
                    // Not a metric's fault: the disk is full, or a file of the run is damaged.
                    Reply::Event(Event::Failed(failure)) => {
                        return Err(Error::from(failure).context(format!("cannot score {}", self.dataset)));
                    }
                    Reply::Event(Event::Done) => break None,
                    Reply::Event(Event::Log { level, message }) => self.reporter.plugin(&level, &message),
                    Reply::Event(_) => {}
                    Reply::Died(death) => break Some(death),
                }
            };
            let Some(Death { reason, from_outside, .. }) = death else { return Ok(()) };
            if from_outside && !retried {
                self.reporter.warn(&format!("scoring {}: {reason}; going on with a new worker", self.dataset));
                retried = true;
                continue;
            }
            let (Some(metric), Some(model)) = at else {
                return Err(Error::failed(format!("cannot score {}: {reason}", self.dataset)));
            };
            let done = cells.iter().position(|cell| cell.model == model).unwrap_or(0);
            cells.drain(..done);
            for cell in &cells {
                self.fail(&cell.model, &metric, &reason, failed)?;
            }
            metrics.retain(|other| other.spec.entry != metric);
        }
        Ok(())
    }

    fn fail(&self, model: &str, metric: &str, reason: &str, failed: &mut Vec<FailedCell>) -> Result<()> {
        self.reporter.warn(&format!("{metric} for {model} on {}: {reason}", self.dataset));
        let text = serde_json::to_string_pretty(&CellFailure { reason: reason.to_owned() }).unwrap_or_default() + "\n";
        replace_file(&self.error_file(model, metric), text.as_bytes())?;
        let _ = std::fs::remove_file(self.run.score_file(self.dataset, model, metric));
        failed.push(FailedCell {
            dataset: self.dataset.to_owned(),
            model: model.to_owned(),
            metric: Some(metric.to_owned()),
            reason: reason.to_owned(),
            configuration: false,
        });
        Ok(())
    }

    fn error_file(&self, model: &str, metric: &str) -> std::path::PathBuf {
        self.run.scores_folder(self.dataset, model).join(format!("{metric}.error.json"))
    }
}
