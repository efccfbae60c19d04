//! What can be wrong with a file or a row of it. Every message names the file.

use std::path::PathBuf;

/// Why a file, a column or a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("cannot open {}: {source}", path.display())]
    Open { path: PathBuf, source: std::io::Error },

    #[error("{} is cut off: {bytes} bytes where its header says {expected}", path.display())]
    CutOff { path: PathBuf, bytes: u64, expected: u64 },

    #[error("{} cannot be read as HDF5: {reason}", path.display())]
    NotHdf5 { path: PathBuf, reason: String },

    #[error("{} has no dataset `{name}`; it has {found}", path.display())]
    NoColumn { path: PathBuf, name: String, found: String },

    #[error("{}, dataset `{name}`: {reason}", path.display())]
    Column { path: PathBuf, name: String, reason: String },

    /// No row can be decoded, wherever it stands.
    #[error("{}, dataset `{name}`: it is compressed with a filter that is not supported ({filter})", path.display())]
    Filter { path: PathBuf, name: String, filter: String },

    /// `rows` is `17` or `16 to 1039`, counted from 0 as in every HDF5 tool.
    #[error("{}, row {rows}: cannot read `{name}`: {reason}", path.display())]
    Rows { path: PathBuf, rows: String, name: String, reason: String },
}
