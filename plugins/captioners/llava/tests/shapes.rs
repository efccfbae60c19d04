//! The tensors that the loader expects of the full-size models are those that transformers makes (`make_shapes.py`).

use llava::{Llava, LlavaConfig};
use nn::weights::canonical;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

#[test]
fn every_tensor_of_the_published_models_is_expected_with_its_shape() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/transformers/shapes.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let lists: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let mut seen = BTreeSet::new();
    for (name, list) in lists.iter().filter(|(name, _)| name.starts_with("llava")) {
        let expected = Llava::expected(&LlavaConfig::from_value(list["config"].clone()).unwrap()).unwrap();
        let theirs: BTreeMap<String, Vec<usize>> = list["tensors"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, shape)| (canonical(name), serde_json::from_value(shape.clone()).unwrap()))
            .filter(|(name, _)| !expected.copies.contains(name) || expected.tensors.contains_key(name))
            .collect();
        assert_eq!(expected.tensors, theirs, "{name}");
        seen.insert(name.as_str());
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}
