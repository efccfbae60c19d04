//! The tensors that a loader expects are those that the reference makes on the meta device. The lists were made by `make_shapes.py` in
//! `transformers` and by `make_fixtures.py` in `encoders`.

use nn::weights::{Expected, canonical};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Holds the loader's tensors against a list's (`encoders` or `transformers`), for every model whose name begins so; gives how many there are.
pub fn are_those_of_the_reference(list: &str, prefix: &str, expected: impl Fn(Value) -> Expected) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity").join(list).join("shapes.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let models: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let models = models.into_iter().filter(|(name, _)| name.starts_with(prefix));
    let held = models.map(|(name, model)| {
        let expected = expected(model["config"].clone());
        // Buffers that hold no weights are in no checkpoint's list; copies of other tensors may be.
        let is_weight = |name: &String| {
            let copied = expected.copies.contains(name) && !expected.tensors.contains_key(name);
            !copied && !name.ends_with(".num_batches_tracked") && !name.ends_with(".position_ids")
        };
        let theirs: BTreeMap<String, Vec<usize>> = (model["tensors"].as_object().unwrap().iter())
            .map(|(name, shape)| (canonical(name), serde_json::from_value(shape.clone()).unwrap()))
            .filter(|(name, _)| is_weight(name))
            .collect();
        assert_eq!(expected.tensors, theirs, "{name}");
        assert!(theirs.len() > 150, "{name}: {}", theirs.len());
    });
    held.count()
}
