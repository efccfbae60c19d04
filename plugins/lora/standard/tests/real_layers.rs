//! The strategies on the layers of the three families, as transformers has them; `tests/parity/peft/make_fixtures.py` wrote the lists.

use lora_standard::{Selection, Standard};
use plugin_api::{LinearLayer, LoraStrategy, Settings};
use serde_json::{Value, json};
use std::path::Path;

fn layers(family: &str) -> Vec<LinearLayer> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../tests/parity/peft/layers/{family}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn paths(strategy: &Standard, layers: &[LinearLayer]) -> Vec<String> {
    strategy.targets(layers).unwrap().into_iter().map(|target| target.path).collect()
}

/// The cases hold what PEFT itself adapts for `["q", "v", "q_proj", "v_proj"]` and for `all-linear`.
#[test]
fn query_value_and_all_linear_choose_what_peft_chooses() {
    for family in ["opt-small", "t5-untied", "llava-grouped"] {
        for (name, selection) in [("query-value", Selection::QueryValue), ("all-linear", Selection::AllLinear)] {
            let file = format!("../../../tests/parity/peft/cases/{family}-{name}-classic/expected.json");
            let expected = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
            let expected: Value = serde_json::from_slice(&expected).unwrap();
            let strategy = Standard::new(name, selection, &Settings::new(json!({"rank": 2}))).unwrap();
            let mut chosen = paths(&strategy, &layers(family));
            chosen.sort();
            let theirs: Vec<&str> =
                expected["layers"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
            assert_eq!(chosen, theirs, "{family}, {name}");
        }
    }
}

#[test]
fn attention_mlp_towers_and_ranges_find_layers_of_every_family() {
    for family in ["opt-small", "t5-untied", "llava-grouped"] {
        let layers = layers(family);
        let strategy = |name, selection, more: Value| {
            let mut settings = json!({"rank": 2});
            settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Standard::new(name, selection, &Settings::new(settings)).unwrap()
        };
        let attention = paths(&strategy("attention", Selection::Attention, json!({})), &layers);
        let mlp = paths(&strategy("mlp", Selection::Mlp, json!({})), &layers);
        for (list, name) in [(&attention, "attention"), (&mlp, "mlp")] {
            assert!(list.iter().any(|path| path.contains("vision")), "{family}, {name}");
            assert!(list.iter().any(|path| path.contains("language_model")), "{family}, {name}");
        }
        assert!(attention.iter().all(|path| !mlp.contains(path)));
        let others = layers.iter().filter(|layer| layer.role == "projection" || layer.role == "head").count();
        assert_eq!(attention.len() + mlp.len() + others, layers.len(), "{family}: a layer of no role");
        let last = paths(
            &strategy("all-linear", Selection::AllLinear, json!({"towers": ["language"], "layers": "1-"})),
            &layers,
        );
        assert!(!last.is_empty() && last.iter().all(|path| path.contains("language_model") && path.contains(".1.")));
    }
}
