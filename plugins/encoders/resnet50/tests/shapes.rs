//! The full-size models' tensors. How they are held against the reference stands in `tests/parity/shapes.rs`.

#[path = "../../../../tests/parity/shapes.rs"]
mod shapes;

use resnet50::{ResNet, ResNetConfig};

#[test]
fn every_tensor_of_the_published_models_is_expected_with_its_shape() {
    let expected = |config| ResNet::expected(&ResNetConfig::from_value(&config).unwrap()).unwrap();
    assert_eq!(shapes::are_those_of_the_reference("encoders", "resnet", expected), 2);
}
