//! Hands a model its tensors by name, from files, at random, or only noting what it asks for.

use super::checkpoint::{Checkpoint, StoredTensor};
use super::convert::{Numbers, all_finite};
use super::names;
use crate::adapter::Adapter;
use crate::device::{Placement, watched};
use crate::layers::{LoraLinear, Sites};
use crate::{Error, Result};
use burn::tensor::{Tensor, TensorData};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The tensors that a model of some configuration has: canonical names and shapes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    pub tensors: BTreeMap<String, Vec<usize>>,
    /// What files may hold too: copies of other tensors, heads of other tasks.
    pub copies: BTreeSet<String>,
}

impl Expected {
    /// Number of weights.
    pub fn parameters(&self) -> u64 {
        self.tensors.values().map(|shape| shape.iter().map(|&n| n as u64).product::<u64>()).sum()
    }

    /// Compares with what a checkpoint holds.
    ///
    /// # Errors
    /// Every missing, unexpected or wrongly shaped tensor, by name.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<()> {
        let mut problems = Vec::new();
        for (name, shape) in &self.tensors {
            match checkpoint.tensor(name) {
                None => problems.push(match checkpoint.promised_shard(name) {
                    Some(shard) => {
                        format!("  missing: {name} (the index places it in {shard}, which does not hold it)")
                    }
                    None => format!("  missing: {name} {shape:?}"),
                }),
                Some(stored) if &stored.shape != shape => problems.push(format!(
                    "  wrong shape: {} in {} is {:?}, config.json makes it {shape:?}",
                    stored.name,
                    file_name(checkpoint.file_of(stored)),
                    stored.shape
                )),
                Some(_) => {}
            }
        }
        let mut unexpected: Vec<_> = checkpoint
            .tensors()
            .filter(|(name, _)| {
                !self.tensors.contains_key(*name) && !self.copies.contains(*name) && !names::is_computed(name)
            })
            .map(|(_, stored)| {
                format!("  unexpected: {} {:?} in {}", stored.name, stored.shape, file_name(checkpoint.file_of(stored)))
            })
            .collect();
        unexpected.sort();
        problems.extend(unexpected);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Error::Weights { path: checkpoint.directory().to_path_buf(), problems })
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Gives tensors by name below a prefix. Cheap to clone; layers may load on several threads.
#[derive(Clone)]
pub struct Loader {
    source: Arc<Source>,
    placement: Placement,
    prefix: String,
    sites: Sites,
    adapter: Option<Arc<Adapter>>,
}

enum Source {
    Files(Checkpoint),
    Random { seed: u64 },
    Noting(Mutex<Expected>),
}

/// How many random numbers are drawn; larger tensors repeat them.
const RANDOM_BLOCK: usize = 1 << 20;
/// Bytes of a file that are read at a time; whole numbers of every format.
const PIECE: usize = 8 << 20;
/// The spread of random weights: activations stay finite through any of the models.
const RANDOM_SCALE: f32 = 0.02;

impl Loader {
    pub fn from_files(checkpoint: Checkpoint, placement: &Placement) -> Loader {
        Self::new(Source::Files(checkpoint), placement)
    }

    /// Weights that mean nothing, for measuring: uniform in ±0.02, normalisation weights 1.
    pub fn random(seed: u64, placement: &Placement) -> Loader {
        Self::new(Source::Random { seed }, placement)
    }

    /// Makes a model of this loader's tensors. Its weights get memory of exactly their size, which is given back only with them; what making it took
    /// beside them is given back when it is there.
    ///
    /// # Errors
    /// Those of `build`; the device has no room.
    pub fn build<T: Send>(&self, build: impl Fn(&Loader) -> Result<T> + Sync) -> Result<T> {
        let device = &self.placement.device;
        #[cfg(feature = "cuda")]
        if let Some(index) = self.placement.cuda_index() {
            crate::gpu::lay_out(index);
        }
        watched(|| {
            let built = device.memory_persistent_allocations((), |()| build(self));
            device.memory_cleanup();
            device.sync().map_err(|error| Error::Device(format!("{}: {error}", self.placement)))?;
            built
        })
    }

