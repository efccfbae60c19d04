//! The one error type of the SDK: what kind, what happened, what to do.

use std::fmt;

pub type Result<T, E = PluginError> = std::result::Result<T, E>;

/// What the caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A setting, flag or registry entry is wrong: the user mends it.
    Configuration,
    /// A file or record is missing, damaged or of another form than promised.
    Data,
    /// The request is understood and not offered by this component.
    Unsupported,
    /// Memory of the device or the machine ran out; a smaller batch may work.
    OutOfMemory,
    /// A fault of the plugin itself.
    Internal,
    /// The plugin panicked; the adapter caught it.
    Panic,
}

impl ErrorKind {
    pub(crate) const ALL: [(ErrorKind, &'static str); 6] = [
        (ErrorKind::Configuration, "configuration"),
        (ErrorKind::Data, "data"),
        (ErrorKind::Unsupported, "unsupported"),
        (ErrorKind::OutOfMemory, "out-of-memory"),
        (ErrorKind::Internal, "internal"),
        (ErrorKind::Panic, "panic"),
    ];

    /// The word that crosses the ABI and stands in JSON.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("internal", |(_, name)| name)
    }

    /// The kind of that name; a name of a newer API is an internal error to this one.
    pub fn from_name(name: &str) -> ErrorKind {
        Self::ALL.iter().find(|(_, known)| *known == name).map_or(ErrorKind::Internal, |(kind, _)| *kind)
    }
}

/// An error of a plugin: a sentence for a person, and optionally what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginError {
    pub kind: ErrorKind,
    pub message: String,
    pub help: Option<String>,
}

impl PluginError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        PluginError { kind, message: message.into(), help: None }
    }

    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PluginError {}
