//! Components of open plugins, with plain Rust in and out: this and `training` are the only places that touch ABI types.

use super::Plugin;
use super::notices::callbacks;
use crate::error::{Error, Result};
use abi_stable::std_types::{RResult, RSlice, RStr};
use plugin_api::abi::messages::{CaptionerMessage, DatasetMessage, MetricMessage};
use plugin_api::abi::{
    AssetInterface, CaptionerBox, CaptionerInterface, DatasetBox, DatasetInterface, Failure, ImageRef, ItemErrorOut,
    ItemOut, ItemSink, ItemSink_TO, MetricBox, MetricInterface, MetricItemRef, ReferenceSetRef,
};
use plugin_api::abi::{BenchInterface, WeightsInterface};
use plugin_api::{BenchReport, BenchRequest, ModelSource, WeightsReport};
use plugin_api::{Caption, CaptionInput, CaptionerDescription, ImageSource, Item, ItemError, MetricValue, PluginError};
use serde::Serialize;
use std::path::Path;

pub(super) fn plain<T>(result: RResult<T, Failure>) -> Result<T, PluginError> {
    result.into_result().map_err(PluginError::from)
}

pub(super) fn json<T: Serialize>(message: &T) -> Result<String> {
    serde_json::to_string(message)
        .map_err(|error| Error::failed(format!("cannot write a message to a plugin: {error}")))
}

fn understood<T: serde::de::DeserializeOwned>(report: &str) -> Result<T> {
    serde_json::from_str(report)
        .map_err(|error| Error::failed(format!("the plugin's report is not understood: {error}")))
}

impl Plugin {
    /// Which component of a kind an entry means: the one it names, else the one of the entry's own name, else the only one.
    pub(super) fn component(&self, kind: &str, named: Option<&str>, entry: &str) -> Result<String> {
        let locked = self.locked();
        let of_kind: Vec<&str> = locked
            .components
            .iter()
            .filter(|component| component.kind == kind)
            .map(|component| component.name.as_str())
            .collect();
        let chosen = match named {
            Some(name) => of_kind.contains(&name).then_some(name),
            None if of_kind.contains(&entry) => Some(entry),
            None if of_kind.len() == 1 => Some(of_kind[0]),
            None => None,
        };
        chosen.map(str::to_owned).ok_or_else(|| {
            let wanted = named.unwrap_or(entry);
            Error::usage(format!("plugin `{}` has no {kind} `{wanted}`", locked.name)).help(if of_kind.is_empty() {
                format!("it has no {kind} at all")
            } else {
                format!("name one with `component = \"…\"`; it has: {}", of_kind.join(", "))
            })
        })
    }

    /// Installs one of the plugin's assets from a file; returns what it says of it.
    pub fn install_asset(&self, asset: &str, file: &Path, folder: &Path) -> Result<String> {
        let interface = self.interface::<AssetInterface>()?;
        let (file, folder) = (file.to_string_lossy(), folder.to_string_lossy());
        let installed =
            (interface.install)(RStr::from_str(asset), RStr::from_str(&file), RStr::from_str(&folder), callbacks());
        Ok(plain(installed)?.into_string())
    }

    /// Loads a captioner.
    pub fn captioner(&self, named: Option<&str>, entry: &str, message: &CaptionerMessage) -> Result<Captioner> {
        let interface = self.interface::<CaptionerInterface>()?;
        let component = self.component("captioner", named, entry)?;
        let object = (interface.create)(RStr::from_str(&component), RStr::from_str(&json(message)?), callbacks());
        Ok(Captioner(plain(object)?))
    }

    /// Asks what a model needs, without loading it.
    pub fn inspect(&self, named: Option<&str>, entry: &str, source: &ModelSource) -> Result<WeightsReport> {
        let interface = self.interface::<WeightsInterface>()?;
        let component = self.component("captioner", named, entry)?;
        let report = (interface.inspect)(RStr::from_str(&component), RStr::from_str(&json(source)?), callbacks());
        understood(&plain(report)?)
    }

