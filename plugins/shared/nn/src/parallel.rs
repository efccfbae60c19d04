//! Building many parts of a model at once: reading and converting weights is bound by one core otherwise.

use crate::Result;
use rayon::prelude::*;

/// Builds parts 0…count on all threads, in order.
///
/// # Errors
/// One of those of `build`.
pub fn build<T: Send>(count: usize, build: impl Fn(usize) -> Result<T> + Send + Sync) -> Result<Vec<T>> {
    (0..count).into_par_iter().map(build).collect()
}
