//! FACAD packed in HDF5 with captions, attributes and categories beside it, on files written by the tests.
//! That every storage of h5py is read right is shown for FashionGen, whose reader is the same.

use facad::Facad;
use hdf5_writer::{ByteOrder, DatasetBuilder, Datatype, FILTER_DEFLATE, FilterDescription, Hdf5Builder, WriteOptions};
use plugin_api::{Dataset, DatasetConfig, Host, ImageSource, Item, ItemError, PluginError, Settings};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;
use tempfile::TempDir;

fn open(root: &Path, options: Value) -> Result<Facad, PluginError> {
    Facad::open(&DatasetConfig { root: root.to_owned(), settings: Settings::new(options), host: Host::silent() })
}

/// Byte (row, plane, y, x) is 50 * row + 10 * plane + 4 * y + x.
fn hdf5(shape: [u64; 4]) -> Vec<u8> {
    let [rows, planes, height, width] = shape;
    let mut bytes = Vec::new();
    for row in 0..rows {
        for plane in 0..planes {
            for y in 0..height {
                bytes.extend((0..width).map(|x| (50 * row + 10 * plane + 4 * y + x) as u8));
            }
        }
    }
    let datatype = Datatype::FixedPoint { size: 1, signed: false, byte_order: ByteOrder::LittleEndian };
    let gzip = FilterDescription { id: FILTER_DEFLATE, name: None, client_data: vec![4] };
    let images = DatasetBuilder::new("images", datatype, shape)
        .chunked(vec![2, planes, height, width])
        .filter(gzip)
        .raw_data(bytes);
    Hdf5Builder::new().dataset(images).into_plan().unwrap().encode(WriteOptions::default()).unwrap()
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn json_file(value: Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn read(root: &Path, options: Value) -> (Vec<Item>, Vec<String>, Result<(), PluginError>) {
    let (mut items, mut faults) = (Vec::new(), Vec::new());
    let mut keep = |record: Result<Item, ItemError>| {
        match record {
            Ok(item) => items.push(item),
            Err(error) => faults.push(error.message),
        }
        ControlFlow::Continue(())
    };
    let end = open(root, options).unwrap().read(&mut keep);
    (items, faults, end)
}

fn catalogue() -> TempDir {
    folder(&[
        ("TEST_IMAGES.hdf5", hdf5([4, 3, 2, 4])),
        ("TEST_CAPTIONS_RAW.json", json_file(json!(["a red dress", "a red dress", "", "a blue coat"]))),
        ("TEST_ATTRS.json", json_file(json!([[1, 2], ["red"], null, []]))),
        ("TEST_CATES_FLAT.json", json_file(json!([8, 8, 1, "coat"]))),
        ("TRAIN_IMAGES.hdf5", hdf5([2, 3, 2, 4])),
        ("TRAIN_CAPTIONS_RAW.json", json_file(json!({ "0": { "caption": "a hat" }, "1": ["one", "two"] }))),
        ("meta_all.json", b"[]".to_vec()),
    ])
}

#[test]
fn rows_become_items_of_their_split_and_rows_of_one_caption_are_one_product() {
    let folder = catalogue();
    let (items, faults, end) = read(folder.path(), json!({ "views": "all" }));
    end.unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    let found: Vec<_> = items
        .iter()
        .map(|item| {
            (item.id.as_str(), item.product.as_str(), item.split.as_deref().unwrap(), item.references.join("|"))
        })
        .collect();
    let expected = [
        ("TRAIN-0", "TRAIN-0", "train", "a hat".to_owned()),
        ("TRAIN-1", "TRAIN-1", "train", "one|two".into()),
        ("TEST-0", "TEST-0", "test", "a red dress".into()),
        ("TEST-1", "TEST-0", "test", "a red dress".into()),
        // Without a caption, but with an image to embed.
        ("TEST-2", "TEST-2", "test", String::new()),
        ("TEST-3", "TEST-3", "test", "a blue coat".into()),
    ];
    assert_eq!(found, expected);
    let categories: Vec<_> = items.iter().map(|item| item.category.as_deref()).collect();
    assert_eq!(categories, [None, None, Some("8"), Some("8"), Some("1"), Some("coat")]);
    let attributes: Vec<_> = items.iter().map(|item| item.metadata.get("attributes").map(String::as_str)).collect();
    assert_eq!(attributes, [None, None, Some("1, 2"), Some("red"), None, None]);

    let (items, _, _) = read(folder.path(), json!({}));
    let ids: Vec<_> = items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["TRAIN-0", "TRAIN-1", "TEST-0", "TEST-2", "TEST-3"]);
}

#[test]
fn planes_become_pixels() {
    let folder = catalogue();
    let dataset = open(folder.path(), json!({})).unwrap();
    let ImageSource::Rgb8 { width, height, pixels } = dataset.image("TEST_IMAGES.hdf5#3").unwrap() else {
        panic!("not pixels")
    };
    assert_eq!((width, height, pixels.len()), (4, 2, 24));
    assert_eq!(pixels[..6], [150, 160, 170, 151, 161, 171]);
    // y = 1, x = 2
    assert_eq!(pixels[(4 + 2) * 3..][..3], [156, 166, 176]);
    for locator in ["TEST_IMAGES.hdf5#4", "VAL_IMAGES.hdf5#0", "TEST_IMAGES.hdf5", "", "TEST_IMAGES.hdf5#x"] {
        assert!(dataset.image(locator).is_err(), "{locator}");
    }
}

#[test]
fn fewer_or_more_captions_than_images_are_an_error() {
    for (captions, message) in [
        (json!(["a", "b"]), "TEST_CAPTIONS_RAW.json has 2 entries, but there are 3 images"),
        (json!(["a", "b", "c", "d"]), "TEST_CAPTIONS_RAW.json has more entries than the 3 images"),
    ] {
        let files = [("TEST_IMAGES.hdf5", hdf5([3, 3, 2, 4])), ("TEST_CAPTIONS_RAW.json", json_file(captions))];
        let (_, _, end) = read(folder(&files).path(), json!({}));
        let error = end.unwrap_err();
        assert!(error.message.contains(message), "{error}");
    }
}

#[test]
fn an_object_that_names_its_rows_in_another_order_is_refused() {
    let captions = |text: &str| {
        let files = [("TEST_IMAGES.hdf5", hdf5([3, 3, 2, 4])), ("TEST_CAPTIONS_RAW.json", text.as_bytes().to_vec())];
        let (items, _, end) = read(folder(&files).path(), json!({}));
        end.map(|()| items.len())
    };
    assert_eq!(captions(r#"{"0": "a", "1": "b", "2": "c"}"#).unwrap(), 3);
    assert_eq!(captions(r#"{"x": "a", "0.jpg": "b", "": "c"}"#).unwrap(), 3);
    let error = captions(r#"{"0": "a", "10": "b", "2": "c"}"#).unwrap_err();
    assert!(error.message.ends_with("TEST_CAPTIONS_RAW.json: entry 1 is named 10"), "{error}");
}

#[test]
fn damaged_files_and_entries_are_named() {
    let whole = hdf5([3, 3, 2, 4]);
    let captions = || json_file(json!(["a", 7, { "text": "c" }]));
    let error = |files: &[(&str, Vec<u8>)]| open(folder(files).path(), json!({})).map(|_| ()).unwrap_err().message;
    let half = whole[..whole.len() / 2].to_vec();
    let cut = error(&[("TEST_IMAGES.hdf5", half), ("TEST_CAPTIONS_RAW.json", captions())]);
    assert!(cut.contains("TEST_IMAGES.hdf5 is cut off"), "{cut}");
    let alone = error(&[("TEST_IMAGES.hdf5", whole.clone())]);
    assert!(alone.contains("TEST_CAPTIONS_RAW.json"), "{alone}");
    let shape = error(&[("TEST_IMAGES.hdf5", hdf5([3, 2, 4, 3])), ("TEST_CAPTIONS_RAW.json", captions())]);
    assert!(shape.contains("dataset `images`: 3 planes of rows an image expected"), "{shape}");

    let files = [("TEST_IMAGES.hdf5", whole), ("TEST_CAPTIONS_RAW.json", captions())];
    let (items, faults, end) = read(folder(&files).path(), json!({}));
    end.unwrap();
    assert_eq!(items.len(), 1);
    let fault = |row: u32| format!("TEST_CAPTIONS_RAW.json, entry {row}: neither a text nor a list of texts");
    assert_eq!(faults, [fault(1), fault(2)]);
}