    /// Measures a model.
    pub fn bench(&self, named: Option<&str>, entry: &str, request: &BenchRequest) -> Result<BenchReport> {
        let interface = self.interface::<BenchInterface>()?;
        let component = self.component("captioner", named, entry)?;
        let report = (interface.run)(RStr::from_str(&component), RStr::from_str(&json(request)?), callbacks());
        understood(&plain(report)?)
    }

    /// Opens a dataset.
    pub fn dataset(&self, named: Option<&str>, entry: &str, message: &DatasetMessage) -> Result<Dataset> {
        let interface = self.interface::<DatasetInterface>()?;
        let component = self.component("dataset", named, entry)?;
        let object = (interface.create)(RStr::from_str(&component), RStr::from_str(&json(message)?), callbacks());
        Ok(Dataset(plain(object)?))
    }

    /// Makes a metric.
    pub fn metric(&self, named: Option<&str>, entry: &str, message: &MetricMessage) -> Result<Metric> {
        let interface = self.interface::<MetricInterface>()?;
        let component = self.component("metric", named, entry)?;
        let object = (interface.create)(RStr::from_str(&component), RStr::from_str(&json(message)?), callbacks());
        let object = plain(object)?;
        let values = plain(object.values())?;
        let values: Vec<MetricValue> = serde_json::from_str(&values)
            .map_err(|error| Error::usage(format!("metric `{component}` describes its values wrongly: {error}")))?;
        match misnamed(&values) {
            Some(what) => Err(Error::usage(format!("metric `{component}` {what}"))),
            None => Ok(Metric { values, object }),
        }
    }
}

/// What is wrong with the names of a metric's values, if anything: items and tables have their scores under these.
fn misnamed(values: &[MetricValue]) -> Option<String> {
    if values.is_empty() {
        return Some("names no value, so that nothing could be reported of it".to_owned());
    }
    if values.iter().any(|value| value.name.trim().is_empty()) {
        return Some("has a value without a name".to_owned());
    }
    if let Some(value) = values.iter().find(|value| matches!(value.name.as_str(), "id" | "details")) {
        return Some(format!("has a value of the name `{}`, which an item's scores have already", value.name));
    }
    let twice = (1..values.len()).find(|place| values[..*place].iter().any(|other| other.name == values[*place].name));
    twice.map(|place| format!("has two values of the name `{}`", values[place].name))
}

/// A loaded captioner.
pub struct Captioner(CaptionerBox);

impl Captioner {
    pub fn describe(&self) -> Result<CaptionerDescription, PluginError> {
        let text = plain(self.0.describe())?;
        serde_json::from_str(&text)
            .map_err(|error| PluginError::internal(format!("the captioner describes itself wrongly: {error}")))
    }

    /// Prepares a batch and returns its number.
    pub fn prepare(&self, inputs: &[CaptionInput<'_>]) -> Result<u64, PluginError> {
        let images: Vec<ImageRef<'_>> = inputs
            .iter()
            .map(|input| ImageRef {
                width: input.image.width,
                height: input.image.height,
                rgb: RSlice::from_slice(input.image.rgb),
                seed: input.seed,
            })
            .collect();
        plain(self.0.prepare(RSlice::from_slice(&images)))
    }

    /// Captions a prepared batch of `expected` images.
    pub fn generate(&self, batch: u64, expected: usize) -> Result<Vec<Caption>, PluginError> {
        let captions: Vec<Caption> = plain(self.0.generate(batch))?.into_iter().map(Caption::from).collect();
        if captions.len() != expected {
            return Err(PluginError::internal(format!(
                "the captioner gave {} captions for {expected} images",
                captions.len()
            )));
        }
        Ok(captions)
    }
}

/// An open dataset.
pub struct Dataset(DatasetBox);

struct Sink<F>(F);

impl<F: FnMut(Result<Item, ItemError>) -> bool> ItemSink for Sink<F> {
    fn take(&mut self, record: RResult<ItemOut, ItemErrorOut>) -> bool {
        (self.0)(match record {
            RResult::ROk(item) => Ok(item.into()),
            RResult::RErr(error) => Err(error.into()),
        })
    }
}

impl Dataset {
    /// Streams every record; the sink returns false to stop.
    pub fn read(&self, sink: impl FnMut(Result<Item, ItemError>) -> bool) -> Result<(), PluginError> {
        plain(self.0.read(ItemSink_TO::from_value(Sink(sink), abi_stable::sabi_trait::TD_Opaque)))
    }

