//! One of the two files: its columns, its rows in blocks, its images.
//! What makes rows into items is in `lib.rs`.

use hdf5_table::{Column, Table, TableError};
use plugin_api::ImageSource;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Columns that people may want to read beside a caption; a file may lack them. They lose their `input_` in metadata.
const METADATA: [&str; 9] = [
    "input_brand",
    "input_composition",
    "input_department",
    "input_gender",
    "input_msrpUSD",
    "input_name",
    "input_pose",
    "input_season",
    "input_subcategory",
];

/// An open file with its columns.
pub struct Part {
    file: &'static str,
    split: String,
    images: Column,
    products: Column,
    descriptions: Column,
    categories: Column,
    metadata: Vec<(String, Column)>,
    /// Columns of metadata that cannot be read, and why.
    left_out: Vec<TableError>,
}

/// A row without its image.
#[derive(Debug, Clone)]
pub struct Row {
    pub product: String,
    pub description: String,
    pub category: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

impl Part {
    /// Opens the file below the root; its items belong to `split`.
    pub fn open(root: &Path, file: &'static str, split: &str) -> Result<Part, TableError> {
        let table = Table::open(&root.join(file))?.for_rows_of("input_image")?;
        let images = table.column("input_image")?;
        images.check_bytes(3)?;
        let [height, width, channels] = *images.row_shape() else {
            return Err(images.unusable("height, width and channels of every image expected"));
        };
        if channels != 3 || [height, width].iter().any(|length| !(1..=16_384).contains(length)) {
            return Err(images.unusable(format!("images of {height} x {width} with {channels} channels")));
        }
        let text = |column: Column| {
            column.check_texts()?;
            match column.rows() == images.rows() {
                true => Ok(column),
                false => {
                    Err(column.unusable(format!("{} rows, but {} has {}", column.rows(), images.name(), images.rows())))
                }
            }
        };
        // What stands beside a caption costs only itself.
        let (mut metadata, mut left_out) = (Vec::new(), Vec::new());
        for name in METADATA {
            match table.find(name).and_then(|column| column.map(text).transpose()) {
                Ok(column) => metadata.extend(column.map(|it| (name.trim_start_matches("input_").to_owned(), it))),
                Err(error) => left_out.push(error),
            }
        }
        Ok(Part {
            file,
            split: split.to_owned(),
            products: text(table.column("input_productID")?)?,
            descriptions: text(table.column("input_description")?)?,
            categories: text(table.column("input_category")?)?,
            images,
            metadata,
            left_out,
        })
    }

    pub fn file(&self) -> &'static str {
        self.file
    }

    pub fn split(&self) -> &str {
        &self.split
    }

    /// Whether images are so stored that each takes seconds to read.
    pub fn is_scattered(&self) -> bool {
        self.images.is_scattered()
    }

    pub fn left_out(&self) -> &[TableError] {
        &self.left_out
    }

    pub fn rows(&self) -> u64 {
        self.images.rows()
    }

    /// What [`Part::row_of`] finds the row by: `fashiongen_256_256_train.h5#17`.
    pub fn locator(&self, row: u64) -> String {
        format!("{}#{row}", self.file)
    }

    /// The row of a locator of this file.
    pub fn row_of(&self, locator: &str) -> Option<u64> {
        let row = locator.strip_prefix(self.file)?.strip_prefix('#')?.parse().ok()?;
        (row < self.rows()).then_some(row)
    }

    /// The rows of a range. Where a block has a damaged place, its rows are read one by one, so that only those are lost
    /// that stand there.
    pub fn read(&self, rows: Range<u64>) -> Vec<Result<Row, TableError>> {
        match self.block(rows.clone()) {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(_) => rows
                .map(|row| {
                    let only = self.block(row..row + 1)?.pop();
                    only.ok_or_else(|| self.images.unusable(format!("row {row} is empty")))
                })
                .collect(),
        }
    }

    fn block(&self, rows: Range<u64>) -> Result<Vec<Row>, TableError> {
        let products = self.products.texts(rows.clone())?;
        let descriptions = self.descriptions.texts(rows.clone())?;
        let categories = self.categories.texts(rows.clone())?;
        let mut block: Vec<Row> = products
            .into_iter()
            .zip(descriptions)
            .zip(categories)
            .map(|((product, description), category)| Row {
                product,
                description,
                category: (!category.is_empty()).then_some(category),
                metadata: BTreeMap::new(),
            })
            .collect();
        for (key, column) in &self.metadata {
            for (row, value) in block.iter_mut().zip(column.texts(rows.clone())?) {
                if !value.is_empty() && value != "NaN" {
                    row.metadata.insert(key.clone(), value);
                }
            }
        }
        Ok(block)
    }

    /// The image of a row.
    pub fn image(&self, row: u64) -> Result<ImageSource, TableError> {
        let pixels = self.images.bytes(row)?;
        // `open` has checked that there are three lengths and that they are small.
        let side = |index: usize| self.images.row_shape()[index] as u32;
        Ok(ImageSource::Rgb8 { width: side(1), height: side(0), pixels })
    }
}
