//! `host plugin check`, in a worker: does a plugin do what the interfaces promise, on small input made here? Weights are not needed.

use super::{Library, Metric, Plugin};
use crate::error::Result;
use crate::prepare::write_specimen;
use crate::registry::LockedComponent;
use crate::score::{Corpus, score_whole};
use crate::worker::details_of;
use plugin_api::abi::messages::{EncoderMessage, MetricMessage};
use plugin_api::{Device, MetricValue};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Instant;

/// One thing that was tried, and how it went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finding {
    pub component: String,
    pub check: String,
    /// None: fine.
    pub problem: Option<String>,
    pub milliseconds: f64,
}

/// How a check goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckNews {
    /// This is tried now: what is to blame, should the process end.
    Trying {
        component: String,
        check: String,
    },
    Found(Finding),
}

/// A metric of the registry: what a metric's values may be called depends on them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Family {
    pub name: String,
    /// Is it of the library that is checked?
    pub own: bool,
    /// The component that its entry names, if it does.
    pub component: Option<String>,
}

/// Opens the library and tries each component on what needs no files: metrics score a small corpus; the others are found and
/// described. Tells of all but the first `done` findings.
pub fn check(library: &Library, families: &[Family], done: usize, tell: &dyn Fn(CheckNews)) -> Result<()> {
    let trying = |component: &str, check: &str| {
        tell(CheckNews::Trying { component: component.to_owned(), check: check.to_owned() });
        Instant::now()
    };
    let found = |component: &str, check: &str, started: Instant, problem: Option<String>| {
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let (component, check) = (component.to_owned(), check.to_owned());
        tell(CheckNews::Found(Finding { component, check, problem, milliseconds }));
    };
    let opens = "opens, digest and ABI layout";
    let started = trying("library", opens);
    let plugin = library.open()?;
    let locked = plugin.locked();
    if done == 0 {
        found("library", opens, started, None);
    }
    let mut values = HashMap::new();
    for component in locked.components.iter().skip(done.saturating_sub(1)) {
        let name = format!("{} {}", component.kind, component.name);
        let what = what_is_tried(component);
        let started = trying(&name, what);
        let problem = match component.kind.as_str() {
            "metric" => check_metric(&plugin, &component.name, families, &mut values),
            "captioner" | "encoder" if component.model_types.is_empty() => {
                Some("it declares none, so nobody can tell what it loads".to_owned())
            }
            "encoder" => check_encoder(&plugin, &component.name),
            _ => None,
        };
        found(&name, what, started, problem);
    }
    if locked.components.is_empty() {
        found("library", "registers a component", Instant::now(), Some("it registers none".to_owned()));
    }
    Ok(())
}

fn what_is_tried(component: &LockedComponent) -> &'static str {
    match component.kind.as_str() {
        "metric" => "scores a small corpus, in any order and in parts",
        "captioner" | "encoder" if component.model_types.is_empty() => "declares the model types that it loads",
        "encoder" => "says what is wrong with a directory that holds no weights",
        _ => "is registered",
    }
}

/// Weights are not at hand: what can be tried is that loading none is an error, and no panic.
fn check_encoder(plugin: &Plugin, name: &str) -> Option<String> {
    let empty = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return Some(format!("no folder can be made to try it with: {error}")),
    };
    let message = EncoderMessage {
        weights: empty.path().to_owned(),
        adapter: None,
        device: Device::Cpu,
        threads: 1,
        settings: serde_json::Value::Object(Default::default()),
    };
    match plugin.encoder(Some(name), name, &message) {
        Ok(_) => Some("it loads an empty directory as if it were a model".to_owned()),
        Err(error) if error.message.contains("panicked") => Some(error.message),
        Err(_) => None,
    }
}

