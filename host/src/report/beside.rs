//! Published figures beside a run's own: read from a TOML file (`host/data/study-tables.toml` says its form), made rows of the same tables and
//! marked as published. Captioners' are by dataset and metric, recommenders' by dataset and value.

use super::cell::{Cell, Print};
use super::collect::{DatasetScores, ScoredMetric};
use super::table::{Row, Tuning};
use crate::error::{Error, Result};
use indexmap::IndexMap;
use serde::Deserialize;
use std::path::Path;

/// The study's figures, which come with the program under the name `study`.
const STUDY: &str = include_str!("../../data/study-tables.toml");

/// Figures of some publication.
#[derive(Debug, Clone)]
pub struct Published {
    /// Where they are from.
    pub source: String,
    datasets: IndexMap<String, PublishedTable>,
    experiment: Option<PublishedExperiment>,
}

#[derive(Debug, Clone, Deserialize)]
struct File {
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    captioning: IndexMap<String, PublishedTable>,
    recommendation: Option<PublishedExperiment>,
}

/// `[recommendation]`: recommenders on one dataset, in one or several settings. Not scaled.
#[derive(Debug, Clone, Deserialize)]
struct PublishedExperiment {
    dataset: String,
    /// Values by the names that `host recommend` gives them.
    columns: Vec<String>,
    rows: Vec<String>,
    /// By setting, such as `original` and `completed`: a list a row, a figure a column.
    #[serde(flatten)]
    settings: IndexMap<String, Vec<Vec<f64>>>,
}

