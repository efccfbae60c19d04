//! An H&M catalogue of the real size: 105,542 articles, some without text or image as at the vendor's, images as links to a few hundred drawn ones.

use super::hm::{COLUMNS, picture_path, row, write_picture};
use super::transactions::write_transactions;
use crate::Error;
use crate::catalogue::{Shop, articles};
use rayon::prelude::*;
use std::path::Path;

/// How large a catalogue is to be.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub articles: usize,
    pub pictures: usize,
    pub customers: u64,
    pub transactions: u64,
}

impl Size {
    /// The vendor's.
    pub const REAL: Size = Size { articles: 105_542, pictures: 300, customers: 1_371_980, transactions: 31_788_324 };
}

/// What preparation is to find in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    pub records: usize,
    pub with_description: usize,
    /// Of those.
    pub with_image: usize,
}

/// One article in so many has no description, and one in so many no image: at the real size 416 and about 430, as at the vendor's.
const NO_TEXT: usize = 253;
const NO_IMAGE: usize = 244;

/// Writes the catalogue under `root` and says what is in it.
pub fn write_large(root: &Path, seed: u64, size: Size) -> Result<Truth, Error> {
    let articles = articles(seed, Shop::Hm, size.articles);
    let drawn = &articles[..size.pictures.min(articles.len())];
    let pictures = root.join("pictures");
    drawn.par_iter().try_for_each(|article| write_picture(&pictures, seed, article))?;
    let path = root.join("articles.csv");
    let mut rows = csv::Writer::from_path(&path).map_err(|source| Error::Csv { path: path.clone(), source })?;
    let csv_error = |source| Error::Csv { path: path.clone(), source };
    rows.write_record(COLUMNS).map_err(csv_error)?;
    let mut truth = Truth { records: 0, with_description: 0, with_image: 0 };
    for (place, article) in articles.iter().enumerate() {
        let mut row = row(article, seed);
        let (without_text, without_image) = (place % NO_TEXT == 5, place % NO_IMAGE == 9);
        if without_text && let Some(text) = row.last_mut() {
            text.clear();
        }
        rows.write_record(row).map_err(csv_error)?;
        truth.records += 1;
        truth.with_description += usize::from(!without_text);
        truth.with_image += usize::from(!without_text && !without_image);
        if !without_image && !drawn.is_empty() {
            let picture = picture_path(&pictures, &drawn[place % drawn.len()].article_id());
            link(&picture, &picture_path(root, &article.article_id()))?;
        }
    }
    rows.flush().map_err(Error::write(&path))?;
    write_transactions(root, seed, &articles, size.customers, size.transactions)?;
    Ok(truth)
}

/// A second name of the same file.
fn link(picture: &Path, name: &Path) -> Result<(), Error> {
    if let Some(folder) = name.parent() {
        std::fs::create_dir_all(folder).map_err(Error::write(folder))?;
    }
    if name.exists() {
        return Ok(());
    }
    std::fs::hard_link(picture, name).map_err(Error::write(name))
}
