//! From a dataset's records to the items of a split, and from an item to its pixels.

mod decode;
mod flatten;
mod selection;
mod split;

pub use decode::{Decoded, decode};
pub use flatten::{Flattened, Manner, flatten};
pub use selection::{Selection, SplitRequest, select};
pub use split::{SPLITS, SplitRule, check_split, shuffle};
