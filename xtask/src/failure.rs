//! Why a command of xtask ended, and the exit code that tells of it.

use std::fmt::Display;
use std::path::Path;

pub type Result<T> = std::result::Result<T, Failure>;

/// Why a command ended.
#[derive(Debug)]
pub enum Failure {
    /// The command line is not understood; the text is what was given.
    Usage(String),
    /// Something was checked and is not so.
    Check(String),
    /// Something could not be done.
    Other(String),
    /// A program that was started failed and has said why.
    Program(u8),
}

impl Failure {
    /// For `map_err`: `doing` and the path, then the error.
    pub fn at<E: Display>(doing: &str, path: &Path) -> impl Fn(E) -> Failure {
        let place = format!("cannot {doing} {}", path.display());
        move |error| Failure::Other(format!("{place}: {error}"))
    }

    /// What is left to say; none where the program said it.
    pub fn message(&self) -> Option<String> {
        match self {
            Failure::Usage(given) => {
                Some(format!("`{given}` is no command of xtask\n  help: `cargo xtask help` lists them"))
            }
            Failure::Check(message) | Failure::Other(message) => Some(message.clone()),
            Failure::Program(_) => None,
        }
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Check(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Other(_) => 3,
            Failure::Program(code) => *code,
        }
    }
}
