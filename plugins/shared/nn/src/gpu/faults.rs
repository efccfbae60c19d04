//! What fails on the thread that speaks to the GPU. CubeCL hands it work and does not wait: a buffer for which there is no room, or a compiler that
//! cannot be loaded, makes that thread panic, CubeCL goes on without the launches concerned, and what they would have written is read as if they had.

use crate::{Error, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};

/// How CubeCL names the threads that speak to devices.
const DEVICE_THREADS: &str = "DSD-";
/// What its messages say where memory was wanting.
const NO_ROOM: &str = "device memory";
/// Where a part of the toolkit was wanting that kernels are compiled with.
const COMPILER: &str = "nvrtc";
const HEADER: &str = "cuda_runtime.h";

/// The first thing that failed and was not told yet.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// Notes from here on what panics on a device's thread, in place of printing it. Other threads' panics are left to the hook that was there.
pub fn note() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !std::thread::current().name().is_some_and(|name| name.starts_with(DEVICE_THREADS)) {
                return before(panic);
            }
            let text = panic.payload_as_str().unwrap_or("a panic without a message");
            // What a missing buffer leads to is told by its cause.
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
/// Those of the work; [`Error::Memory`] or [`Error::Device`] if something failed on the GPU meanwhile, whatever was read.
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
            Some(text) if text.contains(NO_ROOM) || text.contains(HEADER) => Err(error_of(text)),
            _ => resume_unwind(panic),
        },
    }
}

fn text_of(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}

fn error_of(fault: &str) -> Error {
    // In what a reading complains of, the cause is one line of several.
    let line = |words: &str| fault.lines().find(|line| line.contains(words)).map(str::trim);
    if let Some(line) = line(NO_ROOM) {
        Error::Memory(format!("the GPU has no room for this: {line}"))
    } else if line(COMPILER).is_some() {
        Error::Device(
            "a GPU's kernels are compiled where they run, and CUDA's run-time compiler (libnvrtc, of the CUDA toolkit) cannot be loaded; install it, \
             and name its folder in LD_LIBRARY_PATH"
                .into(),
        )
    } else if line(HEADER).is_some() {
        Error::Device(
            "a GPU's kernels are compiled where they run, and CUDA's headers (cuda_runtime.h, of the CUDA toolkit) are not found; install them, and \
             name the toolkit's folder in CUDA_PATH"
                .into(),
        )
    } else {
        Error::Device(format!("the GPU failed: {}", fault.lines().next().unwrap_or_default()))
    }
}
