//! What can go wrong while the catalogue is written.

use std::path::PathBuf;

/// A failure to write the catalogue; each names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("failed to write the rows of {}: {source}", path.display())]
    Csv { path: PathBuf, source: csv::Error },
    #[error("failed to encode {}: {source}", path.display())]
    Image { path: PathBuf, source: image::ImageError },
    #[error("failed to encode {}: {source}", path.display())]
    Hdf5 { path: PathBuf, source: hdf5_writer::Error },
}

impl Error {
    /// Names the file of an input/output error.
    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Error::Write { path, source }
    }
}
