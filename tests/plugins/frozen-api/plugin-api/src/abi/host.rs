//! The callbacks that the host hands to every component.

use abi_stable::StableAbi;
use abi_stable::std_types::RStr;

/// Log lines, progress and cancellation. A `log` or `tracing` global of the host is not the plugin's: each library has its own,
/// so everything goes through here.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct HostCallbacks {
    /// The host's own; a plugin only passes it back.
    pub context: usize,
    /// Context, level (0 debug … 3 error), message.
    pub log: extern "C" fn(usize, u8, RStr<'_>),
    /// Context, done, total (0: unknown).
    pub progress: extern "C" fn(usize, u64, u64),
    /// Context; true once the user asked to stop.
    pub cancelled: extern "C" fn(usize) -> bool,
}

impl HostCallbacks {
    /// Callbacks that do nothing.
    pub fn silent() -> HostCallbacks {
        extern "C" fn log(_: usize, _: u8, _: RStr<'_>) {}
        extern "C" fn progress(_: usize, _: u64, _: u64) {}
        extern "C" fn cancelled(_: usize) -> bool {
            false
        }
        HostCallbacks { context: 0, log, progress, cancelled }
    }
}
