//! `host score --input`: JSON Lines.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = host::score::ScoreInput::json_lines(&lookbook_fuzz::file("input.jsonl", data));
});
