//! A training in progress: forward, backward, steps, and what is saved of it. What a model is, [`Learner`] says.

use super::adapters::{PathOf, Trained, factors, linear_layers, numbers};
use super::loss::{Labels, cross_entropy};
use super::optimizer::{Moments, Optimizer};
use super::tape::{Gradients, Mode, Tape, Var};
use crate::device::watched;
use crate::layers::{Factors, Site};
use crate::parallel::within_pool;
use crate::random::Random;
use crate::weights::{f32_numbers, write_safetensors, write_text};
use crate::{Error, Placement, Result};
use plugin_api::{Adaptation, LinearLayer, LoraTarget, Loss};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A prepared batch: images, and what is to be said of them.
pub struct Batch {
    /// `[rows, 3, size, size]`.
    pub pixels: Vec<f32>,
    pub seeds: Vec<u64>,
    pub labels: Labels,
}

/// A model that learns to caption.
pub trait Learner: Sync {
    /// Scores of the tokens to learn, `[1, counted tokens, vocabulary]`, in the order of [`Labels::ids`].
    ///
    /// # Errors
    /// The batch is not one of this model.
    fn scores<'m>(&'m self, tape: &mut Tape<'m>, batch: &Batch) -> Result<Var>;
}

/// The training of one model.
pub struct Session {
    sites: Vec<Site>,
    path: PathOf,
    placement: Placement,
    work: Mutex<Option<Work>>,
}

struct Work {
    adaptation: Adaptation,
    trained: Trained,
    gradients: Gradients,
    optimizer: Optimizer,
    /// Batches accumulated so far: dropout's random numbers derive from it.
    passes: u64,
}

const STATE: &str = "trainer_state.json";
const TENSORS: &str = "trainer_state.safetensors";
/// The names of the six matrices of an adapter in the state.
const PARTS: [&str; 6] = ["lora_A", "lora_B", "mean_A", "square_A", "mean_B", "square_B"];

#[derive(Serialize, Deserialize)]
struct Stored {
    steps: u64,
    passes: u64,
    seed: u64,
    targets: Vec<LoraTarget>,
}

impl Session {
    /// For the layers of a loaded model; `path` gives their names in the reference implementation.
    pub fn new(sites: Vec<Site>, path: PathOf, placement: &Placement) -> Session {
        Session { sites, path, placement: placement.clone(), work: Mutex::default() }
    }

