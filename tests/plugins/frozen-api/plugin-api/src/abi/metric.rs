//! `metric/1`.

use super::{Failure, HostCallbacks, NamedInterface};
use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, ROption, RResult, RSlice, RStr, RString, RVec};

/// A text and its tokens, borrowed from the host's arena.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct TextRef<'a> {
    pub raw: RStr<'a>,
    pub tokens: RSlice<'a, RStr<'a>>,
}

/// An item's references.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct ReferenceSetRef<'a> {
    pub id: RStr<'a>,
    pub references: RSlice<'a, TextRef<'a>>,
    pub category: ROption<RStr<'a>>,
}

/// A caption with its references.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct MetricItemRef<'a> {
    pub candidate: TextRef<'a>,
    pub truth: ReferenceSetRef<'a>,
}

/// The scores of several items, flat: `values` is `[items, values]`, `statistics` `[items, width]`, row by row.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct ScoresOut {
    pub values: RVec<f64>,
    pub statistics: RVec<f64>,
    /// Numbers of statistics an item.
    pub width: u64,
    /// Empty, or JSON text an item (empty text: none).
    pub details: RVec<RString>,
}

/// A metric.
#[sabi_trait]
pub trait MetricObject: Send + Sync {
    /// A list of `MetricValue` as JSON.
    fn values(&self) -> RResult<RString, Failure>;
    fn observe(&mut self, truths: RSlice<'_, ReferenceSetRef<'_>>) -> RResult<(), Failure>;
    fn score(&self, items: RSlice<'_, MetricItemRef<'_>>) -> RResult<ScoresOut, Failure>;
    /// Corpus values of several sums of statistics: `[sums, width]` in, `[sums, values]` out.
    #[sabi(last_prefix_field)]
    fn corpus(&self, sums: RSlice<'_, f64>, width: u64) -> RResult<RVec<f64>, Failure>;
}

pub type MetricBox = MetricObject_TO<'static, RBox<()>>;

/// Makes metrics.
#[repr(C)]
#[derive(StableAbi)]
pub struct MetricInterface {
    /// Component name, the configuration as JSON, the host.
    pub create: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<MetricBox, Failure>,
}

impl NamedInterface for MetricInterface {
    const NAME: &'static str = "metric/1";
}
