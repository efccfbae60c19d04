//! Who may write into a run directory: one host for the whole run, or several with different shards.

use super::Shard;
use super::files::create_folder;
use crate::error::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held while a host writes into a run directory; the system lets it go with the process, however that ends.
#[derive(Debug)]
pub struct RunLock {
    _files: Vec<File>,
}

impl RunLock {
    /// For a whole run: alone. For a shard: beside other shards, alone on this one.
    pub fn acquire(run: &Path, shard: Shard) -> Result<RunLock> {
        create_folder(run)?;
        let whole = open(&run.join(".lock"))?;
        if shard.is_whole() {
            lock(&whole, run, "a host", File::try_lock)?;
            return Ok(RunLock { _files: vec![whole] });
        }
        lock(&whole, run, "a host with the whole run", File::try_lock_shared)?;
        let part = open(&run.join(format!(".lock-{}", shard.to_string().replace('/', "-of-"))))?;
        lock(&part, run, &format!("a host with shard {shard}"), File::try_lock)?;
        Ok(RunLock { _files: vec![whole, part] })
    }
}

fn open(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    opened.map_err(|error| Error::io("write", path, &error))
}

fn lock(file: &File, run: &Path, holder: &str, try_lock: impl Fn(&File) -> Result<(), TryLockError>) -> Result<()> {
    match try_lock(file) {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(Error::failed(format!("{holder} is at work in {} already", run.display()))
                .help("wait for it, or choose another folder with --run DIR"))
        }
        Err(TryLockError::Error(error)) => Err(Error::io("lock", run, &error)),
    }
}