    /// What a model would load, without loading: the tensors that `build` gets are empty.
    ///
    /// # Errors
    /// Those of `build`.
    pub fn expected<T>(build: impl FnOnce(&Loader) -> Result<T>) -> Result<Expected> {
        let loader = Self::new(Source::Noting(Mutex::default()), &Placement::cpu().or_else(|_| Placement::auto())?);
        build(&loader)?;
        match &*loader.source {
            Source::Noting(noted) => Ok(noted.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()),
            _ => Ok(Expected::default()),
        }
    }

    fn new(source: Source, placement: &Placement) -> Loader {
        Loader {
            source: Arc::new(source),
            placement: placement.clone(),
            prefix: String::new(),
            sites: Sites::default(),
            adapter: None,
        }
    }

    /// Merges an adapter into the layers that are loaded from here on.
    #[must_use]
    pub fn with_adapter(self, adapter: Option<Adapter>) -> Loader {
        Loader { adapter: adapter.map(Arc::new), ..self }
    }

    /// The linear layers loaded so far.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// The canonical name of this part, or of one below it.
    pub fn module(&self, part: Option<&str>) -> String {
        part.map_or_else(|| self.prefix.clone(), |part| self.full(part))
    }

    /// What the adapter brings for a layer whose outputs are `outputs` of a product.
    pub fn adapter(&self, module: &str, outputs: std::ops::Range<usize>) -> Option<LoraLinear> {
        if self.is_noting() {
            return None;
        }
        self.adapter.as_ref()?.layer(module, outputs, &self.placement.device)
    }

    /// The loader of a part: names below `part.`.
    #[must_use]
    pub fn at(&self, part: &str) -> Loader {
        Loader { prefix: self.full(part), ..self.clone() }
    }

    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    fn full(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }

