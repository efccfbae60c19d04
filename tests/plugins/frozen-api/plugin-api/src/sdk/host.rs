//! What the host offers a plugin while it works: log lines, progress, cancellation.

use crate::abi::HostCallbacks;
use abi_stable::std_types::RStr;

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
}

/// A handle on the host. Cheap to copy; [`Host::silent`] serves a plugin's own unit tests.
#[derive(Clone, Copy)]
pub struct Host(pub(crate) HostCallbacks);

impl Host {
    /// A host that hears nothing and never cancels.
    pub fn silent() -> Host {
        Host(HostCallbacks::silent())
    }

    pub fn log(&self, level: LogLevel, message: &str) {
        (self.0.log)(self.0.context, level as u8, RStr::from_str(message));
    }

    pub fn info(&self, message: &str) {
        self.log(LogLevel::Info, message);
    }

    pub fn warn(&self, message: &str) {
        self.log(LogLevel::Warning, message);
    }

    /// Says how far a long step (loading weights, scanning a catalogue) has come. `total` 0 means unknown.
    pub fn progress(&self, done: u64, total: u64) {
        (self.0.progress)(self.0.context, done, total);
    }

    /// True once the user has asked to stop; long loops look at it now and then.
    pub fn cancelled(&self) -> bool {
        (self.0.cancelled)(self.0.context)
    }
}
