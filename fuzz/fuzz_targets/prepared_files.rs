//! A prepared dataset's files: dataset.toml, the vocabulary, the categories and their classifier.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let folder = lookbook_fuzz::folder();
    let (text, classifier) = lookbook_fuzz::two_parts(data);
    lookbook_fuzz::file("dataset.toml", text);
    let _ = host::prepare::Manifest::read(folder);
    let _ = language::attributes::Vocabulary::read(&lookbook_fuzz::file("attributes.json", text));
    lookbook_fuzz::file(category_classifier::CATEGORIES_FILE, text);
    lookbook_fuzz::file(category_classifier::MODEL_FILE, classifier);
    if let Ok((_, classifier)) = category_classifier::open(folder) {
        let _ = classifier.classify("a red cotton dress");
    }
});
