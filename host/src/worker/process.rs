//! The host's side of a worker: starting it, hearing it, and ending it when it hangs or eats memory.

use super::protocol::{Command, Event};
use super::resources::{memory_of_machine, resident_bytes};
use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a worker may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Between two signs of life while it loads.
    pub load: Duration,
    /// Between two signs of life while it works.
    pub silence: Duration,
    /// Resident memory in bytes.
    pub memory: u64,
}

impl Default for Limits {
    /// Half an hour to load, ten minutes a batch, nine tenths of the machine's memory.
    fn default() -> Limits {
        let memory = memory_of_machine().map_or(u64::MAX, |bytes| bytes / 10 * 9);
        Limits { load: Duration::from_secs(1800), silence: Duration::from_secs(600), memory }
    }
}

/// How a worker ended before its work was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// A sentence: "the worker ended by signal 11 (segmentation fault)".
    pub reason: String,
    /// Somebody else killed it, such as the system for memory: what it was at may have no part in that.
    pub from_outside: bool,
    /// How the process ended, "by signal 6 (abort)", where it was not the host that ended it.
    pub by_itself: Option<String>,
}

/// What came next from a worker.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // One at a time, taken apart where it comes.
pub enum Reply {
    Event(Event),
    Died(Death),
}

/// How often memory is looked at.
const WATCH: Duration = Duration::from_millis(25);

/// A running worker. Dropping it ends it.
pub struct Worker {
    child: Child,
    commands: Option<ChildStdin>,
    events: Receiver<Event>,
    last_words: Arc<Mutex<VecDeque<String>>>,
    ended: Arc<AtomicBool>,
    limits: Limits,
    /// When the worker's memory was last looked at.
    looked: Instant,
}

impl Worker {
    /// Starts a worker: this program again, with its hidden subcommand.
    pub fn start(limits: Limits, threads: usize) -> Result<Worker> {
        Worker::start_on(limits, threads, None)
    }

