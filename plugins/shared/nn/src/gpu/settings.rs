//! How CubeCL runs in our processes, before anything of it runs.

use cubecl::config::cache::CacheConfig;
use cubecl::config::streaming::StreamPolicy;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

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
