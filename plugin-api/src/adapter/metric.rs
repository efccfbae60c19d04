//! `Metric` behind `metric/1`.

use super::guard::{find, from_json, guarded, to_json};
use crate::abi::messages::MetricMessage;
use crate::abi::{
    Failure, HostCallbacks, MetricBox, MetricInterface, MetricItemRef, MetricObject, MetricObject_TO, ReferenceSetRef,
    ScoresOut,
};
use crate::sdk::{
    Host, ItemScore, Metric, MetricConfig, MetricEntry, MetricItem, PluginError, ReferenceSet, Result, Settings,
};
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice, RStr, RString, RVec};

struct Adapter<M>(M);

/// Makes the object that crosses the border.
pub fn metric<M: Metric>(metric: M) -> MetricBox {
    MetricObject_TO::from_value(Adapter(metric), TD_Opaque)
}

impl<M: Metric> MetricObject for Adapter<M> {
    fn values(&self) -> RResult<RString, Failure> {
        guarded(|| to_json(&self.0.values()).map(RString::from))
    }

    fn observe(&mut self, truths: RSlice<'_, ReferenceSetRef<'_>>) -> RResult<(), Failure> {
        guarded(|| truths.as_slice().iter().try_for_each(|truth| self.0.observe(&ReferenceSet(truth))))
    }

    fn score(&self, items: RSlice<'_, MetricItemRef<'_>>) -> RResult<ScoresOut, Failure> {
        guarded(|| {
            let wanted = self.0.values().len();
            let mut scores = Flat::default();
            for item in items.as_slice() {
                scores.push(self.0.score(&MetricItem(item))?, wanted, item.truth.id.as_str())?;
            }
            Ok(scores.finish())
        })
    }

    fn corpus(&self, sums: RSlice<'_, f64>, width: u64) -> RResult<RVec<f64>, Failure> {
        guarded(|| {
            let width = (width as usize).max(1);
            Ok(sums.as_slice().chunks_exact(width).flat_map(|sum| self.0.corpus(sum)).collect())
        })
    }
}

/// Item scores laid row by row, with the check that all rows are of one shape.
#[derive(Default)]
struct Flat {
    items: usize,
    values: Vec<f64>,
    statistics: Vec<f64>,
    width: Option<usize>,
    details: Vec<RString>,
}

impl Flat {
    fn push(&mut self, score: ItemScore, wanted: usize, id: &str) -> Result<()> {
        let width = *self.width.get_or_insert(score.statistics.len());
        if score.values.len() != wanted || score.statistics.len() != width {
            return Err(PluginError::internal(format!(
                "item `{id}` got {} values and {} statistics, where {wanted} and {width} were promised",
                score.values.len(),
                score.statistics.len()
            )));
        }
        self.values.extend(score.values);
        self.statistics.extend(score.statistics);
        if let Some(detail) = score.detail {
            self.details.resize(self.items, RString::new());
            self.details.push(detail.into());
        }
        self.items += 1;
        Ok(())
    }

    fn finish(mut self) -> ScoresOut {
        if !self.details.is_empty() {
            self.details.resize(self.items, RString::new());
        }
        ScoresOut {
            values: self.values.into(),
            statistics: self.statistics.into(),
            width: self.width.unwrap_or(0) as u64,
            details: self.details.into(),
        }
    }
}

extern "C" fn create(name: RStr<'_>, config: RStr<'_>, host: HostCallbacks) -> RResult<MetricBox, Failure> {
    guarded(|| {
        let entry = find("metric", name.as_str(), inventory::iter::<MetricEntry>(), |entry| entry.name)?;
        let message: MetricMessage = from_json(config.as_str())?;
        (entry.create)(&MetricConfig {
            dataset: message.dataset,
            assets: message.assets,
            settings: Settings::new(message.settings),
            host: Host(host),
        })
    })
}

pub static INTERFACE: MetricInterface = MetricInterface { create };
