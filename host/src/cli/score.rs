//! `host score`

use super::Done;
use super::common::Common;
use super::printing::{print, print_document};
use crate::error::{Error, Result};
use crate::eval::{metric_specs, prepared};
use crate::loader::{Notice, listen};
use crate::progress::tell;
use crate::score::{Corpus, RESAMPLES, Resampler, ScoreInput, ScoredFamily, score_whole};
use crate::worker::Reported;
use clap::Args;
use plugin_api::LogLevel;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    override_usage = "host score [OPTIONS] --input <FILE>\n       host score [OPTIONS] --results <FILE> --references <FILE>"
)]
pub struct Arguments {
    /// JSON Lines of {"id", "candidate", "references": […], "category": "…"}, the last where category-accuracy is asked for; - is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "results", conflicts_with_all = ["results", "references"])]
    input: Option<PathBuf>,
    /// COCO-style captions: [{"image_id", "caption"}]
    #[arg(long, value_name = "FILE", requires = "references")]
    results: Option<PathBuf>,
    /// COCO-style references: {"annotations": [{"image_id", "caption"}]}
    #[arg(long, value_name = "FILE", requires = "results")]
    references: Option<PathBuf>,
    /// Metrics, separated by commas: families (bleu), values (bleu-4) or `all`
    #[arg(long, value_delimiter = ',', default_value = "all")]
    metrics: Vec<String>,
    /// The prepared dataset whose attribute vocabulary and category classifier the metrics use
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Print {"corpus": {…}, "items": […]}, unscaled
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print a line of CSV an item, unscaled
    #[arg(long)]
    csv: bool,
}

/// One reported value: its name, corpus score and items' scores.
struct Scored<'a> {
    family: &'a ScoredFamily,
    place: usize,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let mut skipped = Vec::new();
    let folder = match &arguments.dataset {
        Some(name) => Some(prepared(&registry, name)?.map(|prepared| prepared.folder).ok_or_else(|| {
            Error::usage(format!("dataset `{name}` is not prepared")).help(format!("host prepare {name}"))
        })?),
        None => None,
    };
    let unprepared = folder.is_none().then_some("DATASET, then --dataset DATASET");
    let mut metrics = metric_specs(&registry, &lock, &arguments.metrics, unprepared, &mut skipped)?;
    for metric in &mut metrics {
        metric.spec.message.dataset = folder.clone();
    }
    listen(|notice| {
        if let Notice::Log { level: LogLevel::Warning | LogLevel::Error, message } = notice {
            tell(&format!("warning: {message}"));
        }
    });
    // Libraries are opened while the texts are read: neither needs the other.
    let (made, input) = rayon::join(
        || {
            let make = |metric: &crate::worker::ScoreMetric| -> Result<_> {
                let spec = &metric.spec;
                let made = spec.library.open()?.metric(spec.component.as_deref(), &spec.entry, &spec.message);
                made.map_err(|error| error.context(format!("metric {}", spec.entry)))
            };
            metrics.iter().map(make).collect::<Result<Vec<_>>>()
        },
        || match (&arguments.input, &arguments.results, &arguments.references) {
            (Some(input), _, _) => ScoreInput::json_lines(input),
            (None, Some(results), Some(references)) => ScoreInput::coco(results, references),
            _ => {
                Err(Error::usage("there is nothing to score").help("give --input FILE, or --results F --references F"))
            }
        },
    );
    let (input, mut made) = (input?, made?);
    let reporter = common.reporter();
    skipped.iter().for_each(|skipped| reporter.note(&skipped.to_string()));
    let mut reported = Reported::default();
    for (made, metric) in made.iter().zip(&metrics) {
        if let Some(name) = metric.values.iter().find(|name| made.values.iter().all(|value| value.name != **name)) {
            let known: Vec<&str> = made.values.iter().map(|value| value.name.as_str()).collect();
            return Err(
                Error::usage(format!("there is no metric `{name}`")).help(format!("there are: {}", known.join(", ")))
            );
        }
        reported.add(metric, &made.values)?;
    }
    let corpus = Corpus::new(input.items);
    // Intervals are for people; JSON and CSV are for programs, which have the items.
    let resampler =
        (!arguments.json && !arguments.csv).then_some(Resampler { resamples: RESAMPLES, seed: common.seed });
    let (mut families, mut failed) = (Vec::new(), Vec::new());
    for (made, metric) in made.iter_mut().zip(&metrics) {
        match score_whole(made, &corpus, resampler) {
            Ok(family) => families.push((family, metric)),
            Err(error) => failed.push(error.context(format!("metric {}", metric.spec.entry))),
        }
    }
    // Of one metric the error is the answer; of many it costs that one's values.
    let last = if families.is_empty() { failed.pop() } else { None };
    failed.iter().for_each(|error| reporter.warn(&error.to_string()));
    if let Some(error) = last {
        return Err(error);
    }
    let mut scored = Vec::new();
    for (family, metric) in &families {
        let places = (0..family.values.len()).filter(|place| metric.reports(&family.values[*place].name));
        scored.extend(places.map(|place| Scored { family, place }));
    }
    if arguments.json {
        print_scores(&scored, &input.ids)
    } else if arguments.csv {
        print_csv(&scored, &corpus)
    } else {
        print_table(&scored, corpus.len())
    }?;
    Ok(if failed.is_empty() { Done::All } else { Done::SomeFailed })
}

