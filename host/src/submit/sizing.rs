//! The main memory of a task: from what the model's plugin says it needs (`host models check`), from the size of its weights where the
//! plugin does not tell.

use crate::eval::captioner_of_model;
use crate::models::needs;
use crate::progress::Reporter;
use crate::registry::{Lock, Registry, Weights, weights_bytes};
use crate::worker::Limits;
use plugin_api::MemoryNeed;
use std::cell::RefCell;
use std::collections::HashMap;

const GIB: u64 = 1 << 30;

/// Asks about each model once.
pub struct Sizing<'a> {
    pub registry: &'a Registry,
    pub lock: &'a Lock,
    pub reporter: &'a Reporter,
    asked: RefCell<HashMap<String, Vec<MemoryNeed>>>,
}

/// What of a task its memory depends on.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Images that a worker holds at once.
    pub images: usize,
    pub workers: usize,
    /// Are gradients computed too?
    pub training: bool,
    pub gpu: bool,
}

impl<'a> Sizing<'a> {
    pub fn new(registry: &'a Registry, lock: &'a Lock, reporter: &'a Reporter) -> Sizing<'a> {
        Sizing { registry, lock, reporter, asked: RefCell::default() }
    }

    /// Bytes of a model's weights; 0 where they are not here.
    pub fn weights(&self, model: &str) -> u64 {
        let entry = self.registry.model(model).ok();
        let directory = entry.and_then(|entry| Weights::of(self.registry, entry).present().map(weights_bytes));
        directory.unwrap_or(0)
    }

    /// GiB of a task's main memory.
    pub fn memory(&self, model: &str, load: Load) -> u64 {
        let mut asked = self.asked.borrow_mut();
        let told = asked.entry(model.to_owned()).or_insert_with(|| self.ask(model));
        main_memory(told, self.weights(model), load)
    }

    fn ask(&self, model: &str) -> Vec<MemoryNeed> {
        let captioner = captioner_of_model(self.registry, self.lock, model);
        match captioner.and_then(|captioner| needs(&captioner, Limits::default(), self.reporter)) {
            Ok(report) => report.memory,
            Err(error) => {
                self.reporter.note(&format!(
                    "{model}: the memory is guessed from the size of its weights, since the plugin does not tell ({})",
                    error.message
                ));
                Vec::new()
            }
        }
    }
}

/// GiB of the host and its workers together. On their way to a GPU weights take a quarter more than themselves; on a CPU they stay, beside the
/// file that they are read from, with what the images take, which is twice as much where it is kept for gradients. Two GiB for the rest. In steps
/// of four, so that models of nearly one size share an array.
fn main_memory(needs: &[MemoryNeed], weights: u64, load: Load) -> u64 {
    let need = needs.iter().find(|need| need.device == if load.gpu { "cuda" } else { "cpu" });
    let bytes = match (load.gpu, need) {
        (true, need) => {
            let weights = need.map_or(weights, |need| need.weights);
            weights + weights / 4
        }
        (false, Some(need)) => {
            let images = load.images.saturating_mul(if load.training { 2 } else { 1 });
            need.of_batch(images).saturating_add(weights)
        }
        // bf16 weights become f32.
        (false, None) => 3 * weights,
    };
    (bytes.saturating_mul(load.workers as u64).saturating_add(2 * GIB)).div_ceil(4 * GIB) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPU: Load = Load { images: 8, workers: 1, training: false, gpu: true };
    const CPU: Load = Load { gpu: false, ..GPU };

    #[test]
    fn memory_is_what_the_plugin_tells() {
        let need = |device: &str, weights: u64| MemoryNeed {
            device: device.into(),
            weights,
            image: GIB / 2,
            ..MemoryNeed::default()
        };
        let told = [need("cpu", 16 * GIB), need("cuda", 8 * GIB)];
        // 8 + 2 + 2; 16 + 8 × 0.5 + the file's 8 + 2; and for training 4 more.
        assert_eq!(main_memory(&told, 8 * GIB, GPU), 12);
        assert_eq!(main_memory(&told, 8 * GIB, CPU), 32);
        assert_eq!(main_memory(&told, 8 * GIB, Load { training: true, ..CPU }), 36);
        assert_eq!(main_memory(&told, 8 * GIB, Load { images: 32, ..CPU }), 44);
        assert_eq!(main_memory(&told, 8 * GIB, Load { workers: 2, ..GPU }), 24);
    }

    #[test]
    fn where_nothing_is_told_it_grows_with_the_weights() {
        assert_eq!(main_memory(&[], 0, GPU), 4);
        assert_eq!(main_memory(&[], 8 * GIB, GPU), 12);
        assert_eq!(main_memory(&[], 8 * GIB, CPU), 28);
        assert_eq!(main_memory(&[], GIB, CPU), 8);
    }
}
