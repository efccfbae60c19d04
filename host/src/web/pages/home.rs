//! The first page: every run with its datasets, models and corpus scores.

use super::super::cards::printed;
use super::super::index::{Dataset, Snapshot};
use super::super::links::Links;
use super::{Crumb, Shell};
use askama::Template;

#[derive(Template)]
#[template(path = "web/home.html")]
pub struct HomePage {
    pub shell: Shell,
    pub runs: Vec<RunSummary>,
}

pub struct RunSummary {
    pub name: String,
    pub about: String,
    /// Done and all, where something is still missing.
    pub progress: Option<(usize, usize)>,
    pub trouble: Option<String>,
    pub datasets: Vec<DatasetSummary>,
    /// Downloads of what people wrote: label and address.
    pub downloads: Vec<(String, String)>,
}

pub struct DatasetSummary {
    pub name: String,
    pub items: usize,
    pub href: String,
    /// Blind comparison, where there are two models.
    pub vote: Option<String>,
    pub headings: Vec<String>,
    pub rows: Vec<ModelSummary>,
}

pub struct ModelSummary {
    pub model: String,
    pub captions: usize,
    pub failed: usize,
    pub failure: Option<String>,
    pub scores: Vec<ScoreSummary>,
}

pub struct ScoreSummary {
    pub text: String,
    pub interval: Option<String>,
    pub best: bool,
}

impl HomePage {
    pub fn new(mut shell: Shell, runs: Vec<RunSummary>) -> HomePage {
        shell.crumbs = vec![Crumb::here("Runs")];
        HomePage { shell, runs }
    }
}

impl RunSummary {
    pub fn new(name: &str, snapshot: &Snapshot, links: &Links) -> RunSummary {
        let plan = &snapshot.plan;
        let downloads = match links.is_export() {
            true => Vec::new(),
            false => ["notes", "votes"].map(|kind| (kind.to_owned(), format!("{}{kind}.csv", links.run()))).into(),
        };
        RunSummary {
            name: name.to_owned(),
            about: format!(
                "{} split, {} on {}",
                plan.split,
                counted(plan.models.len(), "model"),
                counted(plan.datasets.len(), "dataset")
            ),
            progress: (snapshot.in_progress() && !links.is_export()).then(|| snapshot.progress()),
            trouble: snapshot.trouble.clone(),
            datasets: snapshot.datasets.iter().map(|dataset| DatasetSummary::new(dataset, links)).collect(),
            downloads,
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl DatasetSummary {
    fn new(dataset: &Dataset, links: &Links) -> DatasetSummary {
        let cells = &dataset.cells;
        let row = |cell: usize| {
            let own = &cells[cell];
            let scores = dataset.metrics.iter().map(|metric| {
                let Some(score) = own.corpus.get(&metric.name) else {
                    return ScoreSummary { text: "–".to_owned(), interval: None, best: false };
                };
                let sign = if metric.higher_is_better { 1.0 } else { -1.0 };
                let others = cells.iter().filter_map(|cell| cell.corpus.get(&metric.name));
                let best = cells.len() > 1 && others.clone().all(|other| score.value * sign >= other.value * sign);
                let interval = score.interval.map(|interval| {
                    format!("{}–{}", printed(interval.low, metric.scale), printed(interval.high, metric.scale))
                });
                ScoreSummary { text: printed(score.value, metric.scale), interval, best }
            });
            ModelSummary {
                model: own.model.clone(),
                captions: own.captions.captioned,
                failed: own.captions.failed,
                failure: own.failure.clone(),
                scores: scores.collect(),
            }
        };
        let vote = cells.len() > 1 && !links.is_export();
        DatasetSummary {
            name: dataset.name.clone(),
            items: dataset.items.len(),
            href: links.items(&dataset.name, ""),
            vote: vote.then(|| links.action(&dataset.name, "vote", "")),
            headings: dataset.metrics.iter().map(|metric| metric.heading.clone()).collect(),
            rows: (0..cells.len()).map(row).collect(),
        }
    }
}
