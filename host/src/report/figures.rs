//! The figures of a run's page: what is read from predictions, item scores, training logs and energy records, drawn with `plot`.

use super::cell::Cell;
use super::collect::{DatasetScores, Results};
use super::correlation::mean_correlations;
use super::plot::{self, Bar, Dot, DotRow, Svg, WIDTH, bars, dots, heat, histogram};
use super::table::{Row, Table};
use crate::energy::energy_of;
use crate::run::{Outcome, Plan, RunDir, Shard, read_items, read_predictions};
use crate::score::ItemLines;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Charts under one heading.
pub struct Section {
    pub id: &'static str,
    pub title: &'static str,
    /// What the charts show, in a sentence or two.
    pub text: String,
    /// Series by number, where colours mean models.
    pub legend: Vec<String>,
    pub charts: Vec<Figure>,
}

/// One chart and its caption.
pub struct Figure {
    pub caption: String,
    pub svg: Svg,
}

impl Figure {
    fn new(caption: String, draw: impl FnOnce(&str) -> Svg) -> Figure {
        let svg = draw(&caption);
        Figure { caption, svg }
    }
}

/// Categories that are drawn, the largest first.
const CATEGORIES: usize = 12;

/// One dataset's items as the run keeps them, and every model's scores of them.
struct Items<'a> {
    scores: &'a DatasetScores,
    references: Vec<String>,
    category: HashMap<String, String>,
    models: Vec<ModelItems>,
}

struct ModelItems {
    model: String,
    captions: Vec<String>,
    /// Per metric, per item of `ids`.
    ids: Vec<String>,
    values: Vec<Vec<Option<f64>>>,
}

/// All sections of a run for which there is something to show. `logs` are training logs beside those that the plan leads to.
pub fn sections(run: &RunDir, plan: &Plan, results: &Results, tables: &[Table], logs: &[PathBuf]) -> Vec<Section> {
    let all: Vec<Items<'_>> = results.datasets.iter().map(|dataset| read(run, dataset)).collect();
    let sections = [
        scores(results, tables),
        lengths(&all),
        categories(&all),
        correlations(&all),
        losses(plan, logs),
        energy(run.path()),
    ];
    sections.into_iter().filter(|section| !section.charts.is_empty()).collect()
}

/// What cannot be read is left out here; the notes below the tables say so.
fn read<'a>(run: &RunDir, dataset: &'a DatasetScores) -> Items<'a> {
    let items = read_items(&run.items_file(&dataset.dataset)).unwrap_or_default();
    let names: Vec<&str> = dataset.metrics.iter().map(|metric| metric.value.name.as_str()).collect();
    let models = dataset.models.iter().filter(|model| model.failure.is_none()).map(|model| {
        let file = run.predictions_file(&dataset.dataset, &model.model, Shard::WHOLE);
        let predictions = read_predictions(&file).map(|(predictions, _)| predictions).unwrap_or_default();
        let captions = predictions.into_iter().filter_map(|prediction| match prediction.outcome {
            Outcome::Caption { caption, .. } => Some(caption),
            Outcome::Failed { .. } => None,
        });
        let lines = ItemLines::read(&run.item_scores_file(&dataset.dataset, &model.model), &names);
        let (ids, values) = lines.map(|lines| (lines.ids, lines.values)).unwrap_or_default();
        ModelItems { model: model.model.clone(), captions: captions.collect(), ids, values }
    });
    Items {
        scores: dataset,
        models: models.collect(),
        category: items.iter().filter_map(|item| Some((item.id.clone(), item.category.clone()?))).collect(),
        references: items.into_iter().flat_map(|item| item.references).collect(),
    }
}

/// Every metric with all models and their intervals.
fn scores(results: &Results, tables: &[Table]) -> Section {
    let mut charts = Vec::new();
    for (dataset, table) in results.datasets.iter().zip(tables) {
        for (place, metric) in dataset.metrics.iter().enumerate() {
            let rows: Vec<DotRow> = table.rows.iter().filter_map(|row| dot_row(row, place + 2)).collect();
            if !rows.is_empty() {
                let caption = format!("{} on {}", metric.value.heading, dataset.dataset);
                charts.push(Figure::new(caption, |title| dots(title, &rows)));
            }
        }
    }
    let hollow = if results.beside.is_some() { " Hollow dots are published figures, not computed here." } else { "" };
    Section {
        id: "scores",
        title: "Scores with their intervals",
        text: format!("A dot is a model's score as in the table, its line the 95 % bootstrap interval.{hollow}"),
        legend: Vec::new(),
        charts,
    }
}

