//! What fails on the thread that speaks to the GPU. CubeCL hands it work and does not wait: a buffer for which there is no room makes that thread
//! panic, CubeCL goes on without the launches that would have used it, and what they would have written is read as if they had.

use crate::{Error, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};

/// How CubeCL names the threads that speak to devices.
const DEVICE_THREADS: &str = "DSD-";
/// What its messages say where memory was wanting.
const NO_ROOM: &str = "device memory";

/// The first thing that found no room and was not told yet.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// Notes from here on what finds no room on a device's thread, in place of printing it. Other panics are left to the hook that was there: CubeCL tries
/// kernels out, some of which fail, and whatever a missing buffer leads to is told by its cause.
pub fn note() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let text = panic.payload_as_str().unwrap_or_default();
            let on_device = std::thread::current().name().is_some_and(|name| name.starts_with(DEVICE_THREADS));
            if !on_device || !text.contains(NO_ROOM) {
                return before(panic);
            }
            first().get_or_insert_with(|| text.to_owned());
        }));
    });
}

fn first() -> std::sync::MutexGuard<'static, Option<String>> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs work that ends with reading what it had the GPU compute.
///
/// # Errors
/// Those of the work; [`Error::Memory`] if something found no room on the GPU meanwhile, whatever was read.
pub fn watched<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // What the work leaves half changed is its caller's to drop, as after any error.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    let fault = first().take();
    match (outcome, fault) {
        (Ok(result), None) => result,
        (Ok(Err(error @ Error::Cancelled)), _) => Err(error),
        (Ok(_), Some(fault)) => Err(error_of(&fault)),
        (Err(panic), Some(fault)) => {
            drop(panic);
            Err(error_of(&fault))
        }
        (Err(panic), None) => match text_of(panic.as_ref()) {
            Some(text) if text.contains(NO_ROOM) => Err(error_of(text)),
            _ => resume_unwind(panic),
        },
    }
}

fn text_of(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}

fn error_of(fault: &str) -> Error {
    // In what a reading complains of, the cause is one line of several.
    let line = fault.lines().find(|line| line.contains(NO_ROOM)).unwrap_or(fault);
    Error::Memory(format!("the GPU has no room for this: {}", line.trim()))
}
