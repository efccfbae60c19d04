//! Images that were made: in memory, and as files in a folder of this process that goes with it. Both are bounded; what was not looked at
//! for longest goes first.

use super::images::ImageKey;
use crate::error::{Error, Result};
use lru::LruCache;
use std::collections::HashSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes in memory.
const IN_MEMORY: usize = 32 << 20;
/// Bytes on disk.
const ON_DISK: usize = 512 << 20;
/// How long an image that cannot be made is not tried again.
const RETRY: Duration = Duration::from_secs(20);
/// Reasons that are remembered.
const REASONS: NonZero<usize> = NonZero::new(10_000).unwrap();

/// Two levels of images.
pub struct ImageCache {
    folder: tempfile::TempDir,
    state: Mutex<State>,
    made: Condvar,
}

struct State {
    memory: Bounded<Arc<[u8]>>,
    /// Files by key, with their lengths.
    disk: Bounded<usize>,
    failed: LruCache<ImageKey, (Instant, String)>,
    /// Keys that some thread is making.
    making: HashSet<ImageKey>,
}

/// Entries whose sizes are bounded together.
struct Bounded<V> {
    entries: LruCache<ImageKey, (usize, V)>,
    size: usize,
    most: usize,
}

impl<V> Bounded<V> {
    fn new(most: usize) -> Bounded<V> {
        Bounded { entries: LruCache::unbounded(), size: 0, most }
    }

    /// Adds an entry; gives those that had to go.
    fn add(&mut self, key: ImageKey, size: usize, value: V) -> Vec<ImageKey> {
        if let Some((old, _)) = self.entries.put(key, (size, value)) {
            self.size -= old;
        }
        self.size += size;
        let mut gone = Vec::new();
        while self.size > self.most {
            let Some((key, (size, _))) = self.entries.pop_lru() else { break };
            self.size -= size;
            gone.push(key);
        }
        gone
    }

    fn remove(&mut self, key: &ImageKey) {
        if let Some((size, _)) = self.entries.pop(key) {
            self.size -= size;
        }
    }
}

impl ImageCache {
    pub fn new() -> Result<ImageCache> {
        let folder = tempfile::Builder::new().prefix("lookbook-images-").tempdir();
        let folder = folder.map_err(|error| {
            Error::failed(format!("cannot make a temporary folder for images: {error}"))
                .help("name another folder with TMPDIR")
        })?;
        let state = State {
            memory: Bounded::new(IN_MEMORY),
            disk: Bounded::new(ON_DISK),
            failed: LruCache::new(REASONS),
            making: HashSet::new(),
        };
        Ok(ImageCache { folder, state: Mutex::new(state), made: Condvar::new() })
    }

    /// The image of this key. `make` writes it into the file that it is given; threads that want the same image wait for one of them.
    pub fn get_or_make(
        &self,
        key: ImageKey,
        make: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<Arc<[u8]>, String> {
        let file = self.file(&key);
        let mut state = self.lock();
        let stored = loop {
            if let Some((_, bytes)) = state.memory.entries.get(&key) {
                return Ok(Arc::clone(bytes));
            }
            if let Some((when, reason)) = state.failed.get(&key)
                && when.elapsed() < RETRY
            {
                return Err(reason.clone());
            }
            if state.making.insert(key) {
                break state.disk.entries.get(&key).is_some();
            }
            state = self.made.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        // However `make` ends, others must not wait for it for ever.
        let _made = Making { cache: self, key };
        let read = |path: &Path| std::fs::read(path).map(Arc::<[u8]>::from);
        let kept = if stored { read(&file).ok() } else { None };
        let made = match kept {
            Some(bytes) => Ok(bytes),
            None => make(&file).and_then(|()| read(&file).map_err(|error| error.to_string())),
        };
        let mut state = self.lock();
        match &made {
            Ok(bytes) => {
                state.memory.add(key, bytes.len(), Arc::clone(bytes));
                for gone in state.disk.add(key, bytes.len(), bytes.len()) {
                    let _ = std::fs::remove_file(self.file(&gone));
                }
            }
            Err(reason) => {
                state.disk.remove(&key);
                state.failed.put(key, (Instant::now(), reason.clone()));
            }
        }
        made
    }

    /// Removes the files: threads that outlive the server keep the folder from being dropped.
    pub fn clear(&self) {
        let _ = std::fs::remove_dir_all(self.folder.path());
    }

    fn file(&self, key: &ImageKey) -> PathBuf {
        self.folder.path().join(format!("{:016x}-{}.jpg", key.item, key.size.pixels()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key that is being made, until it is dropped.
struct Making<'a> {
    cache: &'a ImageCache,
    key: ImageKey,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.cache.lock().making.remove(&self.key);
        self.cache.made.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::super::images::Size;
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(item: u64) -> ImageKey {
        ImageKey { item, size: Size::Thumbnail }
    }

    #[test]
    fn an_image_is_made_once_for_all_who_wait() {
        let cache = ImageCache::new().unwrap();
        let count = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let image = cache.get_or_make(key(1), |file| {
                        count.fetch_add(1, Ordering::Relaxed);
                        std::fs::write(file, b"image").map_err(|error| error.to_string())
                    });
                    assert_eq!(&*image.unwrap(), b"image");
                });
            }
        });
        assert_eq!(count.into_inner(), 1);
    }

    #[test]
    fn a_failure_is_remembered_and_panics_block_nobody() {
        let cache = ImageCache::new().unwrap();
        let (key, other) = (key(1), key(2));
        assert_eq!(cache.get_or_make(key, |_| Err("no image".to_owned())).unwrap_err(), "no image");
        assert_eq!(cache.get_or_make(key, |_| panic!("tried again")).unwrap_err(), "no image");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = cache.get_or_make(other, |_| panic!("on purpose"));
        }));
        assert!(panicked.is_err());
        let image = cache.get_or_make(other, |file| std::fs::write(file, b"x").map_err(|error| error.to_string()));
        assert_eq!(&*image.unwrap(), b"x");
    }

    #[test]
    fn sizes_are_bounded() {
        let mut bounded = Bounded::new(100);
        for item in 0..4 {
            assert!(bounded.add(key(item), 25, ()).is_empty());
        }
        bounded.entries.get(&key(0));
        assert_eq!(bounded.add(key(4), 30, ()), [key(1), key(2)]);
        assert_eq!(bounded.size, 80);
        bounded.remove(&key(0));
        assert_eq!(bounded.size, 55);
    }
}
