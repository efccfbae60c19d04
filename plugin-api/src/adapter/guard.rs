//! Catching panics, and finding a component's constructor by its name.

use crate::abi::Failure;
use crate::sdk::{ErrorKind, PluginError, Result};
use abi_stable::std_types::RResult;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a plugin's code; an error or panic becomes a [`Failure`].
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> RResult<T, Failure> {
    // A component that has panicked may be left half changed: the host treats the failure as the end of that object's use.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => RResult::ROk(value),
        Ok(Err(error)) => RResult::RErr(error.into()),
        Err(payload) => {
            let message = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic without a message".to_owned());
            let message = shortened(message);
            // The payload's own drop may panic; it is leaked, as its like is rare and small.
            std::mem::forget(payload);
            RResult::RErr(PluginError::new(ErrorKind::Panic, format!("the plugin panicked: {message}")).into())
        }
    }
}

/// The beginning of a message: a GPU's compiler puts whole programs, megabytes of them, into its complaints.
fn shortened(mut message: String) -> String {
    const MOST: usize = 4000;
    if message.len() > MOST {
        let end = message.floor_char_boundary(MOST);
        message.truncate(end);
        message.push_str(" … (shortened)");
    }
    message
}

/// The entry of that name, or an error that lists what there is.
pub fn find<T>(
    kind: &str,
    name: &str,
    entries: impl Iterator<Item = &'static T>,
    name_of: fn(&T) -> &'static str,
) -> Result<&'static T> {
    let mut known = Vec::new();
    for entry in entries {
        if name_of(entry) == name {
            return Ok(entry);
        }
        known.push(name_of(entry));
    }
    known.sort_unstable();
    Err(PluginError::configuration(format!("this plugin has no {kind} `{name}`; it has: {}", known.join(", "))))
}

/// JSON that the other side of the border wrote.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| PluginError::internal(format!("host and plugin disagree on a message: {error}")))
}

/// JSON for the other side of the border.
pub fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| PluginError::internal(format!("cannot write a message: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_failure_of_readable_length() {
        let failure = |message: String| -> String {
            let outcome: RResult<(), Failure> = guarded(|| panic!("{message}"));
            PluginError::from(outcome.into_result().unwrap_err()).message
        };
        assert_eq!(failure("no".into()), "the plugin panicked: no");
        // A character of two bytes stands on the border.
        let long = failure(format!("{}ä{}", "x".repeat(3999), "y".repeat(1 << 20)));
        assert!(long.len() < 4100 && long.ends_with("x … (shortened)"), "{}", long.len());
    }
}
