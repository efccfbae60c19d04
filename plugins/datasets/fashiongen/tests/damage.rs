//! Missing, foreign and damaged files: an error that names the file, never a crash, a hang or an unbounded read.

use fashiongen::FashionGen;
use hdf5_writer::{
    ByteOrder, DatasetBuilder, Datatype, Hdf5Builder, StringEncoding, StringPadding, StringSize, WriteOptions,
};
use plugin_api::{Dataset, DatasetConfig, Host, ItemError, PluginError, Settings};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TRAIN: &str = "fashiongen_256_256_train.h5";

fn fixture(folder: &str) -> Vec<u8> {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/h5py");
    std::fs::read(fixtures.join(folder).join(TRAIN)).unwrap()
}

fn open(root: &Path) -> Result<FashionGen, PluginError> {
    let settings = Settings::new(json!({ "files": "train" }));
    FashionGen::open(&DatasetConfig { root: root.to_owned(), settings, host: Host::silent() })
}

fn error_of(bytes: &[u8]) -> PluginError {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(TRAIN), bytes).unwrap();
    open(folder.path()).map(|_| ()).unwrap_err()
}

/// Opens the file and reads every row and every image: how many items and images there were, and every message.
fn use_all(root: &Path) -> (usize, usize, Vec<String>) {
    let dataset = match open(root) {
        Ok(dataset) => dataset,
        Err(error) => return (0, 0, vec![error.message]),
    };
    let (mut items, mut messages) = (0, Vec::new());
    let mut keep = |record: Result<_, ItemError>| {
        match record {
            Ok(_) => items += 1,
            Err(error) => messages.push(error.message),
        }
        ControlFlow::Continue(())
    };
    dataset.read(&mut keep).unwrap();
    let mut images = 0;
    for row in 0..7 {
        match dataset.image(&format!("{TRAIN}#{row}")) {
            Ok(_) => images += 1,
            Err(error) => messages.push(error.message),
        }
    }
    (items, images, messages)
}

#[test]
fn a_missing_file_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path()).map(|_| ()).unwrap_err();
    assert!(error.message.starts_with(&format!("cannot open {}", folder.path().join(TRAIN).display())), "{error}");
    assert!(error.help.unwrap().contains("registry.toml"));
}

#[test]
fn a_file_that_is_no_hdf5_is_named_as_such() {
    for bytes in [&b""[..], b"\x89HDF\r\n\x1a\n", b"version https://git-lfs.github.com/spec/v1\n", &[0; 100_000]] {
        let error = error_of(bytes);
        assert!(error.message.contains(TRAIN) && error.message.contains("cannot be read as HDF5"), "{error}");
    }
}

#[test]
fn a_file_cut_in_half_says_how_much_is_missing() {
    for folder in ["contiguous-earliest", "gzip-latest", "chunked-earliest", "gzip-shuffle-latest"] {
        let whole = fixture(folder);
        let error = error_of(&whole[..whole.len() / 2]);
        let sizes = format!("{TRAIN} is cut off: {} bytes where its header says {}", whole.len() / 2, whole.len());
        assert!(error.message.contains(&sizes), "{folder}: {error}");
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    for folder in ["contiguous-latest", "gzip-shuffle-earliest"] {
        let whole = fixture(folder);
        for length in (0..whole.len()).step_by(whole.len() / 150) {
            error_of(&whole[..length]);
        }
        error_of(&whole[..whole.len() - 1]);
    }
}

#[test]
fn damaged_bytes_cost_rows_or_the_file_and_never_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    // xorshift64: the damage is the same in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let mut slowest = Duration::ZERO;
    let storages = [
        "contiguous-earliest",
        "chunked-latest",
        "gzip-earliest",
        "gzip-shuffle-latest",
        "checksum-latest",
        "resizable-v110",
        "resizable-earliest",
        "variable-strings",
    ];
    for storage in storages {
        let whole = fixture(storage);
        for round in 0..150 {
            let mut bytes = whole.clone();
            // The first kilobytes hold headers and indices, where damage is harder to bear.
            let reach = if round % 2 == 0 { bytes.len() } else { bytes.len().min(6_000) };
            for _ in 0..1 + random(4) {
                bytes[random(reach)] ^= 1 << random(8);
            }
            if round % 10 == 0 {
                let start = random(reach);
                let end = (start + 64).min(bytes.len());
                bytes[start..end].fill(0xff);
            }
            std::fs::write(folder.path().join(TRAIN), &bytes).unwrap();
            let start = Instant::now();
            let (items, images, messages) = use_all(folder.path());
            slowest = slowest.max(start.elapsed());
            assert!(items <= 7 && images <= 7);
            assert!(messages.iter().all(|message| message.contains(TRAIN)), "{storage} {round}: {messages:?}");
        }
    }
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
}

