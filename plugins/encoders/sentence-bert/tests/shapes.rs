//! The full-size models' tensors. How they are held against the reference stands in `tests/parity/shapes.rs`.

#[path = "../../../../tests/parity/shapes.rs"]
mod shapes;

use sentence_bert::{Mpnet, MpnetConfig};

#[test]
fn every_tensor_of_the_published_model_is_expected_with_its_shape() {
    let expected = |config| Mpnet::expected(&MpnetConfig::from_value(config).unwrap()).unwrap();
    assert_eq!(shapes::are_those_of_the_reference("encoders", "all-mpnet", expected), 1);
}