impl Scored<'_> {
    fn name(&self) -> &str {
        &self.family.values[self.place].name
    }

    fn item(&self, item: usize) -> f64 {
        self.family.items.values[item * self.family.values.len() + self.place]
    }
}

/// Written piece by piece: 100,000 items never stand in memory twice.
fn print_scores(scored: &[Scored<'_>], ids: &[serde_json::Value]) -> Result<()> {
    print_document(|out| {
        out.write_all(b"{\"corpus\":{")?;
        for (place, value) in scored.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(out, "{comma}\"{}\":{}", value.name(), number(value.family.corpus[value.place].value))?;
        }
        out.write_all(b"},\"items\":[")?;
        for (item, id) in ids.iter().enumerate() {
            let comma = if item > 0 { ",\n" } else { "" };
            write!(out, "{comma}{{\"id\":{id}")?;
            for value in scored {
                write!(out, ",\"{}\":{}", value.name(), number(value.item(item)))?;
            }
            out.write_all(b"}")?;
        }
        out.write_all(b"]}\n")
    })
}

fn number(value: f64) -> serde_json::Value {
    serde_json::Value::from(value)
}

fn print_csv(scored: &[Scored<'_>], corpus: &Corpus) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fail = |error: csv::Error| Error::failed(format!("cannot print: {error}"));
    writer.write_record(std::iter::once("id").chain(scored.iter().map(Scored::name))).map_err(fail)?;
    for item in 0..corpus.len() {
        let values = scored.iter().map(|value| value.item(item).to_string());
        writer.write_record(std::iter::once(corpus.id(item).to_owned()).chain(values)).map_err(fail)?;
    }
    let bytes = writer.into_inner().map_err(|error| Error::failed(format!("cannot print: {error}")))?;
    print(&String::from_utf8_lossy(&bytes))
}

fn print_table(scored: &[Scored<'_>], items: usize) -> Result<()> {
    let width = scored.iter().map(|value| value.family.values[value.place].heading.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for value in scored {
        let described = &value.family.values[value.place];
        let score = value.family.corpus[value.place];
        let pad = " ".repeat(width - described.heading.chars().count());
        let _ = write!(text, "{}{pad}  {:6.2}", described.heading, score.value * described.scale);
        if let Some(interval) = score.interval {
            let _ = write!(text, "  [{:.2}, {:.2}]", interval.low * described.scale, interval.high * described.scale);
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "\n{items} items. Scores are multiplied by 100 (where they are scores); in brackets 95 % bootstrap intervals ({RESAMPLES} resamples)."
    );
    print(&text)
}
