//! Work on all threads of the CPU: many parts of a model built at once, and generation that stays on the threads' own pool.

use crate::Result;
use rayon::prelude::*;

/// Builds parts 0…count on all threads, in order.
///
/// # Errors
/// One of those of `build`.
pub fn build<T: Send>(count: usize, build: impl Fn(usize) -> Result<T> + Send + Sync) -> Result<Vec<T>> {
    (0..count).into_par_iter().map(build).collect()
}

/// Does the work on a thread of the pool that the CPU's kernels share. From outside, each kernel would hand its work over and wait
/// to be woken, hundreds of times a token.
pub fn within_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}
