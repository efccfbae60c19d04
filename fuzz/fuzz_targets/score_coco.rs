//! `host score --results --references`: a pair of COCO-style files, divided by a NUL byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (results, references) = lookbook_fuzz::two_parts(data);
    let results = lookbook_fuzz::file("results.json", results);
    let _ = host::score::ScoreInput::coco(&results, &lookbook_fuzz::file("references.json", references));
});
