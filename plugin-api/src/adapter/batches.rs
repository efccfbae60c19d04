//! Batches that are prepared and not yet used, by the numbers that the host knows them by.

use crate::sdk::{PluginError, Result};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub struct Batches<B> {
    waiting: Mutex<HashMap<u64, B>>,
    next: AtomicU64,
}

impl<B> Default for Batches<B> {
    fn default() -> Batches<B> {
        Batches { waiting: Mutex::default(), next: AtomicU64::new(1) }
    }
}

impl<B> Batches<B> {
    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, B>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a batch; returns its number.
    pub fn put(&self, batch: B) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.waiting().insert(number, batch);
        number
    }

    /// Gives a batch out, once.
    pub fn take(&self, number: u64) -> Result<B> {
        let batch = self.waiting().remove(&number);
        batch.ok_or_else(|| PluginError::internal("the host asked for a batch that was never prepared"))
    }
}