    /// Starts a worker that sees only this GPU (see `CUDA_VISIBLE_DEVICES`), if one is named.
    pub fn start_on(limits: Limits, threads: usize, gpu: Option<&str>) -> Result<Worker> {
        let program =
            std::env::current_exe().map_err(|error| Error::failed(format!("cannot find this program: {error}")))?;
        let mut command = std::process::Command::new(program);
        command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if threads > 0 {
            command.arg("--threads").arg(threads.to_string());
        }
        if let Some(gpu) = gpu {
            // Numbers as the system has them, and not in the order of speed.
            command.env("CUDA_VISIBLE_DEVICES", gpu).env("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
        }
        let mut child = command.spawn().map_err(|error| Error::failed(format!("cannot start a worker: {error}")))?;
        let (Some(commands), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::failed("cannot start a worker: it has no pipes"));
        };
        let (sender, events) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                // What is no event was written by somebody else; the worker keeps its own stream to itself (see `serve`).
                let Ok(line) = line else { break };
                if let Ok(event) = serde_json::from_str(&line)
                    && sender.send(event).is_err()
                {
                    break;
                }
            }
        });
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        let words = Arc::clone(&last_words);
        std::thread::spawn(move || {
            let mut errors = BufReader::new(errors);
            let mut line = Vec::new();
            while matches!(errors.read_until(b'\n', &mut line), Ok(read) if read > 0) {
                let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
                words.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
                if words.len() > 20 {
                    words.pop_front();
                }
                line.clear();
            }
        });
        Ok(Worker {
            child,
            commands: Some(commands),
            events,
            last_words,
            ended: Arc::default(),
            limits,
            looked: Instant::now(),
        })
    }

    /// Sends a command. A worker that is dead already is noticed by the next [`Worker::next`].
    pub fn send(&mut self, command: &Command) -> Result<()> {
        let mut line =
            serde_json::to_vec(command).map_err(|error| Error::failed(format!("cannot write a command: {error}")))?;
        line.push(b'\n');
        if let Some(commands) = &mut self.commands {
            let _ = commands.write_all(&line).and_then(|()| commands.flush());
        }
        Ok(())
    }

    /// Waits for the next event, and ends the worker when it is silent or uses memory beyond its limits.
    pub fn next(&mut self, loading: bool) -> Reply {
        loop {
            if let Some(reply) = self.next_unless(loading, &mut || false) {
                return reply;
            }
        }
    }

    /// The same, unless that holds first. What this looks at must not wait.
    pub fn next_unless(&mut self, loading: bool, given_up: &mut dyn FnMut() -> bool) -> Option<Reply> {
        let allowed = if loading { self.limits.load } else { self.limits.silence };
        let since = Instant::now();
        loop {
            let event = self.events.recv_timeout(WATCH);
            if let Some(reason) = self.excess() {
                return Some(Reply::Died(self.bury(Some(reason))));
            }
            match event {
                Ok(event) => return Some(Reply::Event(event)),
                Err(RecvTimeoutError::Disconnected) => return Some(Reply::Died(self.bury(None))),
                Err(RecvTimeoutError::Timeout) if given_up() => return None,
                Err(RecvTimeoutError::Timeout) if since.elapsed() > allowed => {
                    let reason = format!("it gave no sign of life for {} s and was ended", allowed.as_secs());
                    return Some(Reply::Died(self.bury(Some(reason))));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Looks at the worker's memory, now and then; a sentence if it is beyond the limit.
    fn excess(&mut self) -> Option<String> {
        if self.looked.elapsed() < WATCH {
            return None;
        }
        self.looked = Instant::now();
        let used = resident_bytes(self.child.id()).unwrap_or(0);
        (used > self.limits.memory).then(|| {
            format!(
                "it used {:.1} GiB of memory, more than the limit of {:.1} GiB, and was ended",
                gibibytes(used),
                gibibytes(self.limits.memory)
            )
        })
    }

    /// Ends the process and says why it is dead.
    fn bury(&mut self, reason: Option<String>) -> Death {
        if reason.is_some() {
            let _ = self.child.kill();
        }
        self.commands = None;
        self.ended.store(true, Ordering::Relaxed);
        let status = self.child.wait();
        let from_outside = reason.is_none() && status.as_ref().is_ok_and(|status| killed(*status));
        let by_itself = status.as_ref().ok().filter(|_| reason.is_none()).map(|status| describe(*status));
        let reason = reason.unwrap_or_else(|| match (&by_itself, status) {
            (_, Err(error)) => format!("the worker was lost: {error}"),
            (how, Ok(_)) => format!("the worker ended {}", how.as_deref().unwrap_or_default()),
        });
        // The reader thread may still be a moment behind the process.
        std::thread::sleep(Duration::from_millis(20));
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let said: Vec<&str> =
            words.iter().rev().map(String::as_str).filter(|line| !line.trim().is_empty()).take(3).collect();
        let said: Vec<&str> = said.into_iter().rev().collect();
        Death {
            from_outside,
            by_itself,
            reason: if said.is_empty() { reason } else { format!("{reason}; its last words: {}", said.join(" / ")) },
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        // A worker ends by itself when its commands end; one that does not is busy in native code.
        self.commands = None;
        let patience = Instant::now() + Duration::from_millis(500);
        while Instant::now() < patience {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1u32 << 30)
}

/// Did a signal end it that programs do not raise by faults of their own?
fn killed(status: std::process::ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        matches!(status.signal(), Some(libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP))
    }
    #[cfg(not(unix))]
    {
        let _ = status;
        false
    }
}

fn describe(status: std::process::ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            let name = match signal {
                libc::SIGSEGV => "segmentation fault",
                libc::SIGABRT => "abort",
                libc::SIGKILL => "killed, perhaps for memory",
                libc::SIGBUS => "bus error",
                libc::SIGILL => "illegal instruction",
                libc::SIGFPE => "arithmetic fault",
                _ => "signal",
            };
            return format!("by signal {signal} ({name})");
        }
    }
    match status.code() {
        Some(code) => format!("with exit code {code}"),
        None => "without an exit code".to_owned(),
    }
}