    pub fn image(&self, locator: &str) -> Result<ImageSource, PluginError> {
        plain(self.0.image(RStr::from_str(locator))).map(ImageSource::from)
    }
}

/// A metric with the values that it reports.
pub struct Metric {
    pub values: Vec<MetricValue>,
    object: MetricBox,
}

/// Item scores of a batch, flat; see `plugin_api::abi::ScoresOut`.
pub struct BatchScores {
    /// `[items, values]`
    pub values: Vec<f64>,
    /// `[items, width]`
    pub statistics: Vec<f64>,
    pub width: usize,
    /// Empty, or one JSON text an item.
    pub details: Vec<String>,
}

impl Metric {
    /// Shows the metric the references of some items.
    pub fn observe(&mut self, truths: &[ReferenceSetRef<'_>]) -> Result<(), PluginError> {
        plain(self.object.observe(RSlice::from_slice(truths)))
    }

    /// Scores some items; called from several threads.
    pub fn score(&self, items: &[MetricItemRef<'_>]) -> Result<BatchScores, PluginError> {
        let out = plain(self.object.score(RSlice::from_slice(items)))?;
        let (width, details) = (out.width as usize, out.details.len());
        let whole = out.values.len() == items.len() * self.values.len()
            && out.statistics.len() == items.len() * width
            && (details == 0 || details == items.len());
        if !whole {
            return Err(PluginError::internal("the metric gave another number of scores than was asked for"));
        }
        Ok(BatchScores {
            values: out.values.into_vec(),
            statistics: out.statistics.into_vec(),
            width,
            details: out.details.into_iter().map(|detail| detail.into_string()).collect(),
        })
    }

    /// Corpus values `[sums, values]` of sums of statistics `[sums, width]`.
    ///
    /// # Errors
    /// What the metric says; another number of values than it promised, or one that is not finite.
    pub fn corpus(&self, sums: &[f64], width: usize) -> Result<Vec<f64>, PluginError> {
        let values = plain(self.object.corpus(RSlice::from_slice(sums), width as u64))?.into_vec();
        if width > 0 && values.len() != sums.len() / width * self.values.len() {
            return Err(PluginError::internal("the metric gave another number of corpus values than it promised"));
        }
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let (name, value) = (&self.values[place % self.values.len()].name, values[place]);
            let of =
                if sums.len() > width { " for some draw of the items, such as intervals and tests make" } else { "" };
            return Err(PluginError::internal(format!("its corpus value `{name}` is not finite ({value}){of}")));
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metrics_values_have_names_of_their_own() {
        let said =
            |names: &[&str]| misnamed(&names.iter().map(|name| MetricValue::score(name, "")).collect::<Vec<_>>());
        assert!(said(&[]).is_some_and(|said| said.starts_with("names no value")));
        assert!(said(&["a", " "]).is_some_and(|said| said.contains("without a name")));
        assert!(said(&["a", "b", "a"]).is_some_and(|said| said.contains("two values of the name `a`")));
        assert!(said(&["a", "id"]).is_some_and(|said| said.contains("of the name `id`")));
        assert_eq!(said(&["a", "a-1"]), None);
    }
}
