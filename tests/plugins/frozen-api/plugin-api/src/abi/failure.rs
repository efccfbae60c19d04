//! Errors on their way across the border.

use crate::sdk::{ErrorKind, PluginError};
use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RString};

/// A [`PluginError`] in its stable form; the kind crosses by name, so that a new kind breaks nothing.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct Failure {
    pub kind: RString,
    pub message: RString,
    pub help: ROption<RString>,
}

impl From<PluginError> for Failure {
    fn from(error: PluginError) -> Failure {
        Failure {
            kind: error.kind.name().into(),
            message: error.message.into(),
            help: error.help.map(RString::from).into(),
        }
    }
}

impl From<Failure> for PluginError {
    fn from(failure: Failure) -> PluginError {
        PluginError {
            kind: ErrorKind::from_name(&failure.kind),
            message: failure.message.into_string(),
            help: failure.help.map(RString::into_string).into_option(),
        }
    }
}
