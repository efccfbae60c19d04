//! The sample catalogue: a seeded generator that draws garments, describes them, and writes them in the vendors'
//! own layouts, so that every loader, model and metric can be tried without anybody's data.
//!
//! `garment` says what a garment is, `catalogue` which there are, `words` describes them, `draw` paints them, `layout`
//! writes the vendors' files, `corpus` the training material of the nano checkpoints.

pub mod catalogue;
pub mod corpus;
pub mod draw;
mod error;
pub mod garment;
pub mod layout;
pub mod random;
pub mod words;

pub use error::Error;

use std::path::Path;

/// Writes both catalogues: `OUT/hm` with `count` articles, `OUT/fashiongen` with about as many images.
pub fn write_catalogues(out: &Path, count: usize, seed: u64) -> Result<(), Error> {
    layout::hm::write_catalogue(&out.join("hm"), seed, count)?;
    // A FashionGen product has two images and a bit on average.
    layout::fashiongen::write_catalogue(&out.join("fashiongen"), seed, count.div_ceil(2))
}
