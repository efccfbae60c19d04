//! The packed layout: for each split `{SPLIT}_IMAGES.hdf5` (`images`, uint8 (N,3,256,256)) and, row by row with it,
//! `{SPLIT}_CAPTIONS_RAW.json`, `_ATTRS.json` and `_CATES_FLAT.json`. It names no products: rows of one caption are one.

use crate::Sink;
use crate::elements::Elements;
use crate::options::{Options, Views};
use crate::text::{captions, plain};
use hdf5_table::{Column, Table, TableError};
use plugin_api::{Host, ImageSource, Item, ItemError, PluginError, Result};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The splits that are there.
pub struct PackedLayout {
    splits: Vec<Split>,
    views: Views,
    host: Host,
}

struct Split {
    /// `TEST` of `TEST_IMAGES.hdf5`.
    prefix: &'static str,
    /// What its items' split is called.
    name: &'static str,
    images: Column,
    captions: PathBuf,
    attributes: Option<PathBuf>,
    categories: Option<PathBuf>,
}

impl PackedLayout {
    pub fn open(
        root: &Path,
        splits: &[(&'static str, &'static str)],
        options: &Options,
        host: Host,
    ) -> Result<PackedLayout> {
        let splits = splits.iter().map(|(prefix, name)| Split::open(root, prefix, name)).collect::<Result<_>>()?;
        Ok(PackedLayout { splits, views: options.views, host })
    }

    pub fn read(&self, sink: Sink<'_>) -> Result<()> {
        for split in &self.splits {
            let mut captions = Elements::open(&split.captions)?;
            let mut attributes = split.attributes.as_deref().map(Elements::open).transpose()?;
            let mut categories = split.categories.as_deref().map(Elements::open).transpose()?;
            let mut products: HashMap<u64, u64> = HashMap::new();
            for row in 0..split.images.rows() {
                let caption = next(&mut captions, row, &split.images)?;
                let attributes = attributes.as_mut().map(|file| next(file, row, &split.images)).transpose()?;
                let category = categories.as_mut().map(|file| next(file, row, &split.images)).transpose()?;
                let record = split.record(row, caption, attributes, category, self.views, &mut products);
                if record.is_some_and(|record| sink(record).is_break()) {
                    return Ok(());
                }
                if row.is_multiple_of(1024) {
                    self.host.progress(row, split.images.rows());
                }
            }
            for file in [Some(captions), attributes, categories].into_iter().flatten() {
                at_end(file, &split.images)?;
            }
        }
        Ok(())
    }

    pub fn image(&self, locator: &str) -> Result<ImageSource> {
        let unknown = || PluginError::data(format!("`{locator}` is no image of this catalogue"));
        let (prefix, row) = locator.split_once("_IMAGES.hdf5#").ok_or_else(unknown)?;
        let split = self.splits.iter().find(|split| split.prefix == prefix).ok_or_else(unknown)?;
        let row: u64 = row.parse().ok().filter(|row| *row < split.images.rows()).ok_or_else(unknown)?;
        split.image(row).map_err(|error| PluginError::data(error.to_string()))
    }
}

/// The entry that belongs to a row.
fn next(file: &mut Elements, row: u64, images: &Column) -> Result<Result<Value, String>> {
    let element = file.next()?;
    // An object may name its rows, and `sort_keys` put 10 before 2: captions would belong to others' images.
    if let Some(name) = file.key().filter(|name| name.parse().is_ok_and(|named: u64| named != row)) {
        return Err(PluginError::data(format!("{}: entry {row} is named {name}", file.path().display()))
            .help("entries are taken for the images in their order; write the file as a list, or its names in order"));
    }
    element.ok_or_else(|| {
        PluginError::data(format!(
            "{} has {row} entries, but there are {} images",
            file.path().display(),
            images.rows()
        ))
        .help("captions, attributes and categories are to have an entry an image; use the files of one release")
    })
}

fn at_end(mut file: Elements, images: &Column) -> Result<()> {
    match file.next()? {
        None => Ok(()),
        Some(_) => Err(PluginError::data(format!(
            "{} has more entries than the {} images",
            file.path().display(),
            images.rows()
        ))),
    }
}

impl Split {
    fn open(root: &Path, prefix: &'static str, name: &'static str) -> Result<Split> {
        let images = images(root, prefix).map_err(|error| PluginError::data(error.to_string()))?;
        let file = |kind: &str| root.join(format!("{prefix}_{kind}.json"));
        let optional = |kind: &str| Some(file(kind)).filter(|path| path.is_file());
        let captions = file("CAPTIONS_RAW");
        Elements::open(&captions)
            .map_err(|error| error.help("the packed images need their captions as text, one an image"))?;
        let (attributes, categories) = (optional("ATTRS"), optional("CATES_FLAT"));
        Ok(Split { prefix, name, images, captions, attributes, categories })
    }

    fn record(
        &self,
        row: u64,
        caption: Result<Value, String>,
        attributes: Option<Result<Value, String>>,
        category: Option<Result<Value, String>>,
        views: Views,
        products: &mut HashMap<u64, u64>,
    ) -> Option<Result<Item, ItemError>> {
        let id = format!("{}-{row}", self.prefix);
        let fault = |message: String| {
            let file = self.captions.file_name().unwrap_or_default().to_string_lossy();
            Some(Err(ItemError { id: id.clone(), message: format!("{file}, entry {row}: {message}") }))
        };
        let references = match caption.map(|value| captions(&value)) {
            Ok(Some(references)) => references,
            Ok(None) => return fault("neither a text nor a list of texts".into()),
            Err(error) => return fault(format!("no caption: {error}")),
        };
        let mut hasher = DefaultHasher::new();
        references.hash(&mut hasher);
        // Rows without a description are products of their own.
        let first = if references.is_empty() { row } else { *products.entry(hasher.finish()).or_insert(row) };
        if first != row && views == Views::First {
            return None;
        }
        // A damaged attribute or category costs itself, not the item.
        let known = |value: Option<Result<Value, String>>| {
            value.and_then(|value| value.ok()).map(|value| plain(&value)).filter(|text| !text.is_empty())
        };
        let mut metadata = BTreeMap::new();
        metadata.extend(known(attributes).map(|attributes| ("attributes".to_owned(), attributes)));
        Some(Ok(Item {
            product: format!("{}-{first}", self.prefix),
            split: Some(self.name.to_owned()),
            references,
            category: known(category),
            metadata,
            image: format!("{}_IMAGES.hdf5#{row}", self.prefix),
            id,
        }))
    }

    fn image(&self, row: u64) -> Result<ImageSource, TableError> {
        let planes = self.images.bytes(row)?;
        // `images` has checked that there are three lengths and that they are small.
        let [_, height, width] = [0, 1, 2].map(|index| self.images.row_shape()[index] as usize);
        let area = height * width;
        let pixels = (0..area).flat_map(|pixel| [0, 1, 2].map(|plane| planes[plane * area + pixel])).collect();
        Ok(ImageSource::Rgb8 { width: width as u32, height: height as u32, pixels })
    }
}

/// The images' column: bytes in three planes an image.
fn images(root: &Path, prefix: &str) -> Result<Column, TableError> {
    let file = root.join(format!("{prefix}_IMAGES.hdf5"));
    let images = Table::open(&file)?.for_rows_of("images")?.column("images")?;
    images.check_bytes(3)?;
    match *images.row_shape() {
        [3, height, width] if [height, width].iter().all(|length| (1..=16_384).contains(length)) => Ok(images),
        _ => Err(images.unusable(format!("3 planes of rows an image expected, not {:?}", images.row_shape()))),
    }
}
