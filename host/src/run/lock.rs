//! Who may write into a run directory: one host for the whole run, or several with different shards.

use super::files::{clear_unfinished, create_folder};
use super::{Kind, Shard};
use crate::error::{Error, Result};
use crate::stop;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// Held while a host writes into a run directory; the system lets it go with the process, however that ends.
#[derive(Debug)]
pub struct RunLock {
    _files: Vec<File>,
}

/// Why a lock was not given.
enum Denied {
    /// Another host has it.
    Held(Error),
    Broken(Error),
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Error {
        let (Denied::Held(error) | Denied::Broken(error)) = denied;
        error
    }
}

impl RunLock {
    /// For a whole run: alone. For a shard: beside other shards, alone on this one.
    pub fn acquire(run: &Path, shard: Shard) -> Result<RunLock> {
        Ok(acquire(run, shard, None)?)
    }

    /// Takes a folder for a kind of results, as [`RunLock::acquire`] does. Who is alone in it removes what killed commands had begun to write
    /// aside.
    ///
    /// # Errors
    /// The folder holds something else, or another host is at work in it.
    pub fn take(folder: &Path, kind: Kind, shard: Shard) -> Result<RunLock> {
        kind.refuse_others(folder)?;
        let lock = acquire(folder, shard, None).map_err(|denied| match denied {
            Denied::Held(error) => error.help(format!("wait for it, or choose another folder with {}", kind.flag())),
            Denied::Broken(error) => error,
        })?;
        if shard.is_whole() {
            clear_unfinished(folder);
        }
        Ok(lock)
    }

    /// Removes the locks of parts. For who holds the whole run: no part can be at work then.
    pub fn clear_parts(&self, run: &Path) {
        for entry in std::fs::read_dir(run).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(".lock-") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Is a host of this machine at work in the run? From the kernel's list, since trying the lock could turn away somebody who comes at
    /// that moment. False where the system has no such list.
    pub fn is_held(run: &Path) -> bool {
        #[cfg(target_os = "linux")]
        {
            use std::os::unix::fs::MetadataExt;
            let Ok(file) = std::fs::metadata(run.join(".lock")) else { return false };
            let inode = format!(":{}", file.ino());
            let list = std::fs::read_to_string("/proc/locks").unwrap_or_default();
            list.lines()
                .any(|line| line.contains("FLOCK") && line.split_whitespace().any(|word| word.ends_with(&inode)))
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = run;
            false
        }
    }

    /// For one model's part of a shard, or a trial of a sweep, beside others; without a name alone. A predecessor that was killed may still
    /// hold it, where a network file system has not noticed yet: waits so long for it, and says so once.
    pub fn wait_for(
        run: &Path,
        shard: Shard,
        task: Option<&str>,
        patience: Duration,
        say: impl Fn(&str),
    ) -> Result<RunLock> {
        let began = Instant::now();
        let mut said = false;
        loop {
            match acquire(run, shard, task) {
                Err(Denied::Held(error)) if began.elapsed() < patience && !stop::requested() => {
                    if !std::mem::replace(&mut said, true) {
                        say(&format!("{}; waiting for it to end", error.message));
                    }
                    std::thread::sleep(Duration::from_millis(300));
                }
                other => return Ok(other?),
            }
        }
    }
}

fn acquire(run: &Path, shard: Shard, task: Option<&str>) -> Result<RunLock, Denied> {
    create_folder(run).map_err(Denied::Broken)?;
    let whole = open(&run.join(".lock"))?;
    if shard.is_whole() && task.is_none() {
        lock(&whole, run, "a host", File::try_lock)?;
        return Ok(RunLock { _files: vec![whole] });
    }
    lock(&whole, run, "a host with the whole run", File::try_lock_shared)?;
    let name = format!(".lock-{}", shard.to_string().replace('/', "-of-"));
    let part = open(&run.join(&name))?;
    let Some(task_name) = task else {
        lock(&part, run, &format!("a host with shard {shard}"), File::try_lock)?;
        return Ok(RunLock { _files: vec![whole, part] });
    };
    lock(&part, run, &format!("a host with shard {shard}"), File::try_lock_shared)?;
    let task = open(&run.join(format!("{name}-{task_name}")))?;
    lock(&task, run, &format!("a host with shard {shard} of {task_name}"), File::try_lock)?;
    Ok(RunLock { _files: vec![whole, part, task] })
}

fn open(path: &Path) -> Result<File, Denied> {
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    opened.map_err(|error| Denied::Broken(Error::io("write", path, &error)))
}

fn lock(
    file: &File,
    run: &Path,
    holder: &str,
    try_lock: impl Fn(&File) -> Result<(), TryLockError>,
) -> Result<(), Denied> {
    match try_lock(file) {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Denied::Held(
            Error::failed(format!("{holder} is at work in {} already", run.display()))
                .help("wait for it, or choose another folder"),
        )),
        Err(TryLockError::Error(error)) => Err(Denied::Broken(Error::io("lock", run, &error))),
    }
}
