//! `Recommender` behind `recommender/1`.

use super::guard::{find, from_json, guarded, to_json};
use crate::abi::messages::RecommenderMessage;
use crate::abi::{
    Failure, FeaturesRef, FitStepOut, HostCallbacks, InteractionsRef, RecommenderBox, RecommenderInterface,
    RecommenderObject, RecommenderObject_TO, TopOut,
};
use crate::sdk::{
    Features, Host, Interactions, PluginError, Recommender, RecommenderConfig, RecommenderEntry, Result, Settings,
};
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice, RSliceMut, RStr, RString, RVec};

struct Adapter<R>(R);

/// Makes the object that crosses the border.
pub fn recommender<R: Recommender>(recommender: R) -> RecommenderBox {
    RecommenderObject_TO::from_value(Adapter(recommender), TD_Opaque)
}

/// The whole of the interactions is checked where a fit begins; later calls bring the same.
fn interactions<'a>(train: &InteractionsRef<'a>) -> Interactions<'a> {
    Interactions::trusted(
        train.items as usize,
        train.offsets.as_slice(),
        train.indices.as_slice(),
        train.values.as_slice(),
    )
}

fn checked(train: &InteractionsRef<'_>) -> Result<()> {
    Interactions::new(train.items as usize, train.offsets.as_slice(), train.indices.as_slice(), train.values.as_slice())
        .map(drop)
}

fn known_users(train: &InteractionsRef<'_>, users: &[u32]) -> Result<()> {
    let known = train.offsets.len().saturating_sub(1);
    match users.iter().find(|user| **user as usize >= known) {
        Some(user) => Err(PluginError::internal(format!("user {user} of {known} does not exist"))),
        None => Ok(()),
    }
}

impl<R: Recommender> RecommenderObject for Adapter<R> {
    fn describe(&self) -> RResult<RString, Failure> {
        guarded(|| to_json(&self.0.describe()).map(RString::from))
    }

    fn fit(
        &mut self,
        train: InteractionsRef<'_>,
        features: RSlice<'_, FeaturesRef<'_>>,
        epochs: u64,
    ) -> RResult<FitStepOut, Failure> {
        guarded(|| {
            checked(&train)?;
            let items = train.items as usize;
            let mut modalities = Vec::new();
            for modality in features.as_slice() {
                let width = modality.width as usize;
                if modality.values.len() != items * width || modality.present.len() != items {
                    let name = modality.name.as_str();
                    return Err(PluginError::internal(format!("the features `{name}` are not one row an item")));
                }
                modalities.push(Features {
                    name: modality.name.as_str(),
                    width,
                    values: modality.values.as_slice(),
                    present: modality.present.as_slice(),
                });
            }
            let step = self.0.fit(interactions(&train), &modalities, epochs as usize)?;
            let loss = step.loss.unwrap_or(f64::NAN);
            Ok(FitStepOut { epoch: step.epoch as u64, finished: step.finished, loss })
        })
    }

    fn keep(&mut self) -> RResult<(), Failure> {
        guarded(|| self.0.keep())
    }

    fn restore(&mut self) -> RResult<(), Failure> {
        guarded(|| self.0.restore())
    }

    fn score(
        &self,
        train: InteractionsRef<'_>,
        users: RSlice<'_, u32>,
        scores: RSliceMut<'_, f64>,
    ) -> RResult<(), Failure> {
        guarded(|| {
            known_users(&train, users.as_slice())?;
            let scores = scores.into_mut_slice();
            if scores.len() != users.len() * train.items as usize {
                return Err(PluginError::internal("the space for scores is not [users, items]"));
            }
            self.0.score(interactions(&train), users.as_slice(), scores)
        })
    }

    fn top(&self, train: InteractionsRef<'_>, users: RSlice<'_, u32>, count: u64) -> RResult<TopOut, Failure> {
        guarded(|| {
            known_users(&train, users.as_slice())?;
            let lists = self.0.top(interactions(&train), users.as_slice(), count as usize)?;
            if lists.len() != users.len() {
                return Err(PluginError::internal("another number of lists came than users were asked for"));
            }
            let all = lists.iter().map(Vec::len).sum();
            let (mut items, mut scores) = (Vec::with_capacity(all), Vec::with_capacity(all));
            for ranked in lists.iter().flatten() {
                items.push(ranked.item);
                scores.push(ranked.score);
            }
            let lengths: RVec<u32> = lists.iter().map(|list| list.len() as u32).collect();
            Ok(TopOut { lengths, items: items.into(), scores: scores.into() })
        })
    }
}

extern "C" fn create(name: RStr<'_>, config: RStr<'_>, host: HostCallbacks) -> RResult<RecommenderBox, Failure> {
    guarded(|| {
        let entry = find("recommender", name.as_str(), inventory::iter::<RecommenderEntry>(), |entry| entry.name)?;
        let message: RecommenderMessage = from_json(config.as_str())?;
        (entry.create)(&RecommenderConfig {
            seed: message.seed,
            threads: message.threads,
            settings: Settings::new(message.settings),
            host: Host(host),
        })
    })
}

pub static INTERFACE: RecommenderInterface = RecommenderInterface { create };
