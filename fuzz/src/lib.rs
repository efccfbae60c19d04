//! What the targets share: a folder in memory for the files that parsers open by path, and datasets used as the host would.

use plugin_api::{Dataset, DatasetConfig, Host, Settings};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// The process's own folder, in memory where there is such a place.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    FOLDER.get_or_init(|| tempfile::tempdir_in(place).expect("a folder can be made")).path()
}

/// Writes a file of that folder.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    std::fs::write(&path, bytes).expect("the file can be written");
    path
}

/// A dataset's configuration on that folder.
pub fn config(settings: serde_json::Value) -> DatasetConfig {
    DatasetConfig { root: folder().to_owned(), settings: Settings::new(settings), host: Host::silent() }
}

/// Reads every record, and the image of each of the first.
pub fn use_all(dataset: &impl Dataset) {
    let mut images = Vec::new();
    let _ = dataset.read(&mut |record| {
        if let Ok(item) = record {
            let shown = !item.image.is_empty();
            assert!(shown || !item.references.is_empty(), "neither a text nor an image is no item");
            images.push(item.image);
        }
        ControlFlow::Continue(())
    });
    for image in images.iter().take(8) {
        let _ = dataset.image(image);
    }
}

/// The input in two parts, at its first NUL byte.
pub fn two_parts(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|&byte| byte == 0) {
        Some(place) => (&data[..place], &data[place + 1..]),
        None => (data, &[]),
    }
}