    pub fn layers(&self) -> Vec<LinearLayer> {
        linear_layers(&self.sites, self.path)
    }

    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Work) -> Result<T>) -> Result<T> {
        match self.work().as_mut() {
            Some(work) => watched(|| act(work)),
            None => Err(Error::Request("no layer is adapted yet".into())),
        }
    }

    /// Puts adapters on the layers; returns how many numbers are trained.
    ///
    /// # Errors
    /// As [`Trained::attach`], or it was done before.
    pub fn adapt(&self, adaptation: &Adaptation) -> Result<u64> {
        let mut work = self.work();
        if work.is_some() {
            return Err(Error::Request("the model is adapted already".into()));
        }
        let trained =
            Trained::attach(&self.sites, self.path, &adaptation.targets, adaptation.seed, &self.placement.device)?;
        let count = trained.entries.len();
        let parameters = trained.parameters();
        *work = Some(Work {
            adaptation: adaptation.clone(),
            trained,
            gradients: (0..count).map(|_| None).collect(),
            optimizer: Optimizer::new(adaptation.optimizer.clone(), count),
            passes: 0,
        });
        Ok(parameters)
    }

    /// Forward and backward: adds `weight` times the gradient of the sum of the losses.
    ///
    /// # Errors
    /// As [`Learner::scores`], or the device has no room.
    pub fn accumulate(&self, model: &impl Learner, batch: &Batch, weight: f64) -> Result<Loss> {
        self.with(|work| {
            let seed = Random::new(work.adaptation.seed ^ work.passes.wrapping_mul(0xa076_1d64_78bd_642f)).next_u64();
            work.passes += 1;
            let mode =
                Mode { recording: true, checkpointing: work.adaptation.gradient_checkpointing, dropout: Some(seed) };
            let gradients = &mut work.gradients;
            within_pool(move || {
                let mut tape = Tape::new(mode);
                let scores = model.scores(&mut tape, batch)?;
                Ok(cross_entropy(tape, scores, &batch.labels, weight, gradients))
            })
        })
    }

    /// The losses without dropout.
    ///
    /// # Errors
    /// As [`Learner::scores`], or the device has no room.
    pub fn evaluate(&self, model: &impl Learner, batch: &Batch) -> Result<Loss> {
        watched(|| {
            let mut tape = Tape::off();
            let scores = model.scores(&mut tape, batch)?;
            Ok(cross_entropy(tape, scores, &batch.labels, 0.0, &mut Gradients::new()))
        })
    }

    /// One step of the optimizer; returns the gradient's norm before clipping.
    ///
    /// # Errors
    /// No layer is adapted, or the device has no room.
    pub fn step(&self, learning_rate: f64) -> Result<f64> {
        self.with(|work| Ok(work.optimizer.step(&work.trained, &mut work.gradients, learning_rate)))
    }

    /// The gradients accumulated so far: path, of A and of B, row-major. For tests and for the curious.
    pub fn gradients(&self) -> Vec<(String, Vec<f32>, Vec<f32>)> {
        let work = self.work();
        let Some(work) = work.as_ref() else { return Vec::new() };
        let entries = work.trained.entries.iter().zip(&work.gradients);
        entries
            .filter_map(|(entry, gradient)| {
                let (down, up) = gradient.clone()?;
                Some((entry.target.path.clone(), numbers(down).0, numbers(up).0))
            })
            .collect()
    }

    /// The adapters' numbers: path, A and B, row-major.
    pub fn factors(&self) -> Vec<(String, Vec<f32>, Vec<f32>)> {
        let work = self.work();
        let Some(work) = work.as_ref() else { return Vec::new() };
        let entry = |entry: &super::adapters::Entry| {
            let Factors { down, up } = entry.adapter.factors();
            (entry.target.path.clone(), numbers(down).0, numbers(up).0)
        };
        work.trained.entries.iter().map(entry).collect()
    }

    /// Sets the numbers of one adapter, row-major.
    ///
    /// # Errors
    /// There is no such adapter, or the counts are not its own.
    pub fn set_factors(&self, path: &str, down: Vec<f32>, up: Vec<f32>) -> Result<()> {
        self.with(|work| {
            let entry = work.trained.entries.iter().find(|entry| entry.target.path == path);
            let entry = entry.ok_or_else(|| Error::Request(format!("`{path}` is not adapted")))?;
            let ([rank, inputs], [outputs, _]) = shapes(entry.adapter.factors());
            if down.len() != rank * inputs || up.len() != outputs * rank {
                return Err(Error::Request(format!(
                    "`{path}`: these are not {rank} × {inputs} and {outputs} × {rank} numbers"
                )));
            }
            entry.adapter.set_factors(factors(down, up, rank, inputs, outputs, &self.placement.device));
            Ok(())
        })
    }

    /// Writes a PEFT folder. `weights` is the base's path, for where the adaptation names no base.
    ///
    /// # Errors
    /// No layer is adapted, the device failed before, or the disk refuses.
    pub fn save_adapter(&self, directory: &Path, weights: &Path) -> Result<()> {
        self.with(|work| {
            let path = weights.to_string_lossy();
            work.trained.write(directory, work.adaptation.base.as_deref().unwrap_or(&path))
        })
    }

    /// Writes what continuing needs.
    ///
    /// # Errors
    /// No layer is adapted, the device failed before, or the disk refuses.
    pub fn save_state(&self, directory: &Path) -> Result<()> {
        self.with(|work| {
            let mut tensors = Vec::new();
            for (entry, moments) in work.trained.entries.iter().zip(&work.optimizer.moments) {
                let Factors { down, up } = entry.adapter.factors();
                let mut all = vec![down, up];
                if let Some((down, up)) = moments.clone() {
                    all.extend([down.mean, down.square, up.mean, up.square]);
                }
                for (part, tensor) in PARTS.iter().zip(all) {
                    let (values, shape) = numbers(tensor);
                    tensors.push((format!("{}.{part}", entry.target.path), shape, values));
                }
            }
            write_safetensors(&directory.join(TENSORS), tensors)?;
            let stored = Stored {
                steps: work.optimizer.steps,
                passes: work.passes,
                seed: work.adaptation.seed,
                targets: work.adaptation.targets.clone(),
            };
            let text = serde_json::to_string_pretty(&stored).unwrap_or_default();
            write_text(&directory.join(STATE), &text)
        })
    }

    /// Goes on from [`Session::save_state`].
    ///
    /// # Errors
    /// Files are missing or damaged, or belong to another adaptation.
    pub fn load_state(&self, directory: &Path) -> Result<()> {
        let path = directory.join(STATE);
        let stored: Stored = crate::read_json(&path)?;
        self.with(|work| {
            if !same(&stored.targets, &work.adaptation.targets) || stored.seed != work.adaptation.seed {
                return Err(Error::malformed(
                    &path,
                    "this is the state of a training with other layers or another seed",
                ));
            }
            let path = directory.join(TENSORS);
            let bytes = std::fs::read(&path).map_err(|source| Error::read(&path, source))?;
            let tensors = SafeTensors::deserialize(&bytes)
                .map_err(|error| Error::malformed(&path, format!("not a safetensors file, or damaged ({error})")))?;
            let device = &self.placement.device;
            let mut restored = Vec::with_capacity(work.trained.entries.len());
            for entry in &work.trained.entries {
                let (down_shape, up_shape) = shapes(entry.adapter.factors());
                let read = |part: &str, shape: [usize; 2]| {
                    let name = format!("{}.{part}", entry.target.path);
                    let view = tensors.tensor(&name).ok().filter(|view| view.shape() == shape);
                    let values = view.and_then(|view| f32_numbers(view.dtype(), view.data()));
                    let values = values
                        .ok_or_else(|| Error::malformed(&path, format!("`{name}` is missing or of another shape")))?;
                    Ok(burn::tensor::Tensor::<2>::from_data(burn::tensor::TensorData::new(values, shape), device))
                };
                let factors = Factors { down: read(PARTS[0], down_shape)?, up: read(PARTS[1], up_shape)? };
                let moments = if tensors.tensor(&format!("{}.{}", entry.target.path, PARTS[2])).is_ok() {
                    Some((
                        Moments { mean: read(PARTS[2], down_shape)?, square: read(PARTS[3], down_shape)? },
                        Moments { mean: read(PARTS[4], up_shape)?, square: read(PARTS[5], up_shape)? },
                    ))
                } else {
                    None
                };
                restored.push((factors, moments));
            }
            // Only now, so that a damaged file leaves all as it was.
            for ((entry, place), (factors, moments)) in
                work.trained.entries.iter().zip(&mut work.optimizer.moments).zip(restored)
            {
                entry.adapter.set_factors(factors);
                *place = moments;
            }
            work.gradients.iter_mut().for_each(|gradient| *gradient = None);
            work.optimizer.steps = stored.steps;
            work.passes = stored.passes;
            Ok(())
        })
    }
}

/// Whether two lists of targets are one, but for the last digit that a number may lose on its way through JSON.
fn same(a: &[LoraTarget], b: &[LoraTarget]) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs();
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.path == b.path && a.rank == b.rank && near(a.scaling, b.scaling) && near(a.dropout, b.dropout)
        })
}

fn shapes(factors: Factors) -> ([usize; 2], [usize; 2]) {
    (factors.down.dims(), factors.up.dims())
}
