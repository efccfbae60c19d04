//! What plugins say while they work: one listener a process, which a worker forwards to its host and the host prints.

use abi_stable::std_types::RStr;
use plugin_api::LogLevel;
use plugin_api::abi::HostCallbacks;
use std::sync::OnceLock;

/// A word from a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    Log {
        level: LogLevel,
        message: String,
    },
    /// `total` 0: unknown.
    Progress {
        done: u64,
        total: u64,
    },
}

type Listener = Box<dyn Fn(Notice) + Send + Sync>;

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Sets who hears plugins in this process; the first caller stays.
pub fn listen(listener: impl Fn(Notice) + Send + Sync + 'static) {
    let _ = LISTENER.set(Box::new(listener));
}

fn tell(notice: Notice) {
    if let Some(listener) = LISTENER.get() {
        listener(notice);
    }
}

/// The callbacks that every component is created with.
pub(super) fn callbacks() -> HostCallbacks {
    extern "C" fn log(_: usize, level: u8, message: RStr<'_>) {
        let level = match level {
            0 => LogLevel::Debug,
            1 => LogLevel::Info,
            2 => LogLevel::Warning,
            _ => LogLevel::Error,
        };
        tell(Notice::Log { level, message: message.as_str().to_owned() });
    }
    extern "C" fn progress(_: usize, done: u64, total: u64) {
        tell(Notice::Progress { done, total });
    }
    // A user's interrupt ends workers from outside, so a plugin is never asked to wind down by itself.
    extern "C" fn cancelled(_: usize) -> bool {
        false
    }
    HostCallbacks { context: 0, log, progress, cancelled }
}
