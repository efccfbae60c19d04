//! The one error type of this library: what was wrong, in which file, and what to do about it.

use std::path::PathBuf;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a model could not be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the checkpoint cannot be opened or read.
    #[error("failed to read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// A file is there and its content is not what it should be.
    #[error("{}: {reason}", path.display())]
    Malformed { path: PathBuf, reason: String },
    /// The tensors of the checkpoint are not those of the model that `config.json` describes.
    #[error("{}: the weights do not fit config.json:\n{}", path.display(), problems.join("\n"))]
    Weights { path: PathBuf, problems: Vec<String> },
    /// A file cannot be written.
    #[error("failed to write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    /// An adapter was made for another model.
    #[error("{}: the adapter is not for this model{}:\n{}", path.display(), made_for(base), problems.join("\n"))]
    OtherBase { path: PathBuf, base: Option<String>, problems: Vec<String> },
    /// The request is not one that this model can fulfil (a prompt that is too long, an option out of range).
    #[error("{0}")]
    Request(String),
    /// The architecture or option is known and not offered here.
    #[error("{0}")]
    Unsupported(String),
    /// The weights or a batch do not fit into the device's memory.
    #[error("{0}")]
    Memory(String),
    /// The device that was asked for cannot be used.
    #[error("{0}")]
    Device(String),
    /// The model's scores for the next token are NaN or infinite.
    #[error(
        "the model's scores of the next token are no numbers (NaN or infinite): its weights or its adapter are damaged or come from a \
         training that diverged, or numbers overflowed"
    )]
    Scores,
    /// A training left numbers that are none in an adapter, told by its module's path.
    #[error("the adapter of `{0}` is NaN or infinite: the training diverged; try a lower learning rate")]
    Diverged(String),
    /// The user asked to stop.
    #[error("stopped on request")]
    Cancelled,
}

fn made_for(base: &Option<String>) -> String {
    base.as_ref().map_or_else(String::new, |base| format!(" (it says that its base is `{base}`)"))
}

impl Error {
    pub fn malformed(path: impl Into<PathBuf>, reason: impl Into<String>) -> Error {
        Error::Malformed { path: path.into(), reason: reason.into() }
    }

    pub fn read(path: impl Into<PathBuf>, source: std::io::Error) -> Error {
        Error::Read { path: path.into(), source }
    }
}