/// `values` are those of the plugin's metrics before this one, with the metric of each.
fn check_metric(
    plugin: &Plugin,
    name: &str,
    families: &[Family],
    values: &mut HashMap<String, String>,
) -> Option<String> {
    let corpus = Corpus::from_texts(&[
        ("1", "a red dress with long sleeves", &["a long red dress", "red dress, long sleeves"]),
        ("2", "", &["blue jeans"]),
        ("3", "two striped shirts \u{1f455}", &["a striped shirt"]),
    ]);
    let prepared = tempfile::tempdir().ok();
    let dataset = prepared.as_ref().map(|folder| folder.path().to_owned());
    if let Some(Err(error)) = dataset.as_deref().map(write_specimen) {
        return Some(error.to_string());
    }
    let message = MetricMessage {
        dataset,
        assets: crate::score::assets_dir(),
        settings: serde_json::Value::Object(Default::default()),
    };
    let own: Vec<&str> = families
        .iter()
        .filter(|family| family.own)
        .filter(|family| {
            plugin.component("metric", family.component.as_deref(), &family.name).is_ok_and(|meant| meant == name)
        })
        .map(|family| family.name.as_str())
        .collect();
    let own = if own.is_empty() { vec![name] } else { own };
    let mut tried = || -> Result<Option<String>> {
        let mut metric = plugin.metric(Some(name), name, &message)?;
        if let Some(problem) = taken(&metric.values, &own, families) {
            return Ok(Some(problem));
        }
        for value in &metric.values {
            if let Some(other) = values.insert(value.name.clone(), name.to_owned()) {
                return Ok(Some(format!("its value `{}` is one of the plugin's metric `{other}` too", value.name)));
            }
        }
        depends_on_company(&mut metric, &corpus)
    };
    match tried() {
        Ok(problem) => problem,
        Err(error) => Some(error.to_string()),
    }
}

/// A value that cannot be asked for, since its name means another metric.
fn taken(values: &[MetricValue], own: &[&str], families: &[Family]) -> Option<String> {
    let names = families.iter().map(|family| family.name.as_str()).chain(own.iter().copied());
    values.iter().find_map(|value| {
        let means = |family: &&str| {
            value.name.strip_prefix(*family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let family = names.clone().filter(means).max_by_key(|family| family.len())?;
        (!own.contains(&family)).then(|| {
            format!(
                "its value `{0}` cannot be asked for: `--metrics {0}` means the metric `{family}` of the registry",
                value.name
            )
        })
    })
}

/// Does what the metric gives for an item or a sum depend on what is asked for with it? And can all of it be saved?
fn depends_on_company(metric: &mut Metric, corpus: &Corpus) -> Result<Option<String>> {
    let scored = score_whole(metric, corpus, None)?;
    details_of(&scored, corpus)?;
    let whole = scored.items;
    let (values, width) = (metric.values.len(), whole.width);
    let places: Vec<usize> = (0..corpus.len()).rev().collect();
    let reversed = corpus.scored_in_order(metric, &places)?;
    let mut sums = vec![0.0; width];
    let mut running = Vec::new();
    for item in 0..corpus.len() {
        let row = |numbers: &[f64], width: usize, place: usize| numbers[place * width..][..width].to_vec();
        let of = |scores: &super::BatchScores, place: usize| {
            (row(&scores.values, values, place), row(&scores.statistics, scores.width, place))
        };
        if of(&whole, item) != of(&reversed, corpus.len() - 1 - item) {
            return Ok(Some(format!("item {} scores otherwise when items come in another order", item + 1)));
        }
        if of(&whole, item) != of(&corpus.scored_in_order(metric, &[item])?, 0) {
            return Ok(Some(format!("item {} scores otherwise when it is asked for alone", item + 1)));
        }
        sums.iter_mut().zip(row(&whole.statistics, width, item)).for_each(|(sum, value)| *sum += value);
        running.extend_from_slice(&sums);
    }
    let together = metric.corpus(&running, width)?;
    for (sum, together) in running.chunks_exact(width.max(1)).zip(together.chunks_exact(values)) {
        let alone = metric.corpus(sum, width)?;
        // A part of a corpus may have no value: the same bits are no value either.
        if alone.iter().zip(together).any(|(alone, together)| alone.to_bits() != together.to_bits()) {
            return Ok(Some("a corpus value depends on which sums are asked for with it".to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_not_be_named_as_another_metrics() {
        let family = |name: &str, own| Family { name: name.to_owned(), own, component: None };
        let families = [family("bleu", false), family("words", true)];
        let said = |name: &str, own: &[&str]| taken(&[MetricValue::score(name, "")], own, &families);
        assert!(said("bleu-1", &["words"]).is_some_and(|said| said.contains("means the metric `bleu`")));
        assert!(said("bleu", &["words"]).is_some());
        assert_eq!(said("bleu-fast-1", &["bleu-fast"]), None);
        assert_eq!(said("bleu-1", &["bleu"]), None);
        assert_eq!(said("bleurt", &["words"]), None);
        assert_eq!(said("anything", &["words"]), None);
    }
}