#[test]
fn a_damaged_chunk_is_named_with_its_rows_and_the_images_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = fixture("checksum-latest");
    let place = bytes.windows(12).position(|window| window == b"Slim-fit jea").unwrap();
    bytes[place] ^= 1;
    std::fs::write(folder.path().join(TRAIN), &bytes).unwrap();
    let (_, images, messages) = use_all(folder.path());
    assert_eq!(images, 7);
    assert!(
        messages.iter().any(|message| message.contains(", row 3: cannot read `input_description`")),
        "{messages:?}"
    );
}

fn text(name: &str, rows: u64) -> DatasetBuilder {
    let datatype = Datatype::String {
        size: StringSize::Fixed(4),
        encoding: StringEncoding::Ascii,
        padding: StringPadding::NullPad,
    };
    DatasetBuilder::new(name, datatype, vec![rows, 1]).raw_data(b"abc\0".repeat(rows as usize))
}

fn images(shape: &[u64]) -> DatasetBuilder {
    let datatype = Datatype::FixedPoint { size: 1, signed: false, byte_order: ByteOrder::LittleEndian };
    let bytes = shape.iter().product::<u64>() as usize;
    DatasetBuilder::new("input_image", datatype, shape).raw_data(vec![7; bytes])
}

fn error_with(datasets: Vec<DatasetBuilder>) -> String {
    let plan = datasets.into_iter().fold(Hdf5Builder::new(), Hdf5Builder::dataset).into_plan().unwrap();
    error_of(&plan.encode(WriteOptions::default()).unwrap()).message
}

#[test]
fn a_missing_column_is_named_with_those_there_are() {
    let error = error_with(vec![images(&[2, 4, 4, 3]), text("input_productID", 2)]);
    assert!(error.contains("has no dataset `input_description`; it has "), "{error}");
    assert!(error.contains("input_productID"), "{error}");
}

#[test]
fn columns_of_unequal_length_are_refused() {
    let error = error_with(vec![
        images(&[3, 4, 4, 3]),
        text("input_productID", 3),
        text("input_category", 3),
        text("input_description", 2),
    ]);
    assert!(error.ends_with("dataset `input_description`: 2 rows, but input_image has 3"), "{error}");
}

#[test]
fn metadata_of_a_kind_that_is_not_read_costs_itself_alone() {
    let datasets = [
        images(&[2, 4, 4, 3]),
        text("input_productID", 2),
        text("input_category", 2),
        text("input_description", 2),
        text("input_brand", 2),
        DatasetBuilder::typed_data("input_pose", vec![2, 3], &[1i32; 6]).unwrap(),
        text("input_gender", 1),
    ];
    let plan = datasets.into_iter().fold(Hdf5Builder::new(), Hdf5Builder::dataset).into_plan().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(TRAIN), plan.encode(WriteOptions::default()).unwrap()).unwrap();
    let mut kept = Vec::new();
    let mut keep = |record: Result<plugin_api::Item, ItemError>| {
        kept.push(record.unwrap());
        ControlFlow::Continue(())
    };
    open(folder.path()).unwrap().read(&mut keep).unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].metadata.keys().collect::<Vec<_>>(), ["brand"]);
}

#[test]
fn images_of_another_shape_or_type_are_refused() {
    let error_with = |images: DatasetBuilder| {
        error_with(vec![images, text("input_productID", 2), text("input_category", 2), text("input_description", 2)])
    };
    for shape in [&[2, 4, 4][..], &[2, 3, 4, 4], &[2, 0, 4, 3], &[2]] {
        let error = error_with(images(shape));
        assert!(error.contains("dataset `input_image`: "), "{shape:?}: {error}");
    }
    let error = error_with(DatasetBuilder::typed_data("input_image", vec![2, 1, 1, 3], &[0.5f32; 6]).unwrap());
    assert!(error.contains("dataset `input_image`: unsigned bytes in 4 dimensions expected"), "{error}");
}

#[test]
fn an_unknown_option_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(json!({ "view": "all" }));
    let config = DatasetConfig { root: folder.path().to_owned(), settings, host: Host::silent() };
    let error = FashionGen::open(&config).map(|_| ()).unwrap_err();
    assert!(error.message.contains("`view`"), "{error}");
}

#[test]
fn threads_that_meet_a_damaged_chunk_all_hear_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = fixture("gzip-latest");
    // The longest stretch without zeros is a compressed chunk; its middle is spoiled.
    let end = (0..bytes.len()).max_by_key(|end| bytes[..*end].iter().rev().take_while(|byte| **byte != 0).count());
    let end = end.unwrap();
    let length = bytes[..end].iter().rev().take_while(|byte| **byte != 0).count();
    bytes[end - length / 2] ^= 0x55;
    bytes[end - length / 2 + 1] ^= 0x55;
    std::fs::write(folder.path().join(TRAIN), &bytes).unwrap();
    let dataset = open(folder.path()).unwrap();
    let failures = || (0..7).filter(|row| dataset.image(&format!("{TRAIN}#{row}")).is_err()).count();
    let counts: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(failures)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(counts.iter().all(|count| *count == counts[0]) && (3..=4).contains(&counts[0]), "{counts:?}");
}
