//! A library like any other, without a plugin's root module.

/// Something to export.
#[unsafe(no_mangle)]
pub extern "C" fn forty_two() -> i32 {
    42
}
