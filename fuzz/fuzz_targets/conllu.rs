//! CoNLL-U, read, rewritten and read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(sentences) = language::conllu::parse(text) else { return };
    let rewritten = language::rewrite_conllu(text).expect("what can be read can be rewritten");
    let again = language::conllu::parse(&rewritten).expect("what we write can be read");
    assert_eq!(again.len(), sentences.len());
});
