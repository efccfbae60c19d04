//! Text of any kind through the n-gram metrics: candidate and reference, divided by a NUL byte.
#![no_main]

use plugin_api::Host;
use plugin_api::testing::{TestItem, score};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (candidate, reference) = lookbook_fuzz::two_parts(data);
    let [candidate, reference] = [candidate, reference].map(|text| String::from_utf8_lossy(text).into_owned());
    let items = [TestItem::new(&candidate, &[&reference]), TestItem::new(&reference, &[&candidate, &reference])];
    let bleu = score(&mut ngram::Bleu, &items);
    let rouge = score(&mut ngram::RougeL, &items);
    let cider = score(&mut ngram::Cider::new(ngram::Variant::D, Host::silent()), &items);
    let plain = score(&mut ngram::Cider::new(ngram::Variant::Plain, Host::silent()), &items);
    // CIDEr's scale ends at 10, the others' at 1.
    for (scored, most) in [(bleu, 1.0), (rouge, 1.0), (cider, 10.0), (plain, 10.0)] {
        let scored = scored.expect("any text can be scored");
        let inside = |values: &[f64]| values.iter().all(|value| (0.0..=most + 1e-9).contains(value));
        assert!(inside(&scored.corpus) && scored.items.iter().all(|item| inside(&item.values)), "{scored:?}");
    }
});
