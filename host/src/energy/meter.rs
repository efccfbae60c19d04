//! Measuring while work goes on: a thread looks at the counters every few seconds, so that none comes round unseen.

use super::EnergyEntry;
use super::nvml::Boards;
use super::rapl::Rapl;
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at the counters; short enough for boards whose power is sampled.
const PACE: Duration = Duration::from_secs(2);

/// In the place of a device: every board that CUDA shows, where workers share them out.
pub const EVERY_BOARD: &str = "cuda:*";

/// Runs from its start to [`Meter::stop`].
pub struct Meter {
    started: Instant,
    core_seconds: f64,
    children: f64,
    watts_per_core: f64,
    stop: Sender<()>,
    counters: JoinHandle<Counters>,
}

struct Counters {
    processor: Option<(Rapl, f64)>,
    boards: Option<Boards>,
}

/// One part of the machine and what it used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// `processor`, or a board's name.
    pub of: String,
    pub joules: f64,
    /// Where the number is from: `RAPL, …`, `NVML, …`, `estimate: …`.
    pub how: String,
}

/// What was used between start and stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub seconds: f64,
    pub parts: Vec<Part>,
    /// Whether worker processes did any work meanwhile.
    pub worked: bool,
}

impl Meter {
    pub fn start(entry: &EnergyEntry) -> Meter {
        let (stop, stopped) = mpsc::channel();
        let counters = std::thread::spawn(move || {
            let mut counters = Counters { processor: Rapl::start().map(|rapl| (rapl, 0.0)), boards: Boards::start() };
            let mut looked = Instant::now();
            loop {
                let last = !matches!(stopped.recv_timeout(PACE), Err(RecvTimeoutError::Timeout));
                counters.lap(looked.elapsed().as_secs_f64());
                looked = Instant::now();
                if last {
                    return counters;
                }
            }
        });
        let (own, children) = processor_seconds();
        Meter {
            started: Instant::now(),
            core_seconds: own + children,
            children,
            watts_per_core: entry.watts_per_core(),
            stop,
            counters,
        }
    }

    /// Ends the measurement. `devices` are those that the work was done on (`cpu`, `cuda:0`): only their boards count. Call it when
    /// the workers have ended, whose processor time is known then.
    pub fn stop(self, devices: &[String]) -> Measured {
        let seconds = self.started.elapsed().as_secs_f64();
        drop(self.stop);
        let counters = self.counters.join().unwrap_or(Counters { processor: None, boards: None });
        let (own, children) = processor_seconds();
        let mut parts = vec![match counters.processor {
            Some((_, joules)) => {
                let how = "RAPL, the processor packages of the whole machine".to_owned();
                Part { of: "processor".to_owned(), joules, how }
            }
            None => {
                let busy = (own + children - self.core_seconds).max(0.0);
                let how = format!("estimate: {busy:.1} core-seconds at {} W", self.watts_per_core);
                Part { of: "processor".to_owned(), joules: busy * self.watts_per_core, how }
            }
        }];
        let mut numbers: Vec<usize> = match (devices.iter().any(|device| device == EVERY_BOARD), &counters.boards) {
            (true, Some(boards)) => boards.numbers().collect(),
            _ => devices.iter().filter_map(|device| cuda_number(device)).collect(),
        };
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            parts.push(match counters.boards.as_ref().and_then(|boards| boards.energy(number)) {
                Some(board) => {
                    let how = if board.counted { "NVML, the board's energy counter" } else { "NVML, power sampled" };
                    Part { of: board.name, joules: board.joules, how: how.to_owned() }
                }
                None => {
                    let how = "not known: NVML does not tell".to_owned();
                    Part { of: format!("cuda:{number}"), joules: 0.0, how }
                }
            });
        }
        Measured { seconds, parts, worked: children > self.children }
    }
}

impl Counters {
    fn lap(&mut self, seconds: f64) {
        if let Some((rapl, joules)) = &mut self.processor {
            match rapl.lap() {
                Some(more) => *joules += more,
                // What was counted so far would pass for the whole.
                None => self.processor = None,
            }
        }
        if let Some(boards) = &mut self.boards {
            boards.lap(seconds);
        }
    }
}

fn cuda_number(device: &str) -> Option<usize> {
    match device.strip_prefix("cuda")? {
        "" => Some(0),
        rest => rest.strip_prefix(':')?.parse().ok(),
    }
}

/// Processor time of this process, and of its children that have ended, in seconds.
fn processor_seconds() -> (f64, f64) {
    #[cfg(unix)]
    {
        let of = |who| {
            let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
            // SAFETY: getrusage fills the struct that it is given; all-zero is a valid one.
            let usage = unsafe {
                libc::getrusage(who, usage.as_mut_ptr());
                usage.assume_init()
            };
            let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
            seconds(usage.ru_utime) + seconds(usage.ru_stime)
        };
        (of(libc::RUSAGE_SELF), of(libc::RUSAGE_CHILDREN))
    }
    #[cfg(not(unix))]
    (0.0, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_energy_and_children_are_noticed() {
        let meter = Meter::start(&EnergyEntry::default());
        let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        assert!(std::process::Command::new("sh").args(["-c", script]).status().unwrap().success());
        let measured = meter.stop(&["cpu".to_owned()]);
        assert!(measured.worked);
        assert_eq!(measured.parts.len(), 1);
        assert!(measured.parts[0].joules > 0.0 && !measured.parts[0].how.is_empty());
    }

    #[test]
    fn devices_are_numbered_as_cuda_numbers_them() {
        assert_eq!(cuda_number("cuda:2"), Some(2));
        assert_eq!(cuda_number("cuda"), Some(0));
        assert_eq!(cuda_number("cpu"), None);
    }
}
