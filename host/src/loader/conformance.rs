//! `host plugin check`: does a plugin do what the interfaces promise, on small input made here? Weights are not needed.

use super::{Library, Plugin};
use crate::error::Result;
use crate::prepare::write_specimen;
use crate::score::Corpus;
use plugin_api::Device;
use plugin_api::abi::messages::{EncoderMessage, MetricMessage};
use std::time::Instant;

/// One thing that was tried, and how it went.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Finding {
    pub component: String,
    pub check: String,
    /// None: fine.
    pub problem: Option<String>,
    pub milliseconds: f64,
}

/// Opens the library and tries each component on what needs no files: metrics score a small corpus; the others are found and
/// described.
pub fn check(library: &Library) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let started = Instant::now();
    let plugin = library.open()?;
    let locked = plugin.locked();
    findings.push(finding("library", "opens, digest and ABI layout", started, None));
    for component in &locked.components {
        let name = format!("{} {}", component.kind, component.name);
        let started = Instant::now();
        let (check, problem) = match component.kind.as_str() {
            "metric" => ("scores a small corpus, in any order and in parts", check_metric(&plugin, &component.name)),
            "captioner" | "encoder" if component.model_types.is_empty() => (
                "declares the model types that it loads",
                Some("it declares none, so nobody can tell what it loads".to_owned()),
            ),
            "encoder" => {
                ("says what is wrong with a directory that holds no weights", check_encoder(&plugin, &component.name))
            }
            _ => ("is registered", None),
        };
        findings.push(finding(&name, check, started, problem));
    }
    if locked.components.is_empty() {
        findings.push(finding(
            "library",
            "registers a component",
            Instant::now(),
            Some("it registers none".to_owned()),
        ));
    }
    Ok(findings)
}

fn finding(component: &str, check: &str, started: Instant, problem: Option<String>) -> Finding {
    Finding {
        component: component.to_owned(),
        check: check.to_owned(),
        problem,
        milliseconds: started.elapsed().as_secs_f64() * 1e3,
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

fn check_metric(plugin: &Plugin, name: &str) -> Option<String> {
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
    let tried = || -> Result<Option<String>> {
        let mut metric = plugin.metric(Some(name), name, &message)?;
        corpus.observed_by(&mut metric)?;
        let whole = corpus.scored_by(&metric)?;
        let reversed = corpus.scored_in_order(&metric, &[2, 1, 0])?;
        let width = whole.width;
        for (item, other) in [(0, 2), (1, 1), (2, 0)] {
            let values = metric.values.len();
            let same = whole.values[item * values..][..values] == reversed.values[other * values..][..values];
            if !same {
                return Ok(Some(format!("item {} scores otherwise when items come in another order", item + 1)));
            }
        }
        let mut sum = vec![0.0; width];
        for row in whole.statistics.chunks_exact(width.max(1)) {
            for (total, value) in sum.iter_mut().zip(row) {
                *total += value;
            }
        }
        let values = metric.corpus(&sum, width)?;
        Ok(values.iter().any(|value| !value.is_finite()).then(|| "a corpus value is not a finite number".to_owned()))
    };
    match tried() {
        Ok(problem) => problem,
        Err(error) => Some(error.to_string()),
    }
}
