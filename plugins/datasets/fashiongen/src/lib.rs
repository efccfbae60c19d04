//! FashionGen as its authors publish it: `fashiongen_256_256_train.h5` and `fashiongen_256_256_validation.h5`.
//! An item is a product, because the images of a product share one description. Splitting anew is `host prepare`'s.

mod options;
mod part;
mod products;

use hdf5_table::TableError;
use options::{Options, Views};
use part::{Part, Row};
use plugin_api::{Dataset, DatasetConfig, Host, ImageSource, Item, ItemError, PluginError, Result};
use products::{Products, Sighting};
use std::ops::ControlFlow;

plugin_api::export_plugin!();
plugin_api::register_dataset!("fashiongen", "FashionGen: products, descriptions and images in HDF5", FashionGen::open);

/// Rows read at a time: a few megabytes with the longest descriptions.
const BLOCK: u64 = 512;

/// The catalogue of one or both files. Memory follows the block and the chunk cache, not the files.
pub struct FashionGen {
    parts: Vec<Part>,
    views: Views,
    host: Host,
}

impl FashionGen {
    /// Opens the files and checks that their columns are there, of the right kind and equally long.
    pub fn open(config: &DatasetConfig) -> Result<FashionGen> {
        let options: Options = config.settings.parse()?;
        let parts = options
            .parts()
            .map(|(file, split)| Part::open(&config.root, file, split))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| {
                PluginError::data(error.to_string()).help(match &error {
                    TableError::Filter { path, .. } => {
                        format!("`h5repack -f GZIP=4 {} NEW` writes a file that can be read", path.display())
                    }
                    _ => "the dataset's `root` in registry.toml is to hold both files, whole and unchanged; \
                          `files = \"validation\"` or `\"train\"` there reads one only"
                        .to_owned(),
                })
            })?;
        for part in parts.iter().filter(|part| part.is_scattered()) {
            config.host.warn(&format!(
                "{}: chunks hold parts of many images, so that each takes seconds to read; \
                 `h5repack -l input_image:CHUNK=1x256x256x3 OLD NEW` mends that",
                part.file()
            ));
        }
        for error in parts.iter().flat_map(Part::left_out) {
            config.host.warn(&format!("items lack a column: {error}"));
        }
        Ok(FashionGen { parts, views: options.views, host: config.host })
    }

    /// What becomes of a row; `None` where its product has its item already.
    fn record(&self, index: usize, row: u64, record: Row, products: &mut Products) -> Option<Result<Item, ItemError>> {
        let part = &self.parts[index];
        let place = part.locator(row);
        let fault = |id: &str, message: String| {
            Some(Err(ItemError { id: id.to_owned(), message: format!("{}, row {row}: {message}", part.file()) }))
        };
        if record.product.is_empty() {
            return fault(&place, "no product (input_productID is empty)".into());
        }
        let id = match (products.see(&record.product, index, row), self.views) {
            (Sighting::View(1), Views::First) => record.product.clone(),
            (Sighting::View(view), Views::All) => format!("{}-{view}", record.product),
            (Sighting::View(_), Views::First) | (Sighting::Known, _) => return None,
            (Sighting::Intruder { part, row }, _) => {
                let other = self.parts[part].file();
                let message = format!("its product {} stands in {other}, row {row}, already", record.product);
                return fault(&place, format!("{message}; it would be on two sides of the split"));
            }
        };
        Some(Ok(Item {
            id,
            product: record.product,
            split: Some(part.split().to_owned()),
            references: Some(record.description).filter(|text| !text.is_empty()).into_iter().collect(),
            category: record.category,
            metadata: record.metadata,
            image: place,
        }))
    }
}

impl Dataset for FashionGen {
    fn read(&self, sink: &mut dyn FnMut(Result<Item, ItemError>) -> ControlFlow<()>) -> Result<()> {
        let total = self.parts.iter().map(Part::rows).sum();
        let mut done = 0;
        let mut products = Products::default();
        for (index, part) in self.parts.iter().enumerate() {
            let mut start = 0;
            while start < part.rows() {
                let end = part.rows().min(start + BLOCK);
                for (row, record) in (start..end).zip(part.read(start..end)) {
                    let record = match record {
                        Ok(record) => self.record(index, row, record, &mut products),
                        Err(error) => Some(Err(ItemError { id: part.locator(row), message: error.to_string() })),
                    };
                    if record.is_some_and(|record| sink(record).is_break()) {
                        return Ok(());
                    }
                }
                done += end - start;
                start = end;
                self.host.progress(done, total);
            }
        }
        Ok(())
    }

    fn image(&self, locator: &str) -> Result<ImageSource> {
        let part = self.parts.iter().find_map(|part| Some((part, part.row_of(locator)?)));
        let (part, row) =
            part.ok_or_else(|| PluginError::data(format!("`{locator}` is no image of this catalogue")))?;
        part.image(row).map_err(|error| PluginError::data(error.to_string()))
    }
}
