//! A directory of safetensors files, mapped into memory: which tensors it holds, with their shapes and bytes.

use super::names::canonical;
use crate::{Error, Result};
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The weights of a Hugging Face directory, in one file or in shards.
pub struct Checkpoint {
    directory: PathBuf,
    shards: Vec<Shard>,
    /// By canonical name.
    tensors: HashMap<String, StoredTensor>,
    /// Tensors that the index promises of a shard that does not hold them: canonical name and shard.
    broken_promises: BTreeMap<String, String>,
}

struct Shard {
    path: PathBuf,
    map: Mmap,
}

/// Where a tensor lies and of what form it is.
#[derive(Debug, Clone)]
pub struct StoredTensor {
    /// The name as the file has it.
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    shard: usize,
    start: usize,
    end: usize,
}

impl Checkpoint {
    /// Maps the files of a directory and reads their headers; no weight is read yet.
    ///
    /// # Errors
    /// No safetensors there, a shard is missing, a file is cut short or no safetensors file.
    pub fn open(directory: &Path) -> Result<Checkpoint> {
        let index = directory.join(INDEX);
        let (files, promised) = if index.is_file() {
            let promised = read_index(&index)?;
            (promised.values().cloned().collect::<BTreeSet<_>>(), promised)
        } else if directory.join(SINGLE).is_file() {
            (BTreeSet::from([SINGLE.to_string()]), BTreeMap::new())
        } else {
            return Err(Error::malformed(directory, no_weights(directory)));
        };
        for file in &files {
            if !directory.join(file).is_file() {
                return Err(Error::malformed(
                    directory.join(file),
                    format!("this shard is missing, though {INDEX} lists it; download the checkpoint again"),
                ));
            }
        }
        let mut shards = Vec::with_capacity(files.len());
        let mut tensors: HashMap<String, StoredTensor> = HashMap::new();
        let mut twice = Vec::new();
        for file in files {
            let path = directory.join(file);
            let map = map_file(&path)?;
            let (header, metadata) =
                SafeTensors::read_metadata(&map).map_err(|error| Error::malformed(&path, not_safetensors(&error)))?;
            let data = header + 8;
            if map.len() != data + metadata.data_len() {
                return Err(Error::malformed(
                    &path,
                    format!(
                        "the file has {} bytes where its header promises {}; download it again",
                        map.len(),
                        data + metadata.data_len()
                    ),
                ));
            }
            for (name, info) in metadata.tensors() {
                let tensor = StoredTensor {
                    dtype: info.dtype,
                    shape: info.shape.clone(),
                    shard: shards.len(),
                    start: data + info.data_offsets.0,
                    end: data + info.data_offsets.1,
                    name,
                };
                match tensors.entry(canonical(&tensor.name)) {
                    Entry::Vacant(place) => _ = place.insert(tensor),
                    Entry::Occupied(first) => twice.push((first.key().clone(), tensor)),
                }
            }
            shards.push(Shard { path, map });
        }
        let broken_promises = promised
            .into_iter()
            .map(|(name, file)| (canonical(&name), file))
            .filter(|(name, _)| !tensors.contains_key(name))
            .collect();
        let checkpoint = Checkpoint { directory: directory.to_path_buf(), shards, tensors, broken_promises };
        // Copies do no harm; of two that differ, either could be meant.
        for (name, second) in &twice {
            let first = &checkpoint.tensors[name];
            let form = |tensor: &StoredTensor| (tensor.dtype, tensor.shape.clone());
            if form(first) != form(second) || checkpoint.bytes(first) != checkpoint.bytes(second) {
                let (mut names, file) = ([&first.name, &second.name], checkpoint.file_of(second));
                names.sort();
                return Err(Error::malformed(
                    file,
                    format!(
                        "`{}` and `{}` are one tensor of the model, stored twice with different numbers",
                        names[0], names[1]
                    ),
                ));
            }
        }
        Ok(checkpoint)
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Every tensor by its canonical name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &StoredTensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    pub fn tensor(&self, canonical: &str) -> Option<&StoredTensor> {
        self.tensors.get(canonical)
    }

    /// The shard that the index names for a tensor that no file holds.
    pub fn promised_shard(&self, canonical: &str) -> Option<&str> {
        self.broken_promises.get(canonical).map(String::as_str)
    }

    /// The file that holds a tensor.
    pub fn file_of(&self, tensor: &StoredTensor) -> &Path {
        &self.shards[tensor.shard].path
    }

    /// A tensor's bytes, little-endian, row-major.
    pub fn bytes(&self, tensor: &StoredTensor) -> &[u8] {
        &self.shards[tensor.shard].map[tensor.start..tensor.end]
    }

    /// Tells the system that these bytes of a tensor are not needed again, so that loading holds the weights once and not twice.
    pub fn release(&self, tensor: &StoredTensor, bytes: std::ops::Range<usize>) {
        #[cfg(unix)]
        {
            let map = &self.shards[tensor.shard].map;
            // SAFETY: the mapping is read-only and backed by the file, so dropped pages come back unchanged when read again.
            // It is advice: a failure costs memory only.
            let _ = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, tensor.start + bytes.start, bytes.len())
            };
        }
        #[cfg(not(unix))]
        let _ = (tensor, bytes);
    }
}

fn map_file(path: &Path) -> Result<Mmap> {
    let file = std::fs::File::open(path).map_err(|source| Error::read(path, source))?;
    // SAFETY: the map is only read. A file that another process cuts short meanwhile would kill this one (SIGBUS), as it
    // would any program that maps weights; the worker process bounds the damage.
    unsafe { Mmap::map(&file) }.map_err(|source| Error::read(path, source))
}

fn read_index(path: &Path) -> Result<BTreeMap<String, String>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let text = std::fs::read(path).map_err(|source| Error::read(path, source))?;
    let index: Index = serde_json::from_slice(&text)
        .map_err(|error| Error::malformed(path, format!("not an index of safetensors shards: {error}")))?;
    // A shard is a file of this directory: a name with a path in it could reach anything.
    if let Some(file) = index.weight_map.values().find(|file| Path::new(file).file_name() != Some(file.as_ref())) {
        return Err(Error::malformed(path, format!("`{file}` is no file name")));
    }
    Ok(index.weight_map)
}

fn no_weights(directory: &Path) -> String {
    if !directory.is_dir() {
        return "there is no such directory".to_string();
    }
    let pickled = std::fs::read_dir(directory).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.ends_with(".bin") || name.ends_with(".pt") || name.ends_with(".pth")
        })
    });
    if pickled {
        format!("there is no {SINGLE} and no {INDEX}; weights are read from safetensors only, never from pickle files")
    } else {
        format!("there is no {SINGLE} and no {INDEX}")
    }
}

fn not_safetensors(error: &safetensors::SafeTensorError) -> String {
    format!("not a safetensors file, or damaged ({error}); download it again")
}
