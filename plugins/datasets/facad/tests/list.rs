//! FACAD's list of items with images beside it, on files written by the tests.

use facad::Facad;
use plugin_api::{Dataset, DatasetConfig, Host, ImageSource, Item, ItemError, PluginError, Settings};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;
use tempfile::TempDir;

fn open(root: &Path, options: Value) -> Result<Facad, PluginError> {
    Facad::open(&DatasetConfig { root: root.to_owned(), settings: Settings::new(options), host: Host::silent() })
}

/// A folder with that list and empty files for those images.
fn catalogue(list: impl AsRef<[u8]>, images: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("images")).unwrap();
    std::fs::write(folder.path().join("meta_all_129927.json"), list).unwrap();
    for name in images {
        std::fs::write(folder.path().join("images").join(name), b"").unwrap();
    }
    folder
}

fn records(dataset: &Facad) -> (Vec<Result<Item, ItemError>>, Result<(), PluginError>) {
    let mut records = Vec::new();
    let mut keep = |record| {
        records.push(record);
        ControlFlow::Continue(())
    };
    let end = dataset.read(&mut keep);
    (records, end)
}

fn read(root: &Path, options: Value) -> (Vec<Item>, Vec<String>) {
    let (records, end) = records(&open(root, options).unwrap());
    end.unwrap();
    let (mut items, mut faults) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Ok(item) => items.push(item),
            Err(error) => faults.push(error.message),
        }
    }
    (items, faults)
}

fn entry(id: u32, image: &str) -> Value {
    json!({ "id": id, "images": [{ "color": "Gold", "0": format!("https://h/id/sr3/{image}?crop=pad&w=60") }],
            "description": format!("Description {id}."), "category": "dress" })
}

#[test]
fn an_entry_becomes_an_item_with_its_first_image() {
    let list = json!([{
        "id": 122349,
        "images": [
            { "color": "Gold", "1": "https://h/id/sr3/gold-1.jpeg?w=60", "0": "https://h/id/sr3/gold-0.jpeg?w=60" },
            { "color": "Café", "0": "https://h/id/sr3/cafe-0.jpeg" }
        ],
        "title": "Twist Dress", "description": " A [tiny] \"dress\", with a {twist}. ", "detail_info": "Lined",
        "categoryid": 8, "category": "dress", "attr": ["twist", "lined"], "attrid": [4, 9]
    }]);
    let folder = catalogue(list.to_string(), &["gold-0.jpeg", "gold-1.jpeg", "cafe-0.jpeg"]);
    let (items, faults) = read(folder.path(), json!({}));
    assert_eq!((items.len(), faults.len()), (1, 0));
    let item = &items[0];
    assert_eq!((item.id.as_str(), item.product.as_str()), ("122349", "122349"));
    assert_eq!(item.references, ["A [tiny] \"dress\", with a {twist}."]);
    assert_eq!(item.category.as_deref(), Some("dress"));
    assert_eq!(item.image, "images/gold-0.jpeg");
    let metadata: Vec<_> = item.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let expected = [("attributes", "twist, lined"), ("colour", "Gold"), ("details", "Lined"), ("title", "Twist Dress")];
    assert_eq!(metadata, expected);
    let image = open(folder.path(), json!({})).unwrap().image(&item.image).unwrap();
    assert_eq!(image, ImageSource::File(folder.path().join("images/gold-0.jpeg")));

    let (items, _) = read(folder.path(), json!({ "views": "all" }));
    let views: Vec<_> =
        items.iter().map(|item| (item.id.as_str(), item.image.as_str(), item.metadata["colour"].as_str())).collect();
    let expected = [
        ("122349-1", "images/gold-0.jpeg", "Gold"),
        ("122349-2", "images/gold-1.jpeg", "Gold"),
        ("122349-3", "images/cafe-0.jpeg", "Café"),
    ];
    assert_eq!(views, expected);
    assert!(items.iter().all(|item| item.product == "122349"));
}

#[test]
fn an_image_that_was_not_downloaded_gives_way_to_the_next() {
    let list = json!([{ "id": 1, "description": "d", "images": [{ "0": "h/a.jpeg", "1": "h/b.jpeg" }] }]);
    let (items, _) = read(catalogue(list.to_string(), &["b.jpeg"]).path(), json!({}));
    assert_eq!(items[0].image, "images/b.jpeg");
}

#[test]
fn every_kind_of_bad_entry_is_named_and_the_others_are_read() {
    let mut undescribed = entry(8, "a.jpeg");
    undescribed["description"] = json!(" ");
    let list = format!(
        "\u{feff}[{}, {}, {{\"id\": 3, \"images\": 7}}, {{\"images\": []}}, {}, {{\"id\": 5 \"x\"}},\r\n 17, {}, {}, {}]",
        entry(1, "a.jpeg"),
        json!({ "id": 2, "description": " ", "images": [] }),
        entry(1, "a.jpeg"),
        json!({ "id": 6, "description": "d", "images": [] }),
        entry(7, "missing.jpeg"),
        undescribed,
    );
    let folder = catalogue(list, &["a.jpeg"]);
    let (items, faults) = read(folder.path(), json!({}));
    assert_eq!(items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["1", "8"]);
    // Without a description it is an item still, since it has an image to embed; without both it is none.
    assert!(items[1].references.is_empty());
    let starts = [
        "item 1: no description",
        "item 2: no item: ",
        "item 3: no item: missing field `id`",
        "item 4: the id 1 stands in the list already",
        "item 5: no item: ",
        "item 6: no item: ",
        "item 7: no images are named",
        "item 8: no image at ",
    ];
    assert_eq!(faults.len(), starts.len(), "{faults:?}");
    for (fault, start) in faults.iter().zip(starts) {
        assert!(fault.starts_with(&format!("meta_all_129927.json, {start}")), "{fault}");
    }
    assert!(faults[7].ends_with(&folder.path().join("images/missing.jpeg").display().to_string()), "{}", faults[7]);
}

