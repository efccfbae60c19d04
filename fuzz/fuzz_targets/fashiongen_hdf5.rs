//! FashionGen's HDF5 file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    lookbook_fuzz::file("fashiongen_256_256_train.h5", data);
    if let Ok(dataset) = fashiongen::FashionGen::open(&lookbook_fuzz::config(serde_json::json!({ "files": "train" }))) {
        lookbook_fuzz::use_all(&dataset);
    }
});
