//! Principal components against scikit-learn's, on features that `tests/parity/encoders/make_fixtures.py` made; both ways of finding them.

use host::embed::pca::{EXACT_WIDTH, Keep, fit, reduce};
use host::embed::{Features, npy};
use host::progress::Reporter;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/parity/encoders/pca")
}

fn read(path: &Path) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let (shape, _) = npy::read_header(path, &mut rest).unwrap();
    (shape, rest.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect())
}

fn worst(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn narrowed_features_are_scikit_learns() {
    let out = tempfile::tempdir().unwrap();
    let expected: Value = serde_json::from_slice(&std::fs::read(fixture().join("expected.json")).unwrap()).unwrap();
    for (keep, file) in [(Keep::Variance(0.95), "expected-variance.npy"), (Keep::Components(12), "expected-12.npy")] {
        let folder = out.path().join(file);
        let summary = reduce(&fixture(), &folder, keep, 42, &Reporter::new(true)).unwrap();
        let (shape, ours) = read(&folder.join("features.npy"));
        let (their_shape, theirs) = read(&fixture().join(file));
        assert_eq!(shape, their_shape, "{keep:?}");
        assert!(summary.exact);
        println!("{keep:?}: features differ by at most {:e}", worst(&ours, &theirs));
        assert!(worst(&ours, &theirs) < 1e-4, "{keep:?}: {}", worst(&ours, &theirs));
        if keep == Keep::Variance(0.95) {
            assert_eq!(summary.components as u64, expected["components_for_95"].as_u64().unwrap());
            assert!((summary.explained - expected["share"].as_f64().unwrap()).abs() < 1e-9);
        }
        // What was written can be applied to other features.
        let (mean, components) = (read(&folder.join("mean.npy")).1, read(&folder.join("components.npy")).1);
        let width = mean.len();
        let row = &read(&fixture().join("features.npy")).1[..width];
        let first: f32 = row.iter().zip(&mean).zip(&components).map(|((x, m), c)| (x - m) * c).sum();
        assert!((first - ours[0]).abs() < 1e-4);
    }
}

#[test]
fn wide_features_are_iterated_to_the_same_components() {
    let features = Features::open(&fixture()).unwrap();
    for keep in [Keep::Components(12), Keep::Components(40), Keep::Variance(0.95), Keep::Variance(0.99999)] {
        let exact = fit(&features, keep, EXACT_WIDTH, 42, &Reporter::new(true)).unwrap();
        let iterated = fit(&features, keep, 0, 42, &Reporter::new(true)).unwrap();
        assert_eq!(iterated.explained.len(), exact.explained.len(), "{keep:?}");
        for (ours, theirs) in iterated.explained.iter().zip(&exact.explained) {
            assert!((ours - theirs).abs() < 1e-5 * exact.explained[0], "{keep:?}: {ours}, {theirs}");
        }
        // The first ones, which lie far apart; the last ones of a spectrum are too close to be told apart in f32.
        let first = 5 * features.width;
        let difference = worst(&iterated.components[..first], &exact.components[..first]);
        assert!(difference < 1e-3, "{keep:?}: components differ by {difference}");
    }
}

#[test]
fn features_that_are_no_use_are_refused_with_their_place() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("features");
    let write = |shape: &[usize], numbers: &[f32], ids: &str| {
        std::fs::create_dir_all(&folder).unwrap();
        let mut bytes = npy::header(shape).unwrap();
        bytes.extend(npy::bytes(numbers));
        std::fs::write(folder.join("features.npy"), bytes).unwrap();
        std::fs::write(folder.join("ids.txt"), ids).unwrap();
    };
    let refused = |words: &[&str]| {
        let quiet = Reporter::new(true);
        let error = reduce(&folder, &place.path().join("out"), Keep::Components(1), 1, &quiet).unwrap_err();
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
    };
    refused(&["ids.txt", "host embed"]);
    write(&[2, 2], &[1.0, 2.0, f32::NAN, 4.0], "a\nb\n");
    refused(&["item `b` has NaN as feature 0"]);
    write(&[2, 2], &[1.0, 2.0, 3.0, 4.0], "a\nb\nc\n");
    refused(&["[2, 2]", "3 items"]);
    write(&[2, 2], &[1.0], "a\nb\n");
    refused(&["cut short"]);
    write(&[2, 2], &[1.0, 2.0, 1.0, 2.0], "a\nb\n");
    refused(&["the same features"]);
    write(&[1, 2], &[1.0, 2.0], "a\n");
    refused(&["one item only"]);
    // Files of two widths.
    std::fs::remove_file(folder.join("features.npy")).unwrap();
    for (id, width) in [("a", 2), ("b", 3)] {
        let mut bytes = npy::header(&[width]).unwrap();
        bytes.extend(npy::bytes(&vec![1.0; width]));
        std::fs::write(folder.join(format!("{id}.npy")), bytes).unwrap();
    }
    std::fs::write(folder.join("ids.txt"), "a\nb\n").unwrap();
    refused(&["item `b` has 3 features, where others have 2"]);
}
