//! A sweep's file.
#![no_main]

use host::sweep::SweepFile;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(sweep) = SweepFile::parse(text, "sweep.toml") {
        assert!(!sweep.trials.is_empty() && sweep.trials.iter().all(|trial| trial.options.check().is_ok()));
    }
});
