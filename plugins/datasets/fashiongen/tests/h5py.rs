//! Files that h5py wrote, in every storage that its users meet, against the values that h5py reads back.
//! `tests/parity/h5py/make.py` makes both.

use fashiongen::FashionGen;
use plugin_api::{Dataset, DatasetConfig, Host, ImageSource, Item, Settings};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::PathBuf;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/h5py")
}

fn open(folder: &str, options: Value) -> FashionGen {
    let config =
        DatasetConfig { root: fixtures().join(folder), settings: Settings::new(options), host: Host::silent() };
    FashionGen::open(&config).unwrap_or_else(|error| panic!("{folder}: {error}"))
}

/// The items, and the messages of what is no item.
fn read(dataset: &FashionGen) -> (Vec<Item>, Vec<String>) {
    let (mut items, mut faults) = (Vec::new(), Vec::new());
    let mut keep = |record: Result<Item, plugin_api::ItemError>| {
        match record {
            Ok(item) => items.push(item),
            Err(error) => faults.push(error.message),
        }
        ControlFlow::Continue(())
    };
    dataset.read(&mut keep).unwrap();
    (items, faults)
}

/// Every storage's folder, with the rows of its train file as h5py has them.
fn storages() -> Vec<(String, Vec<Value>)> {
    let text = std::fs::read_to_string(fixtures().join("expected.json")).unwrap();
    let Value::Object(storages) = serde_json::from_str(&text).unwrap() else { panic!("expected.json is no object") };
    storages.into_iter().map(|(folder, value)| (folder, value["train"].as_array().unwrap().clone())).collect()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

#[test]
fn text_and_numbers_are_those_that_h5py_reads() {
    let storages = storages();
    assert_eq!(storages.len(), 14);
    for (folder, rows) in storages {
        let (items, faults) = read(&open(&folder, json!({ "files": "train", "views": "all" })));
        assert_eq!((items.len(), faults.len()), (7, 0), "{folder}: {faults:?}");
        for (item, row) in items.iter().zip(&rows) {
            let expected = |column: &str| row[column].as_str().unwrap();
            assert_eq!(item.product, expected("productID"), "{folder}");
            assert_eq!(item.references.concat(), expected("description"), "{folder}");
            assert_eq!(item.category.as_deref(), Some(expected("category")), "{folder}");
            assert_eq!(item.split.as_deref(), Some("train"));
            assert_eq!(item.metadata["pose"], expected("pose"), "{folder}");
            assert_eq!(item.metadata.get("brand").map_or("", String::as_str), expected("brand"), "{folder}");
            assert_eq!(item.metadata["msrpUSD"].parse::<f64>().unwrap(), row["price"].as_f64().unwrap(), "{folder}");
        }
    }
}

#[test]
fn pixels_are_those_that_h5py_reads() {
    for (folder, rows) in storages() {
        let dataset = open(&folder, json!({ "files": "train" }));
        // Backwards, so that chunks are not met in their order.
        for (index, row) in rows.iter().enumerate().rev() {
            let image = dataset.image(&format!("fashiongen_256_256_train.h5#{index}")).unwrap();
            let ImageSource::Rgb8 { width, height, pixels } = image else { panic!("{folder}: not pixels") };
            assert_eq!((json!(width), json!(height)), (row["width"].clone(), row["height"].clone()), "{folder}");
            let at = (3 * width as usize + 5) * 3;
            assert_eq!(json!(pixels[at..at + 3]), row["pixel_3_5"], "{folder} row {index}");
            assert_eq!(json!(crc32(&pixels)), row["crc32"], "{folder} row {index}");
        }
    }
}

#[test]
fn a_file_with_h5pys_own_compression_is_refused_when_it_is_opened() {
    let config = DatasetConfig {
        root: fixtures().join("lzf"),
        settings: Settings::new(json!({ "files": "train" })),
        host: Host::silent(),
    };
    let error = FashionGen::open(&config).map(drop).unwrap_err();
    for part in ["fashiongen_256_256_train.h5, dataset `input_image`", "filter that is not supported (lzf"] {
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert!(error.help.as_deref().is_some_and(|help| help.contains("h5repack -f GZIP=4 ")), "{:?}", error.help);
}

#[test]
fn an_item_is_a_product_with_its_first_image() {
    let (items, faults) = read(&open("contiguous-earliest", json!({ "files": "train" })));
    let found: Vec<_> =
        items.iter().map(|item| (item.id.as_str(), item.product.as_str(), item.image.as_str())).collect();
    let expected = [
        ("101", "101", "fashiongen_256_256_train.h5#0"),
        ("102", "102", "fashiongen_256_256_train.h5#2"),
        ("103", "103", "fashiongen_256_256_train.h5#3"),
        ("104", "104", "fashiongen_256_256_train.h5#5"),
    ];
    assert_eq!(found, expected);
    assert!(faults.is_empty(), "{faults:?}");
    // Without a description, but with an image to embed.
    assert_eq!(items.iter().map(|item| item.references.len()).collect::<Vec<_>>(), [1, 1, 1, 0]);
}

#[test]
fn all_views_are_numbered_within_their_product() {
    let (items, _) = read(&open("contiguous-earliest", json!({ "files": "train", "views": "all" })));
    let ids: Vec<_> = items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["101-1", "101-2", "102-1", "103-1", "101-3", "104-1", "103-2"]);
}

#[test]
fn both_files_give_their_splits_and_no_product_stands_in_two() {
    for folder in ["gzip-shuffle-earliest", "gzip-shuffle-latest"] {
        let splits = |items: &[Item]| -> Vec<_> {
            items.iter().map(|item| format!("{} {}", item.id, item.split.as_deref().unwrap())).collect()
        };
        let (items, faults) = read(&open(folder, json!({})));
        assert_eq!(splits(&items), ["101 train", "102 train", "103 train", "104 train", "201 test"]);
        assert_eq!(items[4].references, ["Mini skirt\nwith two lines."]);
        assert_eq!(faults.len(), 1);
        let intruder = "fashiongen_256_256_validation.h5, row 1: its product 102 stands in fashiongen_256_256_train.h5, row 2, \
                        already; it would be on two sides of the split";
        assert_eq!(faults[0], intruder);
        let (items, _) = read(&open(folder, json!({ "validation_split": "validation", "files": "validation" })));
        assert_eq!(splits(&items), ["201 validation", "102 validation"]);
    }
}

#[test]
fn a_locator_of_another_file_or_behind_the_end_is_refused() {
    let dataset = open("contiguous-earliest", json!({ "files": "train" }));
    for locator in ["", "#1", "fashiongen_256_256_train.h5", "fashiongen_256_256_validation.h5#0"] {
        assert!(dataset.image(locator).is_err(), "{locator}");
    }
    for row in ["7", "-1", "18446744073709551615", "x"] {
        assert!(dataset.image(&format!("fashiongen_256_256_train.h5#{row}")).is_err(), "{row}");
    }
    assert!(dataset.image("fashiongen_256_256_train.h5#6").is_ok());
}

#[test]
fn threads_that_read_the_same_chunks_get_the_same_pixels() {
    for folder in ["gzip-latest", "gzip-shuffle-earliest", "checksum-latest"] {
        let dataset = open(folder, json!({ "files": "train" }));
        let read = |row: usize| dataset.image(&format!("fashiongen_256_256_train.h5#{}", row % 7)).unwrap();
        let expected: Vec<_> = (0..7).map(read).collect();
        let fresh = open(folder, json!({ "files": "train" }));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (fresh, expected) = (&fresh, &expected);
                scope.spawn(move || {
                    for step in 0..70 {
                        let row = (step * (1 + thread % 3) + thread) % 7;
                        let image = fresh.image(&format!("fashiongen_256_256_train.h5#{row}")).unwrap();
                        assert!(image == expected[row], "{folder}: row {row}");
                    }
                });
            }
        });
    }
}
