//! Opening a file and finding its columns, with the checks that tell a damaged file from one of another kind.

use crate::{Column, TableError};
use hdf5_reader::{FileStorage, Hdf5File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Decoded chunks kept for the next reads, bytes a file. Several rows share a chunk.
const CHUNK_CACHE: u64 = 48 << 20;
/// The same for files with much in a chunk, at most.
pub(crate) const LARGEST_CHUNK_CACHE: u64 = 192 << 20;
/// h5py's own choice of chunks cuts an image into thousands.
const CHUNK_CACHE_SLOTS: usize = 1 << 14;
/// One read's limit, bytes. A damaged header may promise anything.
const READ_LIMIT: usize = 256 << 20;

/// An open file. Cheap to share: reads take `&self` from any thread.
pub struct Table {
    path: Arc<PathBuf>,
    file: Hdf5File,
}

impl Table {
    /// Opens the file and reads its header.
    pub fn open(path: &Path) -> Result<Table, TableError> {
        Table::open_with(path, CHUNK_CACHE)
    }

    /// The same file, remembering as many chunks as one row of that column touches, so that reading row after row decodes
    /// each chunk once. Few files need more than the usual; [`Column::is_scattered`] tells of those for which it is too much.
    pub fn for_rows_of(self, name: &str) -> Result<Table, TableError> {
        let needed = self.column(name)?.chunk_bytes_of_row();
        match needed > CHUNK_CACHE {
            true => Table::open_with(&self.path, needed.min(LARGEST_CHUNK_CACHE)),
            false => Ok(self),
        }
    }

    fn open_with(path: &Path, cache: u64) -> Result<Table, TableError> {
        let open = |source| TableError::Open { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(open)?;
        let metadata = file.metadata().map_err(open)?;
        if metadata.is_dir() {
            return Err(open(std::io::ErrorKind::IsADirectory.into()));
        }
        let bytes = metadata.len();
        let storage = FileStorage::from_file(file).map_err(|error| not_hdf5(path, error.to_string()))?;
        let options = OpenOptions::default()
            .with_chunk_cache_bytes(cache as usize)
            .with_chunk_cache_slots(CHUNK_CACHE_SLOTS)
            .with_max_chunk_bytes(READ_LIMIT)
            .with_max_read_bytes(READ_LIMIT);
        let file = guarded(|| Hdf5File::from_storage_with_options(Arc::new(storage), options))
            .map_err(|reason| not_hdf5(path, reason))?;
        // A copy or download that stopped early: everything behind the end would fail one by one.
        let expected = file.superblock().eof_address;
        if expected > bytes {
            return Err(TableError::CutOff { path: path.to_owned(), bytes, expected });
        }
        Ok(Table { path: Arc::new(path.to_owned()), file })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The column of that name, or `None` where the file has no dataset of that name.
    pub fn find(&self, name: &str) -> Result<Option<Column>, TableError> {
        let listed = self.names()?.iter().any(|have| have == name);
        listed.then(|| self.open_column(name)).transpose()
    }

    /// The column of that name; the error lists what there is.
    pub fn column(&self, name: &str) -> Result<Column, TableError> {
        self.find(name)?.ok_or_else(|| TableError::NoColumn {
            path: self.path().to_owned(),
            name: name.to_owned(),
            found: match self.names() {
                Ok(names) if !names.is_empty() => names.join(", "),
                _ => "none".to_owned(),
            },
        })
    }

    fn names(&self) -> Result<Vec<String>, TableError> {
        let (_, names) = guarded(|| self.file.root_group()?.member_names())
            .map_err(|reason| not_hdf5(&self.path, format!("its list of datasets is damaged: {reason}")))?;
        Ok(names)
    }

    fn open_column(&self, name: &str) -> Result<Column, TableError> {
        let dataset = guarded(|| self.file.dataset(name)).map_err(|reason| TableError::Column {
            path: self.path().to_owned(),
            name: name.to_owned(),
            reason,
        })?;
        let column = Column::new(self.path.clone(), name, dataset)?;
        column.check_filters()?;
        Ok(column)
    }
}

fn not_hdf5(path: &Path, reason: String) -> TableError {
    TableError::NotHdf5 { path: path.to_owned(), reason }
}

/// Runs the HDF5 crate on bytes that nobody vouches for; should it panic on them, the file is damaged, not the program.
pub(crate) fn guarded<T>(work: impl FnOnce() -> hdf5_reader::error::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the HDF5 reader gave up on it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdf5_writer::{DatasetBuilder, Hdf5Builder, WriteOptions};

    fn table(datasets: Vec<DatasetBuilder>) -> (tempfile::TempDir, Table) {
        let plan = datasets.into_iter().fold(Hdf5Builder::new(), Hdf5Builder::dataset).into_plan().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.h5");
        std::fs::write(&path, plan.encode(WriteOptions::default()).unwrap()).unwrap();
        let table = Table::open(&path).unwrap();
        (folder, table)
    }

    fn numbers(shape: &[u64]) -> DatasetBuilder {
        let values: Vec<i32> = (0..shape.iter().product::<u64>() as i32).collect();
        DatasetBuilder::typed_data("numbers", shape, &values).unwrap()
    }

    #[test]
    fn any_range_of_rows_is_read_and_ranges_behind_the_end_are_refused() {
        let (_folder, table) = table(vec![numbers(&[7, 1]).chunked(vec![3, 1])]);
        let column = table.column("numbers").unwrap();
        column.check_texts().unwrap();
        for start in 0..7u64 {
            for end in start + 1..=7 {
                let expected: Vec<String> = (start..end).map(|value| value.to_string()).collect();
                assert_eq!(column.texts(start..end).unwrap(), expected);
            }
        }
        for rows in [0..8, 7..8, 3..3, u64::MAX - 1..u64::MAX] {
            let error = column.texts(rows.clone()).unwrap_err().to_string();
            assert!(error.contains("table.h5, row ") && error.contains("the file has 7 rows"), "{rows:?}: {error}");
        }
        assert!(column.bytes(u64::MAX - 1).is_err());
    }

    #[test]
    fn columns_of_several_values_a_row_are_no_texts_and_absent_ones_are_none() {
        let (_folder, table) = table(vec![numbers(&[2, 3])]);
        let error = table.column("numbers").unwrap().check_texts().unwrap_err().to_string();
        assert!(error.contains("dataset `numbers`: one value a row expected, its shape is [2, 3]"), "{error}");
        assert!(table.find("words").unwrap().is_none());
        let error = table.column("words").map(|_| ()).unwrap_err().to_string();
        assert!(error.ends_with("has no dataset `words`; it has numbers"), "{error}");
    }

    #[test]
    fn a_folder_is_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let error = Table::open(folder.path()).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot open {}", folder.path().display())), "{error}");
    }
}
