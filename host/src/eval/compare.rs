//! `host compare`: two models of a run, every metric on every dataset in a worker of its own, then one correction over all of them.

use super::supervise::one_answer;
use super::{metric_specs, prepared};
use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry, near_miss};
use crate::run::{Plan, RunDir};
use crate::score::{PairedComparison, holm};
use crate::worker::{Command, Event, Limits, ScoreMetric, ScoredCell};
use serde::Serialize;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct ComparisonRequest {
    pub baseline: String,
    pub candidate: String,
    /// Empty: all of the run.
    pub datasets: Vec<String>,
    /// Empty: all of the run.
    pub metrics: Vec<String>,
    pub resamples: usize,
    pub seed: u64,
    pub limits: Limits,
    pub threads: usize,
}

/// A candidate against a baseline.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub baseline: String,
    pub candidate: String,
    pub split: String,
    pub resamples: usize,
    pub seed: u64,
    /// How many comparisons the correction is over.
    pub comparisons: usize,
    pub datasets: Vec<DatasetComparison>,
}

/// One dataset's comparisons.
#[derive(Debug, Clone, Serialize)]
pub struct DatasetComparison {
    pub dataset: String,
    /// Items that both models have captions of.
    pub items: usize,
    pub metrics: Vec<Corrected>,
    pub failed: Vec<NotCompared>,
}

/// One metric's comparison, and its p-value after Holm's correction.
#[derive(Debug, Clone, Serialize)]
pub struct Corrected {
    #[serde(flatten)]
    pub compared: PairedComparison,
    pub p_holm: f64,
}

/// A metric that could not be compared.
#[derive(Debug, Clone, Serialize)]
pub struct NotCompared {
    pub metric: String,
    pub reason: String,
}

impl Comparison {
    pub fn failed(&self) -> usize {
        self.datasets.iter().map(|dataset| dataset.failed.len()).sum()
    }
}

/// Compares two models of a run.
///
/// # Errors
/// Names that the run does not have; nothing could be compared.
pub fn compare_models(
    registry: &Registry,
    lock: &Lock,
    run: &RunDir,
    plan: &Plan,
    request: &ComparisonRequest,
    reporter: &Reporter,
) -> Result<Comparison> {
    let models: Vec<&str> = plan.models.iter().map(|model| model.name.as_str()).collect();
    for name in [&request.baseline, &request.candidate] {
        known("model", name, &models)?;
    }
    if request.baseline == request.candidate {
        return Err(Error::usage("the baseline and the candidate are the same model"));
    }
    let all: Vec<&str> = plan.datasets.iter().map(|dataset| dataset.name.as_str()).collect();
    request.datasets.iter().try_for_each(|name| known("dataset", name, &all))?;
    let datasets: Vec<&str> = match request.datasets.is_empty() {
        true => all,
        // Each once, however often it was named.
        false => all.into_iter().filter(|name| request.datasets.iter().any(|asked| asked == name)).collect(),
    };
    let metrics = metrics(registry, lock, plan, &request.metrics)?;
    let mut compared = Vec::new();
    for dataset in datasets {
        // A model that was fine-tuned for one dataset is run on that one alone.
        if ![&request.baseline, &request.candidate].iter().all(|model| plan.has_cell(dataset, model)) {
            continue;
        }
        let folder = prepared(registry, dataset).ok().flatten().map(|prepared| prepared.folder);
        let mut entry =
            DatasetComparison { dataset: dataset.to_owned(), items: 0, metrics: Vec::new(), failed: Vec::new() };
        for metric in &metrics {
            let mut metric = metric.clone();
            metric.spec.message.dataset = folder.clone();
            match one(run, dataset, metric.clone(), request, reporter)? {
                Ok((items, values)) => {
                    entry.items = items;
                    entry.metrics.extend(values.into_iter().map(|compared| Corrected { p_holm: compared.p, compared }));
                }
                Err(reason) => entry.failed.push(NotCompared { metric: metric.spec.entry, reason }),
            }
        }
        compared.push(entry);
    }
    if compared.is_empty() {
        return Err(Error::usage(format!(
            "{} and {} were not run on the same dataset",
            request.baseline, request.candidate
        )));
    }
    let mut entries: Vec<&mut Corrected> = compared.iter_mut().flat_map(|dataset| &mut dataset.metrics).collect();
    let p: Vec<f64> = entries.iter().map(|entry| entry.compared.p).collect();
    for (entry, p) in entries.iter_mut().zip(holm(&p)) {
        entry.p_holm = p;
    }
    Ok(Comparison {
        baseline: request.baseline.clone(),
        candidate: request.candidate.clone(),
        split: plan.split.clone(),
        resamples: request.resamples,
        seed: request.seed,
        comparisons: p.len(),
        datasets: compared,
    })
}

fn known(kind: &str, name: &str, known: &[&str]) -> Result<()> {
    if known.contains(&name) {
        return Ok(());
    }
    let error = Error::usage(format!("the run has no {kind} `{name}`"));
    Err(match near_miss(name, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("it has: {}", known.join(", "))),
    })
}

/// The metrics asked for, each with the values that the run has of it.
fn metrics(registry: &Registry, lock: &Lock, plan: &Plan, names: &[String]) -> Result<Vec<ScoreMetric>> {
    let families: Vec<String> = plan.metrics.iter().map(|metric| metric.name.clone()).collect();
    let chosen: &[String] = if names.is_empty() || names.iter().any(|name| name == "all") { &families } else { names };
    let mut metrics = metric_specs(registry, lock, chosen, None, &mut Vec::new())?;
    for metric in &mut metrics {
        let entry = &metric.spec.entry;
        let planned = plan.metrics.iter().find(|planned| planned.name == *entry).ok_or_else(|| {
            Error::usage(format!("the run has no metric `{entry}`")).help(format!("it has: {}", families.join(", ")))
        })?;
        let whole = names.is_empty() || names.iter().any(|name| name == entry || name == "all");
        if whole {
            metric.values.clone_from(&planned.values);
        }
        if let Some(value) =
            metric.values.iter().find(|value| !planned.values.is_empty() && !planned.values.contains(value))
        {
            return Err(Error::usage(format!("the run has no metric `{value}`"))
                .help(format!("of {entry} it has: {}", planned.values.join(", "))));
        }
    }
    Ok(metrics)
}

type Compared = Result<(usize, Vec<PairedComparison>), String>;

fn one(
    run: &RunDir,
    dataset: &str,
    metric: ScoreMetric,
    request: &ComparisonRequest,
    reporter: &Reporter,
) -> Result<Compared> {
    let cell = |model: &String| ScoredCell {
        model: model.clone(),
        scores: run.score_file(dataset, model, &metric.spec.entry),
        items: run.item_scores_file(dataset, model),
        statistics: run.statistics_file(dataset, model),
    };
    for model in [&request.baseline, &request.candidate] {
        if let Some(failure) = run.failure(dataset, model) {
            return Ok(Err(format!("{model} failed on {dataset}: {}", failure.reason)));
        }
    }
    let (baseline, candidate) = (cell(&request.baseline), cell(&request.candidate));
    let command = Command::Compare { metric, baseline, candidate, resamples: request.resamples, seed: request.seed };
    Ok(match one_answer(&command, request.limits, request.threads, reporter)? {
        Ok(Event::Compared { items, values }) => Ok((items, values)),
        Ok(_) => Err("the worker gave another answer than was asked for".to_owned()),
        Err(error) => Err(error.to_string()),
    })
}
