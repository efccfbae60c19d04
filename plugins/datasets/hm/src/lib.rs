//! H&M's catalogue as its Kaggle competition publishes it: `articles.csv` and `images/0XX/ID.jpg`.
//! What is read stays as the vendor wrote it; choosing categories, lowercasing and splitting are `host prepare`'s.

mod articles;
mod images;

use articles::{Articles, FILE};
use images::Images;
use plugin_api::{Dataset, DatasetConfig, Host, ImageSource, Item, ItemError, PluginError, Result};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

plugin_api::export_plugin!();
plugin_api::register_dataset!("hm", "the H&M catalogue: articles.csv and a tree of JPEG images", Hm::open);

/// The catalogue in one folder. Reading costs one pass over `articles.csv` and one listing of each image folder; no image is opened.
pub struct Hm {
    root: PathBuf,
    articles: Articles,
    host: Host,
}

impl Hm {
    /// Checks that the files are there and that the header has the columns needed.
    pub fn open(config: &DatasetConfig) -> Result<Hm> {
        config.settings.none()?;
        let articles = Articles::open(&config.root)?;
        let images = config.root.join(images::FOLDER);
        if !images.is_dir() {
            return Err(PluginError::data(format!("there is no folder of images at {}", images.display()))
                .help("unpack the competition's images beside articles.csv, as images/010/0108775015.jpg and so on"));
        }
        Ok(Hm { root: config.root.clone(), articles, host: config.host })
    }
}

impl Dataset for Hm {
    fn read(&self, sink: &mut dyn FnMut(Result<Item, ItemError>) -> ControlFlow<()>) -> Result<()> {
        let mut images = Images::new(&self.root);
        let mut first_lines: HashMap<u64, u64> = HashMap::new();
        let mut rows = self.articles.rows()?;
        let mut count = 0u64;
        while let Some(row) = rows.next()? {
            let record = row.and_then(|article| {
                let line = article.line;
                let fault = |message: String| {
                    Err(ItemError { id: article.id.text(), message: format!("{FILE}:{line}: {message}") })
                };
                let first = *first_lines.entry(article.id.number()).or_insert(line);
                if first != line {
                    return fault(format!("article {} stands in line {first} already", article.id.text()));
                }
                match images.find(article.id) {
                    Ok(locator) => Ok(article.into_item(locator)),
                    // What lacks both counts among those without a description, as the study counts.
                    Err(_) if article.description.is_empty() => fault("no description (detail_desc is empty)".into()),
                    Err(message) => fault(message),
                }
            });
            if sink(record).is_break() {
                return Ok(());
            }
            count += 1;
            if count.is_multiple_of(1024) {
                self.host.progress(rows.bytes_read(), rows.bytes_total());
            }
        }
        Ok(())
    }

    fn image(&self, locator: &str) -> Result<ImageSource> {
        images::path(&self.root, locator).map(ImageSource::File)
    }
}