    /// Notes that files may hold a tensor that this model does without: a copy of one it stores once, the head of another task.
    pub fn note_copy(&self, name: &str) {
        if let Source::Noting(noted) = &*self.source {
            let name = self.full(name);
            noted.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).copies.insert(name);
        }
    }

    /// True where only names and shapes are noted and no tensor will be used.
    pub fn is_noting(&self) -> bool {
        matches!(&*self.source, Source::Noting(_))
    }

    /// Whether files hold a tensor and it is not a copy of another. Neither random weights nor a list of expectations hold what the configuration
    /// leaves open.
    pub fn holds_apart(&self, name: &str, other: &str) -> bool {
        let Source::Files(checkpoint) = &*self.source else { return false };
        let Some(own) = checkpoint.tensor(&self.full(name)) else { return false };
        checkpoint.tensor(&self.full(other)).is_none_or(|other| {
            (own.dtype, &own.shape) != (other.dtype, &other.shape) || checkpoint.bytes(own) != checkpoint.bytes(other)
        })
    }

    /// A tensor of a shape.
    ///
    /// # Errors
    /// It is missing, of another shape, or of a format other than f32, f16 and bf16.
    pub fn tensor<const D: usize>(&self, name: &str, shape: [usize; D]) -> Result<Tensor<D>> {
        let data = self.read(&[(Some(name), shape.to_vec())], &shape)?;
        Ok(data.map_or_else(|| Tensor::empty([1; D], &self.placement.device), |data| self.place(data)))
    }

    /// Several tensors joined along their first dimension, in one read: `q`, `k` and `v` as one matrix. A part without a name
    /// is zeros (a bias that the checkpoint leaves out).
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn joined<const D: usize>(&self, parts: &[(Option<&str>, [usize; D])]) -> Result<Tensor<D>> {
        let mut shape = parts[0].1;
        shape[0] = parts.iter().map(|(_, part)| part[0]).sum();
        let parts: Vec<_> = parts.iter().map(|(name, shape)| (*name, shape.to_vec())).collect();
        let data = self.read(&parts, &shape)?;
        Ok(data.map_or_else(|| Tensor::empty([1; D], &self.placement.device), |data| self.place(data)))
    }

    fn place<const D: usize>(&self, data: TensorData) -> Tensor<D> {
        Tensor::from_data(data, (&self.placement.device, self.placement.dtype))
    }

    /// `None` when only noting.
    fn read(&self, parts: &[(Option<&str>, Vec<usize>)], shape: &[usize]) -> Result<Option<TensorData>> {
        if let Source::Noting(noted) = &*self.source {
            let mut noted = noted.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let named = parts.iter().filter_map(|(name, part)| name.map(|name| (self.full(name), part.clone())));
            noted.tensors.extend(named);
            return Ok(None);
        }
        let count = shape.iter().product();
        let Some(mut numbers) = Numbers::with_capacity(self.placement.dtype, count) else {
            return Err(Error::Device(format!("no weights in the format {:?}", self.placement.dtype)));
        };
        for (name, part) in parts {
            let part_count = part.iter().product();
            let Some(name) = name else {
                numbers.push_repeated(0.0, part_count);
                continue;
            };
            let full = self.full(name);
            match &*self.source {
                Source::Noting(_) => {} // returned above
                Source::Random { seed } => {
                    if part.len() == 1 {
                        let value = if full.ends_with(".weight") { 1.0 } else { 0.0 };
                        numbers.push_repeated(value, part_count);
                    } else {
                        let block = random_block(*seed ^ crate::random::hash(&full), part_count.min(RANDOM_BLOCK));
                        numbers.push(block.iter().copied().cycle().take(part_count));
                    }
                }
                Source::Files(checkpoint) => {
                    let stored = checkpoint.tensor(&full).ok_or_else(|| Error::Weights {
                        path: checkpoint.directory().to_path_buf(),
                        problems: vec![format!("  missing: {full} {part:?}")],
                    })?;
                    read_stored(checkpoint, stored, part, &mut numbers)?;
                }
            }
        }
        Ok(Some(match numbers {
            Numbers::F32(values) => TensorData::new(values, shape.to_vec()),
            Numbers::Bf16(values) => TensorData::new(values, shape.to_vec()),
        }))
    }
}

fn read_stored(checkpoint: &Checkpoint, stored: &StoredTensor, shape: &[usize], numbers: &mut Numbers) -> Result<()> {
    let file = checkpoint.file_of(stored);
    if stored.shape != shape {
        return Err(Error::malformed(
            file,
            format!("{} is {:?}, config.json makes it {shape:?}", stored.name, stored.shape),
        ));
    }
    // Piece by piece, each given back when it is read: the largest tensor too is held once and not twice.
    for (place, piece) in checkpoint.bytes(stored).chunks(PIECE).enumerate() {
        if !numbers.extend(stored.dtype, piece) {
            return Err(Error::malformed(
                file,
                format!("{} is stored as {:?}; f32, f16 and bf16 can be read", stored.name, stored.dtype),
            ));
        }
        // Some of them a model would hide: its captions then say nothing, and look as if they did.
        if !all_finite(stored.dtype, piece) {
            return Err(Error::malformed(
                file,
                format!(
                    "{} holds a number that is NaN or infinite: the file is damaged, or comes from a training that diverged",
                    stored.name
                ),
            ));
        }
        checkpoint.release(stored, place * PIECE..place * PIECE + piece.len());
    }
    Ok(())
}

fn random_block(seed: u64, count: usize) -> Vec<f32> {
    let mut random = crate::random::Random::new(seed);
    (0..count).map(|_| (random.uniform() as f32 * 2.0 - 1.0) * RANDOM_SCALE).collect()
}