impl PublishedExperiment {
    fn check(&self) -> Result<(), String> {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        for (setting, lists) in &self.settings {
            if lists.len() != rows {
                return Err(format!("[recommendation] {setting}: {} lists for {rows} rows", lists.len()));
            }
            if let Some((list, row)) = lists.iter().zip(&self.rows).find(|(list, _)| list.len() != columns) {
                let found = list.len();
                return Err(format!("[recommendation] {setting}, {row:?}: {found} figures for {columns} columns"));
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Deserialize)]
struct PublishedTable {
    #[serde(default)]
    columns: Vec<String>,
    #[serde(flatten)]
    models: IndexMap<String, IndexMap<String, Figures>>,
}

/// As printed, × 100.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Figures {
    Listed(Vec<f64>),
    Named(IndexMap<String, f64>),
}

impl Published {
    /// `study`, or a file.
    ///
    /// # Errors
    /// The file cannot be read, or is not of the form.
    pub fn read(name: &str) -> Result<Published> {
        let (text, place) = match name {
            "study" => (STUDY.to_owned(), "the study's tables".to_owned()),
            path => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Error::usage(Error::io("read", Path::new(path), &error).message)
                        .help("--beside takes `study`, or a TOML file of the form of host/data/study-tables.toml")
                })?;
                (text, path.to_owned())
            }
        };
        let bad = |message: String| {
            Error::usage(format!("{place}: {message}")).help(
                "[captioning.DATASET] has `columns` and rows such as \"MODEL\" = { pt = [0.3, …], ft = [40.8, …] }; [recommendation] has \
                 `dataset`, `columns`, `rows` and settings such as original = [[0.1, …], …]",
            )
        };
        let file: File = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
        for (dataset, table) in &file.captioning {
            for (model, variants) in &table.models {
                for figures in variants.values() {
                    if let Figures::Listed(list) = figures
                        && list.len() != table.columns.len()
                    {
                        let (found, wanted) = (list.len(), table.columns.len());
                        return Err(bad(format!(
                            "[captioning.{dataset}] {model:?}: {found} figures for {wanted} columns"
                        )));
                    }
                }
            }
        }
        file.recommendation.as_ref().map_or(Ok(()), PublishedExperiment::check).map_err(&bad)?;
        if file.captioning.is_empty() && file.recommendation.is_none() {
            return Err(bad("it has neither [captioning.DATASET] nor [recommendation]".to_owned()));
        }
        let File { source, captioning, recommendation } = file;
        Ok(Published { source: source.unwrap_or(place), datasets: captioning, experiment: recommendation })
    }

    /// What the file has of recommenders on this dataset, as rows of an experiment's table (Model, Users, then these values), and what is to be said
    /// of them.
    pub fn of_experiment(&self, dataset: &str, values: &[String]) -> (Vec<Row>, String) {
        let note =
            |absent: &str| format!("† Published, not computed here: {}.{absent}", self.source.trim_end_matches('.'));
        let Some(experiment) = self.experiment.as_ref().filter(|experiment| experiment.dataset == dataset) else {
            let what = self.experiment.as_ref().map_or_else(
                || " It has no recommenders.".to_owned(),
                |experiment| format!(" Its recommenders are on {}, and this is {dataset}.", experiment.dataset),
            );
            return (Vec::new(), note(&what));
        };
        let column = |value: &String| experiment.columns.iter().position(|column| column == value);
        if values.iter().all(|value| column(value).is_none()) {
            return (Vec::new(), note(&format!(" Its values are {}.", experiment.columns.join(", "))));
        }
        let mut rows = Vec::new();
        for (place, name) in experiment.rows.iter().enumerate() {
            for (setting, lists) in &experiment.settings {
                let label = match setting.as_str() {
                    "original" => name.clone(),
                    other => format!("{name}, {other}"),
                };
                let figure = |value| match column(value) {
                    Some(column) => Cell::number(lists[place][column], Print::plain(5)),
                    None => Cell::Missing,
                };
                let cells = [Cell::text(label), Cell::Empty].into_iter().chain(values.iter().map(figure)).collect();
                rows.push(Row { cells, published: true, tuning: None });
            }
        }
        (rows, note(""))
    }

    /// What the file has of this dataset, as rows of its table; the columns are Model, Items, then the metrics.
    pub(super) fn rows(&self, dataset: &DatasetScores) -> Vec<Row> {
        let Some(table) = self.datasets.get(&dataset.dataset) else { return Vec::new() };
        let mut rows = Vec::new();
        for (model, variants) in &table.models {
            for (variant, figures) in variants {
                let cells: Vec<Cell> = dataset
                    .metrics
                    .iter()
                    .map(|metric| cell(metric, figure(metric, figures, &table.columns)))
                    .collect();
                if cells.iter().all(|cell| *cell == Cell::Missing) {
                    continue;
                }
                let adapter = (variant == "ft").then(|| "fine-tuned".to_owned());
                let tuning = matches!(variant.as_str(), "pt" | "ft").then(|| Tuning { base: model.clone(), adapter });
                let label = match variant.as_str() {
                    "pt" | "reported" => model.clone(),
                    "ft" => format!("{model}, fine-tuned"),
                    other => format!("{model}, {other}"),
                };
                let cells = [Cell::text(label), Cell::Empty].into_iter().chain(cells).collect();
                rows.push(Row { cells, published: true, tuning });
            }
        }
        rows
    }

    /// What is said below tables with published rows.
    pub(super) fn note(&self, datasets: &[DatasetScores]) -> String {
        let absent: Vec<&str> = datasets
            .iter()
            .map(|dataset| dataset.dataset.as_str())
            .filter(|dataset| !self.datasets.contains_key(*dataset))
            .collect();
        let absent = match absent.as_slice() {
            [] => String::new(),
            absent => format!(" It has none of {}.", absent.join(", ")),
        };
        format!("† Published, not computed here: {}.{absent}", self.source.trim_end_matches('.'))
    }
}

fn figure(metric: &ScoredMetric, figures: &Figures, columns: &[String]) -> Option<f64> {
    let is_it = |name: &String| {
        let short = metric.value.short.as_ref().map(|short| short.to_lowercase());
        *name == metric.value.name || Some(name) == short.as_ref()
    };
    match figures {
        Figures::Listed(list) => columns.iter().position(is_it).map(|place| list[place]),
        Figures::Named(named) => named.iter().find(|(name, _)| is_it(name)).map(|(_, figure)| *figure),
    }
}

