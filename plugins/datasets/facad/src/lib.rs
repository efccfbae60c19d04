//! FACAD (fashion captioning, ECCV 2020) in both of its layouts: the list of items that its authors publish, with the images
//! downloaded beside it, and images packed in HDF5 with captions, attributes and categories. Which of the two: `options`.

mod elements;
mod list;
mod options;
mod packed;
mod text;

use list::ListLayout;
use options::{Layout, Options};
use packed::PackedLayout;
use plugin_api::{Dataset, DatasetConfig, ImageSource, Item, ItemError, Result};
use std::ops::ControlFlow;

plugin_api::export_plugin!();
plugin_api::register_dataset!("facad", "FACAD: a JSON list with images beside it, or packed HDF5", Facad::open);

/// What a layout passes its records to.
type Sink<'a> = &'a mut dyn FnMut(Result<Item, ItemError>) -> ControlFlow<()>;

/// The catalogue in one folder.
pub enum Facad {
    List(ListLayout),
    Packed(PackedLayout),
}

impl Facad {
    /// Finds the files of the layout, and opens those in HDF5.
    pub fn open(config: &DatasetConfig) -> Result<Facad> {
        let options: Options = config.settings.parse()?;
        match options.layout(&config.root)? {
            Layout::List(meta) => ListLayout::open(&config.root, meta, &options, config.host).map(Facad::List),
            Layout::Packed(splits) => {
                PackedLayout::open(&config.root, &splits, &options, config.host).map(Facad::Packed)
            }
        }
    }
}

impl Dataset for Facad {
    fn read(&self, sink: Sink<'_>) -> Result<()> {
        match self {
            Facad::List(layout) => layout.read(sink),
            Facad::Packed(layout) => layout.read(sink),
        }
    }

    fn image(&self, locator: &str) -> Result<ImageSource> {
        match self {
            Facad::List(layout) => layout.image(locator),
            Facad::Packed(layout) => layout.image(locator),
        }
    }
}
