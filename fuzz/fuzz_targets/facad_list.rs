//! FACAD's list of entries, read as a stream.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    lookbook_fuzz::file("meta_all_129927.json", data);
    let _ = std::fs::create_dir(lookbook_fuzz::folder().join("images"));
    lookbook_fuzz::file("images/1.jpeg", b"no picture");
    if let Ok(dataset) = facad::Facad::open(&lookbook_fuzz::config(serde_json::json!({ "layout": "list" }))) {
        lookbook_fuzz::use_all(&dataset);
    }
});
