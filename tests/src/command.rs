//! Running the host: with a clean environment, a time limit, and a mark by which its workers are found again.

use crate::host_program;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A command that takes longer is hung, and the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A variable of the environment that workers inherit.
pub(crate) const MARK: &str = "LOOKBOOK_TEST";

/// A command of the host, to be run.
pub struct Host {
    command: Command,
    mark: String,
    input: Option<Vec<u8>>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Host {
    pub(crate) fn new(folder: &Path, arguments: &[&str]) -> Host {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(host_program());
        command.args(arguments).current_dir(folder).env(MARK, &mark).env("HF_HOME", folder.join("hub"));
        for name in ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "JOB_COMPLETION_INDEX", "JOB_COMPLETION_COUNT"] {
            command.env_remove(name);
        }
        command.env_remove("SLURM_CONF").env_remove("CUDA_VISIBLE_DEVICES");
        Host { command, mark, input: None }
    }

    /// More arguments.
    pub fn with(mut self, arguments: &[impl AsRef<OsStr>]) -> Host {
        self.command.args(arguments);
        self
    }

    pub fn environment(mut self, name: &str, value: &str) -> Host {
        self.command.env(name, value);
        self
    }

    /// Without the environment's proxies: for servers of the loopback interface.
    pub fn directly(mut self) -> Host {
        for name in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
            self.command.env_remove(name);
        }
        self
    }

    pub fn input(mut self, text: &str) -> Host {
        self.input = Some(text.as_bytes().to_vec());
        self
    }

    /// The value of `LOOKBOOK_TEST` in the host's and its workers' environment.
    pub fn mark(&self) -> String {
        self.mark.clone()
    }

    /// Starts it, silent, for a test that ends it itself.
    pub fn start(mut self) -> Child {
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.command.spawn().expect("the host can be started")
    }

    /// Runs it to its end. A command that hangs is killed and fails the test.
    pub fn run(mut self) -> Outcome {
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child =
            self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the host can be started");
        if let (Some(input), Some(mut stdin)) = (self.input.take(), child.stdin.take()) {
            std::thread::spawn(move || stdin.write_all(&input));
        }
        let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                break Some(status);
            }
            if started.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let outcome = Outcome {
            code: status.and_then(|status| status.code()),
            stdout: stdout.join().expect("a reader does not panic"),
            stderr: stderr.join().expect("a reader does not panic"),
        };
        assert!(status.is_some(), "{:?} was not done in {} s\n{outcome}", self.command, PATIENCE.as_secs());
        outcome
    }
}

fn reader(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Outcome {
    /// Fails the test, with all that was printed, if the exit code is another.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Outcome {
        assert_eq!(self.code, Some(code), "another exit code than expected\n{self}");
        self
    }

    /// Fails the test if standard error lacks one of the texts.
    #[track_caller]
    pub fn expect_error(self, texts: &[&str]) -> Outcome {
        for text in texts {
            assert!(self.stderr.contains(text), "standard error does not say {text:?}\n{self}");
        }
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON on standard output: {error}\n{self}"))
    }

    /// Standard output as one JSON document a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self}"));
        self.stdout.lines().map(parse).collect()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}
