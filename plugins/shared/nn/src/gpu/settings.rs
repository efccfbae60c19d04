//! How CubeCL runs in our processes, before anything of it runs.

use super::source::{AMPERE, capability};
use crate::{Error, Result};
use cubecl::Runtime;
use cubecl::config::cache::CacheConfig;
use cubecl::config::streaming::StreamPolicy;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use cubecl::cuda::{CudaDevice, CudaRuntime};
use std::panic::catch_unwind;

/// Sets CubeCL up; only the first call has an effect.
pub fn set_up() {
    let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
    // With a stream a thread, every launch waits for the threads that loaded its weights, and no step can be recorded.
    config.streaming.policy = StreamPolicy::Single;
    // Compiling a model's kernels takes half a minute: once on a machine is enough.
    config.compilation.cache = true;
    config.environment.path = CacheConfig::Global;
    let _ = CubeClRuntimeConfig::try_set(config);
    super::faults::note();
}

/// Starts a device.
///
/// # Errors
/// There is no such device, its driver cannot be loaded, or it cannot compute in bf16.
pub fn check(index: usize) -> Result<()> {
    // CubeCL panics where there is no driver or no such device, and says no more than that a thread has ended.
    let client = catch_unwind(|| CudaRuntime::client(&CudaDevice::new(index))).map_err(|_| {
        Error::Device(format!(
            "cuda:{index} cannot be started: there is no such device, or NVIDIA's driver (libcuda.so) cannot be loaded; what `nvidia-smi` lists can be \
             used, or the device `cpu`"
        ))
    })?;
    match capability(&client) {
        Some(capability @ ..AMPERE) => Err(Error::Device(format!(
            "cuda:{index} has compute capability {}.{}, and models run in bf16, which GPUs have from 8.0 on (Ampere); use another, or the device `cpu`",
            capability / 10,
            capability % 10
        ))),
        _ => Ok(()),
    }
}
