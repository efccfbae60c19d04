//! Which processes still live, by the mark in their environment. A killed host's workers have another parent, but the same mark.

use crate::command::MARK;
use std::time::{Duration, Instant};

/// The living processes that carry this mark: those of one command and its workers. Dead ones that nobody has waited for yet do
/// not count.
pub fn processes_with(mark: &str) -> Vec<u32> {
    processes_in(&[format!("{MARK}={mark}")])
}

/// The living processes with all of these in their environment, as `NAME=VALUE`.
pub(crate) fn processes_in(wanted: &[String]) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let has = |entry: &String| environment.split(|byte| *byte == 0).any(|other| other == entry.as_bytes());
            wanted.iter().all(has)
        })
        .collect()
}

/// Waits until it holds; false if it does not within the time.
pub fn wait_until(time: Duration, holds: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while !holds() {
        if started.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}
