//! A recommender of an open plugin, with plain Rust in and out.

use super::Plugin;
use super::components::{json, plain};
use super::notices::callbacks;
use crate::error::{Error, Result};
use abi_stable::std_types::{RSlice, RSliceMut, RStr};
use plugin_api::abi::messages::RecommenderMessage;
use plugin_api::abi::{FeaturesRef, InteractionsRef, RecommenderBox, RecommenderInterface, TopOut};
use plugin_api::{Features, FitStep, Interactions, PluginError, RecommenderDescription};

/// A recommender.
pub struct Recommender(RecommenderBox);

impl Plugin {
    /// Makes a recommender.
    pub fn recommender(&self, named: Option<&str>, entry: &str, message: &RecommenderMessage) -> Result<Recommender> {
        let interface = self.interface::<RecommenderInterface>()?;
        let component = self.component("recommender", named, entry)?;
        let object = (interface.create)(RStr::from_str(&component), RStr::from_str(&json(message)?), callbacks());
        Ok(Recommender(plain(object)?))
    }
}

fn crossing<'a>(train: Interactions<'a>) -> InteractionsRef<'a> {
    InteractionsRef {
        items: train.items() as u64,
        offsets: RSlice::from_slice(train.offsets()),
        indices: RSlice::from_slice(train.indices()),
        values: RSlice::from_slice(train.values()),
    }
}

impl Recommender {
    pub fn describe(&self) -> Result<RecommenderDescription> {
        let text = plain(self.0.describe())?;
        serde_json::from_str(&text)
            .map_err(|error| Error::failed(format!("the recommender describes itself wrongly: {error}")))
    }

    pub fn fit(&mut self, train: Interactions<'_>, features: &[Features<'_>], epochs: usize) -> Result<FitStep> {
        let features: Vec<FeaturesRef<'_>> = features
            .iter()
            .map(|modality| FeaturesRef {
                name: RStr::from_str(modality.name),
                width: modality.width as u64,
                values: RSlice::from_slice(modality.values),
                present: RSlice::from_slice(modality.present),
            })
            .collect();
        let step = plain(self.0.fit(crossing(train), RSlice::from_slice(&features), epochs as u64))?;
        let loss = Some(step.loss).filter(|loss| !loss.is_nan());
        Ok(FitStep { epoch: step.epoch as usize, finished: step.finished, loss })
    }

    pub fn keep(&mut self) -> Result<()> {
        Ok(plain(self.0.keep())?)
    }

    pub fn restore(&mut self) -> Result<()> {
        Ok(plain(self.0.restore())?)
    }

    /// Writes `[users, items]`.
    pub fn score(&self, train: Interactions<'_>, users: &[u32], scores: &mut [f64]) -> Result<()> {
        let scores = RSliceMut::from_mut_slice(scores);
        Ok(plain(self.0.score(crossing(train), RSlice::from_slice(users), scores))?)
    }

    /// The best unseen items of some users, at most `count` each.
    pub fn top(&self, train: Interactions<'_>, users: &[u32], count: usize) -> Result<TopOut> {
        let top = plain(self.0.top(crossing(train), RSlice::from_slice(users), count as u64))?;
        let all = top.lengths.iter().map(|length| *length as usize).sum::<usize>();
        if top.lengths.len() != users.len() || top.items.len() != all || top.scores.len() != all {
            let message = "the recommender gave another number of lists or items than it told";
            return Err(PluginError::internal(message).into());
        }
        Ok(top)
    }
}
