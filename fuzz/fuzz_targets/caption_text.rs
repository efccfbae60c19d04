//! Text of any kind through the tokenizer, the analyser and METEOR (without its table of paraphrases): candidate and reference, divided by
//! a NUL byte.
#![no_main]

use plugin_api::testing::{TestItem, score};
use plugin_api::{Host, MetricConfig, Settings};

libfuzzer_sys::fuzz_target!(init: warm_up(), |data: &[u8]| {
    let (candidate, reference) = lookbook_fuzz::two_parts(data);
    let texts = [candidate, reference].map(|text| String::from_utf8_lossy(text).into_owned());
    for text in &texts {
        let tokens = language::ptb::tokenize(text);
        assert!(tokens.iter().all(|token| !token.is_empty()));
        language::attributes::attributes(text);
        meteor::normalise::normalise(text, |token| assert!(!token.contains(' ')));
    }
    let config = MetricConfig {
        dataset: None,
        assets: None,
        settings: Settings::new(serde_json::json!({ "paraphrase": false })),
        host: Host::silent(),
    };
    let mut meteor = meteor::Meteor::create(&config).expect("it needs no table");
    let items = [TestItem::new(&texts[0], &[&texts[1]]), TestItem::new(&texts[1], &[&texts[0], &texts[1]])];
    if let Ok(scored) = score(&mut meteor, &items) {
        let inside = |values: &[f64]| values.iter().all(|value| (0.0..=1.0 + 1e-9).contains(value));
        assert!(inside(&scored.corpus) && scored.items.iter().all(|item| inside(&item.values)), "{scored:?}");
    }
});

/// The analyser's tables are read at its first use, which without optimisation takes longer than a text may.
fn warm_up() {
    language::attributes::attributes("a red dress");
}
