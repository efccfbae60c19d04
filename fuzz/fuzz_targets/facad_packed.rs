//! FACAD's packed layout: the captions before the first NUL byte, the HDF5 file behind it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (captions, images) = lookbook_fuzz::two_parts(data);
    lookbook_fuzz::file("TEST_CAPTIONS_RAW.json", captions);
    lookbook_fuzz::file("TEST_ATTRS.json", captions);
    lookbook_fuzz::file("TEST_CATES_FLAT.json", captions);
    lookbook_fuzz::file("TEST_IMAGES.hdf5", images);
    if let Ok(dataset) = facad::Facad::open(&lookbook_fuzz::config(serde_json::json!({ "layout": "packed" }))) {
        lookbook_fuzz::use_all(&dataset);
    }
});
