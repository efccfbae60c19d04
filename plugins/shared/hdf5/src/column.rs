//! A dataset whose first dimension counts records: its shape, and its rows as text or bytes.

use crate::TableError;
use crate::cell::{Cell, text};
use crate::table::{LARGEST_CHUNK_CACHE, guarded};
use hdf5_reader::error::Error;
use hdf5_reader::{Dataset, Datatype, H5Type, SliceInfo, SliceInfoElem};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// A column of a table. Reads take `&self` from any thread; chunks that were decoded are kept for the next ones.
pub struct Column {
    path: Arc<PathBuf>,
    name: String,
    dataset: Dataset,
    rows: u64,
}

impl Column {
    pub(crate) fn new(path: Arc<PathBuf>, name: &str, dataset: Dataset) -> Result<Column, TableError> {
        let rows = dataset.shape().first().copied();
        let mut column = Column { path, name: name.to_owned(), dataset, rows: 0 };
        column.rows = rows.ok_or_else(|| column.unusable("it holds one value, not a row a record"))?;
        Ok(column)
    }

    /// Checks that one value can be decoded as far as filters go: with one that the reader lacks every row would fail alike.
    pub(crate) fn check_filters(&self) -> Result<(), TableError> {
        if self.dataset.shape().contains(&0) {
            return Ok(());
        }
        let mut selection = SliceInfo::all(self.dataset.ndim());
        selection.selections.fill(SliceInfoElem::Slice { start: 0, end: 1, step: 1 });
        // What else may be wrong with the first value is that row's, and told there.
        let lacking = guarded(|| match self.dataset.read_slice::<Cell>(&selection) {
            Err(Error::UnsupportedFilter(filter)) => Ok(Some(filter)),
            _ => Ok(None),
        });
        match lacking {
            Ok(Some(filter)) => {
                let filter = if filter.ends_with("32000") { "lzf, h5py's own".to_owned() } else { filter };
                Err(TableError::Filter { path: self.path.to_path_buf(), name: self.name.clone(), filter })
            }
            _ => Ok(()),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of records.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The dimensions of one record: `[256, 256, 3]` of an image, `[1]` or `[]` of a single value.
    pub fn row_shape(&self) -> &[u64] {
        &self.dataset.shape()[1..]
    }

    /// The bytes of all chunks that hold a part of one row, decoded; a row's own bytes where there are no chunks.
    pub(crate) fn chunk_bytes_of_row(&self) -> u64 {
        let element = self.dataset.raw_element_size().unwrap_or(1) as u64;
        let shape = self.row_shape().iter().copied();
        let elements = match self.dataset.chunks().as_deref() {
            Some([rows, chunk @ ..]) => shape
                .zip(chunk)
                .map(|(length, chunk)| length.next_multiple_of(u64::from(*chunk).max(1)))
                .fold(u64::from(*rows), u64::saturating_mul),
            _ => shape.fold(1, u64::saturating_mul),
        };
        elements.saturating_mul(element)
    }

    /// Whether a row is spread over more chunks than can be remembered: every read then decodes hundreds of megabytes.
    pub fn is_scattered(&self) -> bool {
        self.chunk_bytes_of_row() > LARGEST_CHUNK_CACHE
    }

    /// An error that names the file and this column.
    pub fn unusable(&self, reason: impl Into<String>) -> TableError {
        TableError::Column { path: self.path.to_path_buf(), name: self.name.clone(), reason: reason.into() }
    }

    /// Checks that a record is one text or number, as [`Column::texts`] needs.
    pub fn check_texts(&self) -> Result<(), TableError> {
        if self.row_shape().iter().any(|length| *length != 1) {
            return Err(self.unusable(format!("one value a row expected, its shape is {:?}", self.dataset.shape())));
        }
        match self.dataset.dtype() {
            Datatype::String { .. } | Datatype::FixedPoint { .. } => Ok(()),
            Datatype::FloatingPoint { size: 4 | 8, .. } => Ok(()),
            Datatype::VarLen { base, .. } if base.is_vlen_string_base() => Ok(()),
            other => Err(self.unusable(format!("text or numbers expected, its type is {other:?}"))),
        }
    }

    /// Checks that a record is `dimensions` dimensions of unsigned bytes, as [`Column::bytes`] needs.
    pub fn check_bytes(&self, dimensions: usize) -> Result<(), TableError> {
        let bytes = matches!(self.dataset.dtype(), Datatype::FixedPoint { size: 1, signed: false, .. });
        match bytes && self.row_shape().len() == dimensions {
            true => Ok(()),
            false => Err(self.unusable(format!(
                "unsigned bytes in {} dimensions expected, its shape is {:?} and its type {:?}",
                dimensions + 1,
                self.dataset.shape(),
                self.dataset.dtype()
            ))),
        }
    }

    /// The texts of a range of rows. Bytes are UTF-8 where the file says so and they are, else latin-1; padding and surrounding
    /// white space are dropped. Numbers are written in their shortest form.
    pub fn texts(&self, rows: Range<u64>) -> Result<Vec<String>, TableError> {
        let cells: Vec<Cell> = self.read(rows.clone())?;
        let decoded = guarded(|| cells.into_iter().map(|cell| text(cell, &self.dataset)).collect());
        decoded.map_err(|reason| self.unreadable(&rows, reason))
    }

    /// The bytes of one row, the last dimension running fastest.
    pub fn bytes(&self, row: u64) -> Result<Vec<u8>, TableError> {
        self.read(row..row.saturating_add(1))
    }

    fn read<T: H5Type>(&self, rows: Range<u64>) -> Result<Vec<T>, TableError> {
        if rows.end > self.rows || rows.start >= rows.end {
            return Err(self.unreadable(&rows, format!("the file has {} rows", self.rows)));
        }
        let mut selection = SliceInfo::all(self.dataset.ndim());
        selection.selections[0] = SliceInfoElem::Slice { start: rows.start, end: rows.end, step: 1 };
        let array = guarded(|| self.dataset.read_slice::<T>(&selection));
        // The reader gives its arrays in row-major order without a gap.
        array.map(|array| array.into_raw_vec_and_offset().0).map_err(|reason| self.unreadable(&rows, reason))
    }

    fn unreadable(&self, rows: &Range<u64>, reason: String) -> TableError {
        let rows = match rows.end.saturating_sub(rows.start) {
            0 | 1 => rows.start.to_string(),
            _ => format!("{} to {}", rows.start, rows.end - 1),
        };
        TableError::Rows { path: self.path.to_path_buf(), rows, name: self.name.clone(), reason }
    }
}
