//! H&M's articles.csv.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    lookbook_fuzz::file("articles.csv", data);
    let _ = std::fs::create_dir(lookbook_fuzz::folder().join("images"));
    if let Ok(dataset) = hm::Hm::open(&lookbook_fuzz::config(serde_json::json!({}))) {
        lookbook_fuzz::use_all(&dataset);
    }
});
