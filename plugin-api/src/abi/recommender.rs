//! `recommender/1`.

use super::{Failure, HostCallbacks, NamedInterface};
use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RResult, RSlice, RSliceMut, RStr, RString, RVec};

/// The training interactions, compressed by rows; see `sdk::Interactions`.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct InteractionsRef<'a> {
    pub items: u64,
    /// `[users + 1]`
    pub offsets: RSlice<'a, u64>,
    pub indices: RSlice<'a, u32>,
    /// As many as `indices`, or none: every interaction weighs 1.
    pub values: RSlice<'a, f32>,
}

/// One modality's features of all items; see `sdk::Features`.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct FeaturesRef<'a> {
    pub name: RStr<'a>,
    pub width: u64,
    /// `[items, width]`
    pub values: RSlice<'a, f32>,
    /// `[items]`, 0 or 1
    pub present: RSlice<'a, u8>,
}

/// How far a fit has come; see `sdk::FitStep`.
#[repr(C)]
#[derive(Debug, Clone, Copy, StableAbi)]
pub struct FitStepOut {
    pub epoch: u64,
    pub finished: bool,
    /// Not a number where the model has no loss.
    pub loss: f64,
}

/// The best items of several users, flat: user `n` has `lengths[n]` of them.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct TopOut {
    pub lengths: RVec<u32>,
    pub items: RVec<u32>,
    pub scores: RVec<f64>,
}

/// A recommender. The training interactions come with every call, so that none has to keep a copy.
#[sabi_trait]
pub trait RecommenderObject: Send + Sync {
    /// A `RecommenderDescription` as JSON.
    fn describe(&self) -> RResult<RString, Failure>;
    /// Fits on, by at most so many epochs.
    fn fit(
        &mut self,
        train: InteractionsRef<'_>,
        features: RSlice<'_, FeaturesRef<'_>>,
        epochs: u64,
    ) -> RResult<FitStepOut, Failure>;
    /// Remembers the parameters as they are.
    fn keep(&mut self) -> RResult<(), Failure>;
    /// Goes back to the remembered parameters.
    fn restore(&mut self) -> RResult<(), Failure>;
    /// Scores of all items for some users: writes `[users, items]`.
    fn score(
        &self,
        train: InteractionsRef<'_>,
        users: RSlice<'_, u32>,
        scores: RSliceMut<'_, f64>,
    ) -> RResult<(), Failure>;
    /// The best unseen items of some users, at most `count` each.
    #[sabi(last_prefix_field)]
    fn top(&self, train: InteractionsRef<'_>, users: RSlice<'_, u32>, count: u64) -> RResult<TopOut, Failure>;
}

pub type RecommenderBox = RecommenderObject_TO<'static, RBox<()>>;

/// Makes recommenders.
#[repr(C)]
#[derive(StableAbi)]
pub struct RecommenderInterface {
    /// Component name, a `RecommenderMessage` as JSON, the host.
    pub create: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<RecommenderBox, Failure>,
}

impl NamedInterface for RecommenderInterface {
    const NAME: &'static str = "recommender/1";
}
