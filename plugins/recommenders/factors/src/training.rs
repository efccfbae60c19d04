//! The training that all these models share: epochs of batches of triples, seeded by epoch, whose loss has to stay a number.

use crate::batch::Batch;
use crate::options::Sampling;
use crate::random::Random;
use crate::sampler::Sampler;
use crate::scorer::Scorer;
use plugin_api::{ErrorKind, FitStep, Host, Interactions, PluginError, RecommenderConfig, Result};

/// The stream of random numbers that triples are drawn from.
const DRAWS: u64 = 100;

/// What learns from batches.
pub trait Learner {
    /// Prepares for an epoch, counted from 0.
    fn begin(&mut self, _epoch: usize) {}

    /// Takes one step along a batch's gradients and returns the batch's loss.
    fn step(&mut self, batch: &Batch) -> f64;

    /// Ranks by what is learnt so far.
    fn scorer(&self) -> Scorer;
}

/// How a model is trained.
#[derive(Clone, Copy)]
pub struct Schedule {
    pub epochs: usize,
    pub batch_size: usize,
    pub sampling: Sampling,
    pub seed: u64,
    pub host: Host,
}

impl Schedule {
    /// Trains from epoch `done` on, at most `more` epochs: as many triples each as there are interactions.
    ///
    /// # Errors
    /// The host asked to stop, or the loss is no number any more.
    pub fn train(
        &self,
        learner: &mut impl Learner,
        train: Interactions<'_>,
        done: usize,
        more: usize,
    ) -> Result<FitStep> {
        let sampler = Sampler::new(train, self.sampling);
        let end = if sampler.is_empty() { done } else { self.epochs.min(done + more) };
        let mut batch = Batch::default();
        let mut loss = None;
        for epoch in done..end {
            learner.begin(epoch);
            let mut random = Random::keyed(self.seed, DRAWS, epoch as u64);
            let (mut left, mut sum, mut batches) = (train.count(), 0.0, 0);
            while left > 0 {
                if self.host.cancelled() {
                    return Err(PluginError::new(ErrorKind::Internal, "stopped on request"));
                }
                let size = left.min(self.batch_size);
                sampler.draw(&mut random, size, &mut batch.triples);
                batch.group();
                (left, sum, batches) = (left - size, sum + learner.step(&batch), batches + 1);
            }
            loss = Some(sum / f64::from(batches));
            if !sum.is_finite() {
                return Err(PluginError::new(ErrorKind::Data, "the loss is no number any more")
                    .help("a smaller learning rate, or features of a smaller scale"));
            }
            self.host.progress(epoch as u64 + 1, self.epochs as u64);
        }
        let epoch = end.max(done);
        Ok(FitStep { epoch, finished: epoch >= self.epochs || sampler.is_empty(), loss })
    }
}

/// The threads that a model may use.
pub fn threads(config: &RecommenderConfig) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(config.threads).build();
    pool.map_err(|error| PluginError::internal(format!("cannot start threads: {error}")))
}
