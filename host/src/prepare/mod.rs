//! `host prepare`: from a vendor's records to a prepared dataset. One pipeline for all: read → filter → normalise → split → attributes →
//! categories → summary. What belongs to a vendor's format is the dataset plugin's; what reads a prepared dataset starts at [`Prepared`].

mod attributes;
mod categories;
mod charts;
mod manifest;
mod normalise;
mod options;
mod output;
mod pack;
mod read;
mod select;
mod source;
mod specimen;
mod steps;
mod summary;

pub use manifest::{Counts, Manifest, Prepared};
pub use normalise::normalised;
pub use options::PrepareOptions;
pub use output::OutputFile;
pub use pack::PackIndex;
pub use source::{Catalogue, SourceFile};
pub use specimen::write_specimen;
pub use steps::{Outcome, Request, STEPS, Step, prepare, prepared_digest};

/// The files of a prepared dataset's folder, besides the attribute vocabulary and the classifier, which their libraries name.
pub mod files {
    /// Source, seed, options, counts, and what each step made.
    pub const MANIFEST: &str = "dataset.toml";
    /// An item a line, with its split.
    pub const ITEMS: &str = "items.jsonl";
    /// What is no item, with the step and the reason.
    pub const DROPPED: &str = "dropped.csv";
    pub const SUMMARY: &str = "summary.txt";
    pub const LENGTHS: &str = "lengths.svg";
    pub const CATEGORIES: &str = "categories.svg";
    /// All images in one file, and where each is in it.
    pub const PACK: &str = "images.pack";
    pub const PACK_INDEX: &str = "images.index.csv";
}
