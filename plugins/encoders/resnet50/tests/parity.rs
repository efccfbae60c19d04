//! ResNet against torchvision and transformers; `tests/parity/encoders/make_fixtures.py` made what is expected. torchvision's ResNet50 is
//! compared at full size: its weights are drawn from a formula that both sides compute.

use plugin_api::{Device, Encoder, EncoderConfig, EncoderInputs, Host, Image, Settings};
use resnet50::{ResNet, ResNetConfig, ResNetEncoder, image_config};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity")
}

fn images() -> Vec<(u32, u32, Vec<u8>)> {
    let open = |number| image::open(fixtures().join(format!("transformers/images/{number}.png"))).unwrap().to_rgb8();
    (0..8).map(open).map(|image| (image.width(), image.height(), image.into_raw())).collect()
}

fn expected(folder: &str, tensor: &str) -> (Vec<usize>, Vec<u8>) {
    let bytes = std::fs::read(fixtures().join("encoders").join(folder).join("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(tensor).unwrap();
    (tensor.shape().to_vec(), tensor.data().to_vec())
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

fn load(weights: &Path) -> ResNetEncoder {
    let host = Host::silent();
    let settings = Settings::default();
    let config =
        EncoderConfig { weights: weights.into(), adapter: None, device: Device::Cpu, threads: 0, settings, host };
    ResNetEncoder::load(&config).unwrap()
}

fn embed(encoder: &ResNetEncoder, images: &[(u32, u32, Vec<u8>)]) -> Vec<f32> {
    let images: Vec<Image<'_>> =
        images.iter().map(|(width, height, rgb)| Image { width: *width, height: *height, rgb }).collect();
    encoder.embed(encoder.prepare(EncoderInputs::Images(&images)).unwrap().batch, "avgpool").unwrap()
}

fn worst(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// SplitMix64, the upper 24 bits as a number in −1 ≤ x < 1.
fn formula(seed: u64, count: usize) -> impl Iterator<Item = f32> {
    (1..=count as u64).map(move |step| {
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(step));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0
    })
}

/// Writes the ResNet50 of `by_formula` in the script.
fn write_resnet50(folder: &Path) {
    let mut shapes = ResNet::expected(&ResNetConfig::torchvision([3, 4, 6, 3])).unwrap().tensors;
    shapes.insert("fc.weight".into(), vec![1000, 2048]);
    shapes.insert("fc.bias".into(), vec![1000]);
    // torchvision's list has a counter for each normalisation, which takes a seed too.
    let counters: Vec<String> = shapes
        .keys()
        .filter_map(|name| Some(format!("{}num_batches_tracked", name.strip_suffix("running_var")?)))
        .collect();
    shapes.extend(counters.into_iter().map(|name| (name, Vec::new())));
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .enumerate()
        .filter(|(_, (name, _))| !name.ends_with("num_batches_tracked"))
        .map(|(seed, (name, shape))| {
            let count = shape.iter().product();
            let inputs: usize = shape[1..].iter().product();
            let spread = (6.0 / inputs as f64).sqrt() as f32;
            let last = if name.contains(".bn3.") { 0.15 } else { 1.0 };
            let number = |x: f32| match () {
                () if shape.len() > 1 => x * spread,
                () if name.ends_with("running_var") => 1.0 + 0.5 * x,
                () if name.ends_with("weight") => (1.0 + 0.2 * x) * last,
                () => 0.1 * x,
            };
            let bytes = formula(seed as u64 + 1, count).flat_map(|x| number(x).to_le_bytes()).collect();
            (name, shape, bytes)
        })
        .collect();
    let views =
        tensors.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    safetensors::serialize_to_file(views, None, &folder.join("model.safetensors")).unwrap();
}

#[test]
fn torchvisions_resnet50_gives_the_features_of_the_reference_at_any_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    write_resnet50(folder.path());
    let encoder = load(folder.path());
    let description = encoder.describe();
    assert_eq!((description.architecture.as_str(), description.spaces[0].shape[0]), ("ResNet50", 2048));
    let images = images();
    let ours = embed(&encoder, &images);
    let theirs = numbers(&expected("resnet50", "features").1);
    let worst_of_all = worst(&ours, &theirs);
    println!("ResNet50: features differ by at most {worst_of_all:e}");
    assert!(worst_of_all < 1e-4, "a feature differs by {worst_of_all}");
    let parts: Vec<f32> = images.chunks(3).flat_map(|images| embed(&encoder, images)).collect();
    let by_batch = worst(&ours, &parts);
    println!("ResNet50: batches of 3 and of 8 differ by at most {by_batch:e}");
    assert!(by_batch < 1e-5, "batches of 3 and of 8 differ by {by_batch}");
}

#[test]
fn pixel_values_of_odd_sized_images_are_torchvisions() {
    let folder = tempfile::tempdir().unwrap();
    let config = image_config(folder.path()).unwrap();
    let (mean, deviation) = config.normalize.unwrap();
    let (shape, theirs) = expected("resnet50", "pixels");
    let [rows, channels, height, width] = shape[..] else { panic!("{shape:?}") };
    for (row, (image_width, image_height, rgb)) in images().into_iter().enumerate().take(rows) {
        let pixels = nn::image::prepare(image_width, image_height, &rgb, &config).unwrap();
        assert_eq!((pixels.height, pixels.width), (224, 224));
        for channel in 0..channels {
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let value = f64::from(pixels.values[(channel * 224 + y * 7) * 224 + x * 7]);
                let ours = (value * deviation[channel] + mean[channel]) * 255.0;
                let theirs = f64::from(theirs[((row * channels + channel) * height + y) * width + x]);
                assert!((ours - theirs).abs() < 0.01, "image {row}, channel {channel}, {y}, {x}: {ours}, {theirs}");
            }
        }
    }
}

#[test]
fn a_hugging_face_resnet_gives_the_features_of_the_reference() {
    let encoder = load(&fixtures().join("encoders/resnet-hf"));
    let ours = embed(&encoder, &images());
    let worst = worst(&ours, &numbers(&expected("resnet-hf", "features").1));
    println!("Hugging Face's ResNet: features differ by at most {worst:e}");
    assert!(worst < 1e-4, "a feature differs by {worst}");
}
