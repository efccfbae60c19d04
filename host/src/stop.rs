//! Stopping early and in order: a scheduler's notice (SIGUSR1 before the time limit, SIGTERM at a preemption) is noted here, and work
//! looks at it between batches. What is saved stays; the same command goes on later.

use crate::error::{Error, Exit, Result};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a worker may take for the batch in hand: less than schedulers wait before they kill.
pub const PATIENCE: Duration = Duration::from_secs(20);

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on SIGTERM and SIGUSR1 ask this process to stop, instead of ending it.
pub fn listen() {
    let flag = FLAG.get_or_init(Arc::default);
    // A signal that cannot be handled ends the process as before: what is saved stays all the same.
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGUSR1] {
        let _ = signal_hook::flag::register(signal, Arc::clone(flag));
    }
    #[cfg(not(unix))]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(flag));
}

/// As a signal would: for a worker whose host tells it so.
pub fn request() {
    FLAG.get_or_init(Arc::default).store(true, Ordering::Relaxed);
}

/// Was this process asked to stop?
pub fn requested() -> bool {
    FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// An error if this process was asked to stop: for work that is left where it is.
pub fn check() -> Result<()> {
    if requested() { Err(stopped()) } else { Ok(()) }
}

/// The error that ends a command early and in order.
pub fn stopped() -> Error {
    let message = "stopped, as asked; what is done is saved, and the same command goes on";
    Error { exit: Exit::Stopped, message: message.to_owned(), help: None }
}

/// In a worker: these signals are for its host, which ends it by closing its pipe. A scheduler sends them to every process of a job.
pub fn leave_to_host() {
    #[cfg(unix)]
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe {
        libc::signal(libc::SIGTERM, libc::SIG_IGN);
        libc::signal(libc::SIGUSR1, libc::SIG_IGN);
    }
}
