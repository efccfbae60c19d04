//! A limit on how long the hub may send nothing. hf-hub takes none and waits forever for a server that has stopped sending; so the connections of
//! this process, which has no others, are ended from beside. The download sees a connection that broke, and goes on with a new one.

use crate::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Seconds without a byte, where nobody says otherwise.
const USUAL: u64 = 60;

/// As long as `HF_HUB_DOWNLOAD_TIMEOUT` says, by which the hub's other clients are told the same.
pub fn patience() -> Duration {
    let told = std::env::var("HF_HUB_DOWNLOAD_TIMEOUT").ok().and_then(|text| text.trim().parse().ok());
    Duration::from_secs(told.filter(|seconds| *seconds > 0).unwrap_or(USUAL))
}

/// Looks at what a call to the hub gives.
#[derive(Clone)]
pub struct Watch(Arc<Watched>);

struct Watched {
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the call in hand will have given nothing for too long; none: there is no call.
    until: Option<Instant>,
    stalled: bool,
}

impl Watched {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Watches until the last copy of this is dropped.
    pub fn start(patience: Duration) -> Watch {
        let watched = Arc::new(Watched { patience, state: Mutex::default() });
        let looks = Arc::downgrade(&watched);
        std::thread::spawn(move || look(&looks, (patience / 8).min(Duration::from_secs(1))));
        Watch(watched)
    }

    /// Makes a call, which may give nothing for so long at most.
    pub fn over<T>(&self, call: impl FnOnce() -> T) -> T {
        *self.0.state() = State { until: Some(Instant::now() + self.0.patience), stalled: false };
        let answer = call();
        self.0.state().until = None;
        answer
    }

    /// Something came.
    pub fn alive(&self) {
        if let Some(until) = &mut self.0.state().until {
            *until = Instant::now() + self.0.patience;
        }
    }

    /// That nothing came for too long, if that is why the last call ended.
    pub fn told(&self) -> Option<String> {
        self.0.state().stalled.then(|| format!("nothing came for {} s", self.0.patience.as_secs()))
    }

    /// An error of the last call, with that.
    pub fn explained(&self, error: Error) -> Error {
        match self.told() {
            Some(told) => Error { message: format!("{} ({told})", error.message), ..error },
            None => error,
        }
    }
}

fn look(watched: &Weak<Watched>, pace: Duration) {
    while let Some(watched) = watched.upgrade() {
        let mut state = watched.state();
        if state.until.is_some_and(|until| Instant::now() > until) {
            state.stalled = true;
            state.until = Some(Instant::now() + watched.patience);
            end_connections();
        }
        drop(state);
        drop(watched);
        std::thread::sleep(pace);
    }
}

/// Shuts down every TCP connection of this process.
fn end_connections() {
    #[cfg(unix)]
    for entry in std::fs::read_dir("/dev/fd").into_iter().flatten().flatten() {
        use std::os::fd::FromRawFd;
        let Some(descriptor) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // SAFETY: the stream is never dropped, so that the descriptor stays its owner's; what is no connection has no peer and is left alone.
        let stream = std::mem::ManuallyDrop::new(unsafe { std::net::TcpStream::from_raw_fd(descriptor) });
        if stream.peer_addr().is_ok() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}
