//! HDF5 files as catalogues have them: datasets at the root whose first dimension counts the same records.
//! Rows are read a few at a time, so that memory is bounded whatever the file's size. What a column means is the caller's.

mod cell;
mod column;
mod error;
mod table;

pub use column::Column;
pub use error::TableError;
pub use table::Table;
