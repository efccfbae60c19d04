//! How CubeCL runs in our processes, before anything of it runs.

use super::source::{AMPERE, capability};
use crate::{Error, Result};
use cubecl::Runtime;
use cubecl::config::cache::CacheConfig;
use cubecl::config::streaming::StreamPolicy;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use cubecl::cuda::{CudaDevice, CudaRuntime};

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

/// # Errors
/// The device cannot compute in bf16.
pub fn check(index: usize) -> Result<()> {
    match capability(&CudaRuntime::client(&CudaDevice::new(index))) {
        Some(capability @ ..AMPERE) => Err(Error::Device(format!(
            "cuda:{index} has compute capability {}.{}, and models run in bf16, which GPUs have from 8.0 on (Ampere); use another, or the device `cpu`",
            capability / 10,
            capability % 10
        ))),
        _ => Ok(()),
    }
}
