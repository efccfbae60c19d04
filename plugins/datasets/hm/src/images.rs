//! Where an article's picture is. Folders are listed once each, so that a hundred thousand articles need no stat each.
//! Nothing is decoded here.

use crate::articles::ArticleId;
use plugin_api::{PluginError, Result};
use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

/// Below the dataset's root.
pub const FOLDER: &str = "images";

/// The listings of the folders seen so far.
pub struct Images<'a> {
    root: &'a Path,
    folders: HashMap<String, Listing>,
}

enum Listing {
    Ids(HashSet<u64>),
    Unreadable(String),
}

impl Images<'_> {
    pub fn new(root: &Path) -> Images<'_> {
        Images { root, folders: HashMap::new() }
    }

    /// The locator of the article's image, `images/010/0108775015.jpg`, or why there is none.
    pub fn find(&mut self, id: ArticleId) -> Result<String, String> {
        let text = id.text();
        let folder = &text[..3];
        let listing = match self.folders.get(folder) {
            Some(listing) => listing,
            None => {
                let listing = Listing::read(&self.root.join(FOLDER).join(folder));
                self.folders.entry(folder.to_owned()).or_insert(listing)
            }
        };
        let locator = format!("{FOLDER}/{folder}/{text}.jpg");
        match listing {
            Listing::Ids(ids) if ids.contains(&id.number()) => Ok(locator),
            Listing::Ids(_) => Err(format!("no image at {}", self.root.join(&locator).display())),
            Listing::Unreadable(error) => Err(format!("no image at {}: {error}", self.root.join(&locator).display())),
        }
    }
}

impl Listing {
    fn read(folder: &Path) -> Listing {
        let names = std::fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>());
        match names {
            Ok(names) => Listing::Ids(names.iter().filter_map(|name| number(name.to_str()?)).collect()),
            Err(error) => Listing::Unreadable(format!("cannot list its folder: {error}")),
        }
    }
}

/// The article of a file name such as `0108775015.jpg`; other names are no article's.
fn number(name: &str) -> Option<u64> {
    let stem = name.strip_suffix(".jpg")?;
    ArticleId::parse(stem).filter(|id| id.text() == stem).map(ArticleId::number)
}

/// The file of a locator; a locator that leads out of the root is refused.
pub fn path(root: &Path, locator: &str) -> Result<PathBuf> {
    let relative = Path::new(locator);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    match inside && relative.starts_with(FOLDER) {
        true => Ok(root.join(relative)),
        false => Err(PluginError::data(format!("`{locator}` is no image of this catalogue"))),
    }
}
