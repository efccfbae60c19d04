//! The host's one error: a sentence for a person, what to do, and the exit code it leads to.

use plugin_api::{ErrorKind, PluginError};
use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Which exit code an error leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 1: it ran, and some cells failed.
    SomeFailed,
    /// 2: usage or configuration.
    Usage,
    /// 3: nothing could run.
    Nothing,
    /// 75 (`EX_TEMPFAIL`): it was asked to stop, by a signal; the same command goes on.
    Stopped,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::SomeFailed => 1,
            Exit::Usage => 2,
            Exit::Nothing => 3,
            Exit::Stopped => 75,
        }
    }
}

/// What went wrong, where, and what to do.
#[derive(Debug, Clone)]
pub struct Error {
    pub exit: Exit,
    pub message: String,
    pub help: Option<String>,
}

impl Error {
    /// The user's request or files of configuration are wrong: exit code 2.
    pub fn usage(message: impl Into<String>) -> Error {
        Error { exit: Exit::Usage, message: message.into(), help: None }
    }

    /// The request was fine and could not be carried out: exit code 3.
    pub fn failed(message: impl Into<String>) -> Error {
        Error { exit: Exit::Nothing, message: message.into(), help: None }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Error {
        self.help = Some(help.into());
        self
    }

    /// Puts what was being done before the message: `cannot read a.toml: …`.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Error {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// An I/O error with what was tried on which path.
    pub fn io(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Error {
        let failure = Error::failed(format!("cannot {doing} {}: {}", path.display(), plain(error)));
        match error.kind() {
            std::io::ErrorKind::StorageFull => {
                failure.help("free some space and run the same command again; what is saved stays")
            }
            std::io::ErrorKind::FileTooLarge => failure.help(
                "the limit on the size of files is too low here (`ulimit -f`); raise it and run the same command again: what is saved stays",
            ),
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
                failure.help("choose a folder that you may write to, or change its permissions")
            }
            _ => failure,
        }
    }
}

/// `No such file or directory (os error 2)` without the number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<PluginError> for Error {
    fn from(error: PluginError) -> Error {
        let exit = match error.kind {
            ErrorKind::Configuration => Exit::Usage,
            _ => Exit::Nothing,
        };
        Error { exit, message: error.message, help: error.help }
    }
}