/// Printed as the publication prints it, whatever this metric's scale.
fn cell(metric: &ScoredMetric, figure: Option<f64>) -> Cell {
    let scale = metric.value.scale;
    figure.map_or(Cell::Missing, |figure| Cell::number(figure / scale, Print { scale, decimals: 1, signed: false }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::MetricValue;

    fn dataset(name: &str) -> DatasetScores {
        let values = [
            MetricValue::score("bleu-4", "BLEU-4"),
            MetricValue::score("attribute-precision", "Attr. P (MAP)").short("MAP"),
            MetricValue::score("rouge-l", "ROUGE-L"),
        ];
        let metrics = values.into_iter().map(|value| ScoredMetric { family: value.name.clone(), value }).collect();
        DatasetScores { dataset: name.into(), metrics, models: Vec::new() }
    }

    #[test]
    fn the_studys_rows_are_as_it_prints_them_and_marked() {
        let study = Published::read("study").unwrap();
        let rows = study.rows(&dataset("facad"));
        assert_eq!(rows.len(), 14);
        let printed = |row: &Row| row.printed().join(" ");
        assert_eq!(printed(&rows[1]), "BLIP-2-2.7B, fine-tuned †  3.7 24.6 19.7");
        assert_eq!(printed(&rows[13]), "SRFC (Yang et al.) †  6.8 9.5 24.2");
        assert!(rows.iter().all(|row| row.published));
        assert!(rows[13].tuning.is_none() && rows[1].tuning.as_ref().unwrap().base == "BLIP-2-2.7B");
        assert_eq!(study.rows(&dataset("hm")).len(), 12);
        assert!(study.rows(&dataset("fashiongen")).is_empty());
        assert!(study.note(&[dataset("fashiongen")]).contains("none of fashiongen"));
    }

    #[test]
    fn the_studys_recommenders_are_in_both_of_their_settings_and_on_their_dataset_only() {
        let study = Published::read("study").unwrap();
        let values = ["ndcg@5", "map@5", "map-elliot@5"].map(str::to_owned);
        let (rows, _) = study.of_experiment("hm", &values);
        assert_eq!(rows.len(), 20);
        let printed = |row: &Row| row.printed().join(" ");
        // Its MAP is Elliot's: the standard one stays empty.
        assert_eq!(printed(&rows[6]), "ItemKNN (k=20) †  0.05760 – 0.03557");
        assert_eq!(printed(&rows[13]), "Textual (SentenceBERT), completed †  0.02471 – 0.01246");
        let (none, note) = study.of_experiment("shop", &values);
        assert!(none.is_empty() && note.contains("on hm, and this is shop"), "{note}");
        let (none, note) = study.of_experiment("hm", &["recall@20".to_owned()]);
        assert!(none.is_empty() && note.contains("map-elliot@12"), "{note}");
    }

    #[test]
    fn a_file_of_the_form_works_and_others_are_refused_with_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        let name = path.display().to_string();
        std::fs::write(
            &path,
            "[captioning.x]\ncolumns = [\"rouge-l\"]\nbest = { reported = [12.5], other = { bleu-4 = 1 } }\n",
        )
        .unwrap();
        let rows = Published::read(&name).unwrap().rows(&dataset("x"));
        assert_eq!(
            rows.iter().map(|row| row.printed().join(" ")).collect::<Vec<_>>(),
            ["best †  – – 12.5", "best, other †  1.0 – –"]
        );
        std::fs::write(&path, "[captioning.x]\ncolumns = [\"a\", \"b\"]\nm = { pt = [1.0] }\n").unwrap();
        assert!(Published::read(&name).unwrap_err().message.contains("[captioning.x] \"m\": 1 figures for 2 columns"));
        std::fs::write(
            &path,
            "[recommendation]\ndataset = \"x\"\ncolumns = [\"ndcg@5\"]\nrows = [\"a\", \"b\"]\noriginal = [[0.1], [0.2, 0.3]]\n",
        )
        .unwrap();
        assert!(Published::read(&name).unwrap_err().message.contains("original, \"b\": 2 figures for 1 columns"));
        std::fs::write(&path, "[captioning\n").unwrap();
        assert!(Published::read(&name).unwrap_err().message.contains("own.toml"));
        assert!(Published::read("studdy").unwrap_err().to_string().contains("--beside takes `study`"));
    }
}