#[test]
fn what_python_writes_as_nan_is_missing() {
    let list = format!(
        "[{}, {}]",
        entry(1, "a.jpeg").to_string().replacen('{', "{\"attr\": NaN, \"title\": \"a \\\"NaN\\\" title\", ", 1),
        r#"{"id": 2, "description": NaN, "images": [{"0": "a.jpeg"}]}"#,
    );
    let (items, faults) = read(catalogue(list, &["a.jpeg"]).path(), json!({}));
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(items.len(), 2);
    assert!(!items[0].metadata.contains_key("attributes"));
    assert!(items[1].references.is_empty());
}

#[test]
fn a_description_of_twenty_megabytes_is_read() {
    let long = "soft \\\"cotton\\\" \n".repeat(20 * 1024 * 1024 / 16);
    let list = json!([{ "id": 1, "description": long, "images": [{ "0": "a.jpeg" }] }, entry(2, "a.jpeg")]);
    let (items, _) = read(catalogue(list.to_string(), &["a.jpeg"]).path(), json!({}));
    assert_eq!(items[0].references, [long.trim()]);
    assert_eq!(items[1].id, "2");
}

#[test]
fn a_list_cut_anywhere_is_an_error_after_its_whole_items() {
    let list = json!([entry(1, "a.jpeg"), entry(2, "a.jpeg"), entry(3, "a.jpeg")]).to_string();
    for length in 0..list.len() {
        let folder = catalogue(&list[..length], &["a.jpeg"]);
        let (records, end) = records(&open(folder.path(), json!({})).unwrap());
        let error = end.unwrap_err();
        assert!(error.message.contains("meta_all_129927.json"), "{length}: {error}");
        assert!(error.message.contains("the file ends where"), "{length}: {error}");
        assert!(records.iter().all(|record| record.is_ok()) && records.len() <= 3);
    }
}

#[test]
fn a_file_that_is_no_list_is_an_error() {
    for text in ["7", "\"text\"", "[1 2]", "[,]", "[1,]", "[1] 2", "{\"a\" 1}", "null", "<html></html>"] {
        let folder = catalogue(text, &[]);
        let (_, end) = records(&open(folder.path(), json!({})).unwrap());
        assert!(end.is_err_and(|error| error.message.contains("is expected")), "{text}");
    }
    for empty in ["[]", "{}", " [ \n] "] {
        let folder = catalogue(empty, &[]);
        let (records, end) = records(&open(folder.path(), json!({})).unwrap());
        assert!(records.is_empty() && end.is_ok(), "{empty}");
    }
}

#[test]
fn addresses_that_lead_out_of_the_images_are_no_images() {
    let list =
        json!([{ "id": 1, "description": "d", "images": [{ "0": "https://h/..", "1": "https://h/", "2": "" }] }]);
    let folder = catalogue(list.to_string(), &[]);
    let (_, faults) = read(folder.path(), json!({}));
    assert_eq!(faults, ["meta_all_129927.json, item 0: no images are named"]);
    let dataset = open(folder.path(), json!({})).unwrap();
    for locator in ["", "images/../meta_all_129927.json", "/etc/passwd", "meta_all_129927.json"] {
        assert!(dataset.image(locator).is_err(), "{locator}");
    }
}

#[test]
fn missing_and_ambiguous_files_are_named_with_what_to_do() {
    let error = |folder: &Path, options| open(folder, options).map(|_| ()).unwrap_err();
    let folder = tempfile::tempdir().unwrap();
    let nothing = error(folder.path(), json!({}));
    assert!(nothing.message.contains("has no meta*.json") && nothing.help.is_some(), "{nothing}");
    assert!(error(&folder.path().join("absent"), json!({})).message.contains("cannot list"));
    std::fs::write(folder.path().join("meta_a.json"), "[]").unwrap();
    assert!(error(folder.path(), json!({})).message.contains("no folder of images"));
    std::fs::write(folder.path().join("meta_b.json"), "[]").unwrap();
    assert!(error(folder.path(), json!({})).message.contains("several lists: meta_a.json, meta_b.json"));
    assert!(error(folder.path(), json!({ "meta": "c.json" })).message.contains("c.json"));
    assert!(error(folder.path(), json!({ "layout": "packed" })).message.contains("has no TRAIN_IMAGES.hdf5"));
    assert!(error(folder.path(), json!({ "list": 1 })).message.contains("`list`"));
}

#[test]
fn damaged_bytes_cost_entries_or_the_rest_of_the_list_and_never_a_crash() {
    let entries: Vec<Value> = (0..6).map(|id| entry(id, "a.jpeg")).collect();
    let list = json!(entries).to_string().into_bytes();
    let folder = catalogue(&list, &["a.jpeg"]);
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..1_500 {
        // xorshift64: the damage is the same in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let mut bytes = list.clone();
        bytes[state as usize % list.len()] = (state >> 40) as u8;
        bytes[(state >> 20) as usize % list.len()] ^= 1 << (state >> 60 & 7);
        std::fs::write(folder.path().join("meta_all_129927.json"), &bytes).unwrap();
        let (records, end) = records(&open(folder.path(), json!({})).unwrap());
        // A spoiled comma or quote may split an entry, never multiply it.
        assert!(records.len() <= 12);
        let named = |message: &str| message.contains("meta_all_129927.json");
        assert!(end.is_ok() || end.is_err_and(|error| named(&error.message)));
        assert!(records.iter().all(|record| record.as_ref().err().is_none_or(|error| named(&error.message))));
    }
}