fn dot_row(row: &Row, place: usize) -> Option<DotRow> {
    let cell = row.cells.get(place)?;
    let Cell::Number(number) = cell else { return None };
    let scale = number.print.scale;
    let interval = number.interval.map(|interval| (interval.low * scale, interval.high * scale));
    let dot = Dot { value: number.value * scale, interval, series: 0, hollow: row.published };
    Some(DotRow { label: row.cells[0].printed(), dots: vec![dot], note: number.printed() })
}

/// How many words captions have, over how many references have.
fn lengths(all: &[Items<'_>]) -> Section {
    let words = |text: &String| text.split_whitespace().count();
    let mut charts = Vec::new();
    for items in all {
        let references: Vec<usize> = items.references.iter().map(words).collect();
        let models: Vec<(&str, Vec<usize>)> = items
            .models
            .iter()
            .map(|model| (model.model.as_str(), model.captions.iter().map(words).collect()))
            .collect();
        let mut every: Vec<usize> =
            models.iter().flat_map(|(_, lengths)| lengths).chain(&references).copied().collect();
        every.sort_unstable();
        // The longest hundredth shares the last bin, so that one text of a thousand words does not hide the rest.
        let usual = every.get((every.len() * 99 / 100).min(every.len().saturating_sub(1))).copied().unwrap_or(0);
        let step = (usual + 1).div_ceil(24).max(1);
        let bins = usual / step + 1;
        let shares = |lengths: &[usize]| -> Vec<f64> {
            let mut counts = vec![0usize; bins];
            lengths.iter().for_each(|length| counts[(length / step).min(bins - 1)] += 1);
            counts.iter().map(|count| *count as f64 / lengths.len().max(1) as f64).collect()
        };
        let labels: Vec<String> = (0..bins).map(|bin| (bin * step).to_string()).collect();
        let outline = shares(&references);
        for (model, lengths) in models.iter().filter(|(_, lengths)| !lengths.is_empty()) {
            let mean = lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
            let caption = format!("{model} on {}, {mean:.1} words on average", items.scores.dataset);
            charts.push(Figure::new(caption, |title| histogram(title, &shares(lengths), &outline, &labels)));
        }
    }
    Section {
        id: "lengths",
        title: "Lengths of captions",
        text: "Per cent of the captions (columns) and of the references (outline) by their number of words.".to_owned(),
        legend: Vec::new(),
        charts,
    }
}

/// Every metric's mean item value in the largest categories.
fn categories(all: &[Items<'_>]) -> Section {
    let mut charts = Vec::new();
    let mut legend: Vec<String> = Vec::new();
    for items in all {
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        items.category.values().for_each(|category| *sizes.entry(category).or_default() += 1);
        let mut largest: Vec<(&str, usize)> = sizes.into_iter().collect();
        largest.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        largest.truncate(CATEGORIES);
        if largest.len() < 2 {
            continue;
        }
        for (place, metric) in items.scores.metrics.iter().enumerate() {
            let mut rows: Vec<DotRow> = largest
                .iter()
                .map(|(name, size)| DotRow { label: (*name).to_owned(), dots: Vec::new(), note: size.to_string() })
                .collect();
            for model in items.models.iter().filter(|model| !model.ids.is_empty()) {
                let series = legend.iter().position(|name| *name == model.model).unwrap_or_else(|| {
                    legend.push(model.model.clone());
                    legend.len() - 1
                });
                let mut sums: HashMap<&str, (f64, usize)> = HashMap::new();
                for (id, value) in model.ids.iter().zip(&model.values[place]) {
                    if let (Some(category), Some(value)) = (items.category.get(id), value) {
                        let sum = sums.entry(category).or_default();
                        *sum = (sum.0 + value, sum.1 + 1);
                    }
                }
                for (row, (name, _)) in rows.iter_mut().zip(&largest) {
                    if let Some((sum, count)) = sums.get(name) {
                        let value = sum / *count as f64 * metric.value.scale;
                        row.dots.push(Dot { value, interval: None, series, hollow: false });
                    }
                }
            }
            if rows.iter().any(|row| !row.dots.is_empty()) {
                let caption = format!("{} on {} by category", metric.value.heading, items.scores.dataset);
                charts.push(Figure::new(caption, |title| dots(title, &rows)));
            }
        }
    }
    Section {
        id: "categories",
        title: "Scores by category",
        text: format!(
            "The mean of the items' own values in the {CATEGORIES} largest categories; at the right the number of items. For corpus metrics \
             such as BLEU the mean of items is not the corpus score."
        ),
        legend,
        charts,
    }
}

/// How metrics go together over items.
fn correlations(all: &[Items<'_>]) -> Section {
    let mut charts = Vec::new();
    for items in all {
        let metrics: Vec<String> = items.scores.metrics.iter().map(|metric| metric.value.heading.clone()).collect();
        let models: Vec<&[Vec<Option<f64>>]> =
            items.models.iter().filter(|model| model.ids.len() > 2).map(|model| model.values.as_slice()).collect();
        if metrics.len() < 2 || models.is_empty() {
            continue;
        }
        let matrix = mean_correlations(&models, metrics.len());
        let caption = format!("Correlations of metrics on {}", items.scores.dataset);
        charts.push(Figure::new(caption, |title| heat(title, &metrics, &matrix)));
    }
    Section {
        id: "correlations",
        title: "How the metrics agree",
        text: "Spearman's rank correlation of the items' values, for each model, then the mean over models. Columns are numbered as rows."
            .to_owned(),
        legend: Vec::new(),
        charts,
    }
}

/// A line of a training's log, as far as it is drawn.
#[derive(Deserialize)]
struct LogLine {
    step: f64,
    loss: Option<f64>,
    validation_loss: Option<f64>,
}

/// Losses of the trainings that made the run's adapters (`DIR/log.jsonl` of `DIR/adapter`), and of the logs given.
fn losses(plan: &Plan, logs: &[PathBuf]) -> Section {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for model in &plan.models {
        if let Some(folder) = model.adapter.as_ref().and_then(|adapter| Path::new(adapter).parent()) {
            found.push((model.name.clone(), folder.join("log.jsonl")));
        }
    }
    for log in logs {
        let path = if log.is_dir() { log.join("log.jsonl") } else { log.clone() };
        let name = path
            .parent()
            .and_then(Path::file_name)
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        found.push((name, path));
    }
    let mut charts = Vec::new();
    for (name, path) in found {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<LogLine> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let of = |value: fn(&LogLine) -> Option<f64>| -> Vec<(f64, f64)> {
            lines.iter().filter_map(|line| Some((line.step, value(line)?))).collect()
        };
        let training = of(|line| line.loss);
        if !training.is_empty() {
            let caption = format!("Loss a token of {name}");
            let validation = of(|line| line.validation_loss);
            charts.push(Figure::new(caption, |title| plot::losses(title, &training, validation)));
        }
    }
    Section {
        id: "losses",
        title: "Training",
        text: "Mean loss a token over the optimizer steps.".to_owned(),
        legend: Vec::new(),
        charts,
    }
}

/// What the run used, by part of the machine.
fn energy(run: &Path) -> Section {
    let (mut charts, mut text) = (Vec::new(), String::new());
    if let Some(energy) = energy_of(run) {
        let mut parts: Vec<(String, f64)> = Vec::new();
        let mut how: Vec<&str> = Vec::new();
        for part in energy.sessions.iter().flat_map(|session| &session.parts) {
            let source = part.how.split(':').next().unwrap_or(&part.how);
            let label = format!("{} ({source})", part.of);
            match parts.iter_mut().find(|(name, _)| *name == label) {
                Some((_, joules)) => *joules += part.joules,
                None => parts.push((label, part.joules)),
            }
            if !how.contains(&source) {
                how.push(source);
            }
        }
        text = format!(
            "{} in all, {:.3} kg CO₂e, over {:.0} s of work; from: {}.",
            watt_hours(energy.kwh * 1000.0),
            energy.kg_co2e,
            energy.seconds,
            how.join(", ")
        );
        let lengths: Vec<Bar> = parts
            .into_iter()
            .map(|(label, joules)| Bar { label, length: joules, note: watt_hours(joules / 3600.0) })
            .collect();
        charts.push(Figure::new("Energy by part of the machine".to_owned(), |title| bars(title, &lengths, WIDTH)));
    }
    Section { id: "energy", title: "Energy", text, legend: Vec::new(), charts }
}

fn watt_hours(wh: f64) -> String {
    if wh >= 1000.0 { format!("{:.2} kWh", wh / 1000.0) } else { format!("{wh:.2} Wh") }
}
