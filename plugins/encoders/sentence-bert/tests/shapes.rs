//! The tensors that the loader expects of the full-size models are those that the references make (`make_fixtures.py`).

use nn::weights::canonical;
use sentence_bert::{Mpnet, MpnetConfig};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

#[test]
fn every_tensor_of_the_published_model_is_expected_with_its_shape() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/encoders/shapes.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let lists: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let name = "all-mpnet-base-v2";
    let list = &lists[name];
    let expected = Mpnet::expected(&MpnetConfig::from_value(list["config"].clone()).unwrap()).unwrap();
    let theirs: BTreeMap<String, Vec<usize>> = list["tensors"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, shape)| (canonical(name), serde_json::from_value(shape.clone()).unwrap()))
        .filter(|(name, _)| !expected.copies.contains(name) && !name.ends_with(".num_batches_tracked"))
        .filter(|(name, _)| !name.ends_with(".position_ids"))
        .collect();
    assert_eq!(expected.tensors, theirs, "{name}");
    assert!(expected.tensors.len() > 150, "{name}: {}", expected.tensors.len());
}
