//! Batches that are prepared and not yet used: they stay on the plugin's side, and the host holds their numbers.

use crate::sdk::{PluginError, Result};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Batches by number, from 1.
pub struct Batches<B> {
    kept: Mutex<HashMap<u64, B>>,
    last: AtomicU64,
}

impl<B> Default for Batches<B> {
    fn default() -> Self {
        Batches { kept: Mutex::default(), last: AtomicU64::new(0) }
    }
}

impl<B> Batches<B> {
    fn kept(&self) -> MutexGuard<'_, HashMap<u64, B>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a batch and gives its number.
    pub fn keep(&self, batch: B) -> u64 {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.kept().insert(number, batch);
        number
    }

    /// The batch of that number, which is forgotten.
    pub fn take(&self, number: u64) -> Result<B> {
        // The lock is let go before the caller works on the batch or drops it.
        let batch = self.kept().remove(&number);
        batch.ok_or_else(|| PluginError::internal("the host asked for a batch that was never prepared"))
    }
}
