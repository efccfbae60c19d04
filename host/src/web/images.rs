//! The images of a run's items: decoded and shrunk by workers, on demand, through the dataset's plugin or its pack. An item is named by
//! its row; where its image lies comes from the run and the registry, never from a request.

use super::cache::ImageCache;
use super::index::Dataset;
use crate::error::{Error, Result};
use crate::eval::{dataset_spec, prepared, prepared_spec};
use crate::prepare::PackIndex;
use crate::registry::{Lock, Registry};
use crate::run::PlannedDataset;
use crate::worker::{Command, ComponentSpec, Event, ImagePlace, Limits, Reply, Worker};
use plugin_api::abi::messages::DatasetMessage;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// How large an image is made: pixels of the longer side, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    Thumbnail,
    Large,
}

impl Size {
    pub fn pixels(self) -> u32 {
        match self {
            Size::Thumbnail => 360,
            Size::Large => 1200,
        }
    }
}

/// Which image: a digest of the item's id and its dataset's place in the registry, and the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageKey {
    pub item: u64,
    pub size: Size,
}

/// What a worker of images may use: they are small, and people wait.
const LIMITS: Limits = Limits { load: Duration::from_secs(60), silence: Duration::from_secs(30), memory: 4 << 30 };

/// Workers at once, at most.
const WORKERS: usize = 2;

/// Where the images of a dataset come from.
struct Source {
    dataset: Option<ComponentSpec<DatasetMessage>>,
    pack: Option<PackIndex>,
}

/// Makes images and keeps those that were made.
pub struct Images {
    registry: Result<(Registry, Lock)>,
    /// By the dataset as it stands in the run's plan.
    sources: Mutex<HashMap<String, Arc<OnceLock<Result<Source>>>>>,
    workers: Mutex<Pool>,
    returned: Condvar,
    cache: ImageCache,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Worker>,
    lent: usize,
}

impl Images {
    /// With the registry at hand, or the reason why there is none: then every image has that reason.
    pub fn new(registry: Result<(Registry, Lock)>) -> Result<Images> {
        Ok(Images {
            registry,
            sources: Mutex::default(),
            workers: Mutex::default(),
            returned: Condvar::new(),
            cache: ImageCache::new()?,
        })
    }

    /// The image of an item as JPEG. Blocks: on a worker, where it is not made yet.
    ///
    /// # Errors
    /// A sentence for people; an image that cannot be made is not tried again for a while.
    pub fn get(
        &self,
        planned: &PlannedDataset,
        dataset: &Dataset,
        row: usize,
        size: Size,
    ) -> Result<Arc<[u8]>, String> {
        let item = dataset.items.read(row).ok_or_else(|| "the run's items have changed".to_owned())?;
        let mut hasher = DefaultHasher::new();
        (&planned.name, &planned.plugin, &planned.root, &item.id, &item.image).hash(&mut hasher);
        self.cache.get_or_make(ImageKey { item: hasher.finish(), size }, |file| {
            let source = self.source(planned);
            let source = source.get_or_init(|| self.open(planned)).as_ref().map_err(|error| error.to_string())?;
            let place = match source.pack.as_ref().and_then(|pack| Some((pack, pack.place(&item.id)?))) {
                Some((pack, (offset, bytes))) => ImagePlace::Packed { pack: pack.pack.clone(), offset, bytes },
                None => ImagePlace::Locator(item.image),
            };
            let dataset = source.dataset.clone().filter(|_| matches!(place, ImagePlace::Locator(_)));
            let command = Command::Picture { dataset, image: place, size: size.pixels(), file: file.to_owned() };
            self.made(&command)
        })
    }

    /// Ends the workers and removes the files, for the end of the process.
    pub fn clear(&self) {
        self.pool().idle.clear();
        self.cache.clear();
    }

    fn source(&self, planned: &PlannedDataset) -> Arc<OnceLock<Result<Source>>> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{}\n{}\n{}", planned.name, planned.plugin, planned.root);
        Arc::clone(sources.entry(name).or_default())
    }

    fn open(&self, planned: &PlannedDataset) -> Result<Source> {
        let (registry, lock) = self.registry.as_ref().map_err(Clone::clone)?;
        let name = &planned.name;
        let entry = registry.dataset(name)?;
        if (&entry.plugin, &entry.root) != (&planned.plugin, &planned.root) {
            return Err(Error::failed(format!(
                "the registry's dataset `{name}` is another than the run's: {} in {}, not {} in {}",
                entry.plugin, entry.root, planned.plugin, planned.root
            )));
        }
        match prepared(registry, name)? {
            Some(prepared) => {
                let pack = prepared.pack()?;
                let spec = prepared_spec(registry, lock, name, &prepared);
                Ok(Source { dataset: if pack.is_some() { spec.ok() } else { Some(spec?) }, pack })
            }
            None => Ok(Source { dataset: Some(dataset_spec(registry, lock, name)?), pack: None }),
        }
    }

    /// Has a worker do it. One that dies is replaced; an image that ends two workers is given up.
    fn made(&self, command: &Command) -> Result<(), String> {
        let mut death = String::new();
        for _ in 0..2 {
            let mut lent = self.lend().map_err(|error| error.to_string())?;
            let Some(worker) = &mut lent.worker else { break };
            worker.send(command).map_err(|error| error.to_string())?;
            loop {
                match worker.next(false) {
                    Reply::Event(Event::Pictured { .. }) => return Ok(()),
                    Reply::Event(Event::Failed(failure)) => return Err(failure.message),
                    Reply::Event(_) => {}
                    Reply::Died(reason) => {
                        death = reason.reason;
                        lent.worker = None;
                        break;
                    }
                }
            }
        }
        Err(death)
    }

    fn lend(&self) -> Result<Lent<'_>> {
        let mut pool = self.pool();
        while pool.idle.is_empty() && pool.lent >= WORKERS {
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.lent += 1;
        let mut lent = Lent { images: self, worker: pool.idle.pop() };
        drop(pool);
        if lent.worker.is_none() {
            lent.worker = Some(Worker::start(LIMITS, 1)?);
        }
        Ok(lent)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker that goes back to the pool, unless it was taken out as dead.
struct Lent<'a> {
    images: &'a Images,
    worker: Option<Worker>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.images.pool();
        pool.lent -= 1;
        pool.idle.extend(self.worker.take());
        self.images.returned.notify_one();
    }
}
