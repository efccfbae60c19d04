//! registry.toml and registry.lock.
#![no_main]

use host::registry::{Lock, Registry};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let path = lookbook_fuzz::file("registry.toml", data);
    lookbook_fuzz::file("registry.lock", data);
    if let Ok(registry) = Registry::load(Some(&path), None) {
        let _ = registry.metric_families(&["all".to_owned(), "bleu".to_owned()]);
        for name in registry.models().keys() {
            assert!(registry.model(name).is_ok());
        }
        let _ = Lock::load(&registry);
    }
});
