//! Opening a file and finding its columns, with the checks that tell a damaged file from one of another kind.

use crate::{Column, TableError};
use hdf5_reader::{FileStorage, Hdf5File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Decoded chunks kept for the next reads, bytes a file. Several rows share a chunk.
const CHUNK_CACHE: usize = 48 << 20;
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
        let open = |source| TableError::Open { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(open)?;
        let metadata = file.metadata().map_err(open)?;
        if metadata.is_dir() {
            return Err(open(std::io::ErrorKind::IsADirectory.into()));
        }
        let bytes = metadata.len();
        let storage = FileStorage::from_file(file).map_err(|error| not_hdf5(path, error.to_string()))?;
        let options = OpenOptions::default()
            .with_chunk_cache_bytes(CHUNK_CACHE)
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
        Column::new(self.path.clone(), name, dataset)
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
