//! `host prepare` on vendors' files as they come: other dialects of CSV, lost zeros, records that are no items, files that are cut. Every
//! dropped record stands in `dropped.csv` with its reason; a file that cannot be read through is an error that names it.

use end_to_end_tests::{Outcome, Place, Registry, copy_folder, library, sample_catalogue, test_image};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const HEADER: &str = "article_id,product_code,prod_name,product_type_no,product_type_name,graphical_appearance_no,\
                      graphical_appearance_name,colour_group_name,detail_desc";
/// Small catalogues: keep every category, and words that stand once.
const OPTIONS: &str = "[datasets.own.prepare]\nminimum = 1\nallow = []\nattribute-minimum = 1\n";

/// A place whose dataset `own` is read by that plugin from `data`.
fn place(plugin: &str) -> Place {
    let registry =
        Registry::usual().plugin("facad", &library("facad")).dataset("own", plugin, "data".as_ref()).text().to_owned();
    let place = Place::without_lock(Registry::default());
    place.write("registry.toml", &format!("{registry}\n{OPTIONS}"));
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    fs::create_dir_all(place.path("data/images")).unwrap();
    place
}

fn hm_row(id: &str, text: &str) -> String {
    format!("{id},{},Top,253,Top,1010016,Solid,Black,{text}\n", id.get(..id.len().saturating_sub(3)).unwrap_or(""))
}

fn hm_images(place: &Place, ids: &[&str]) {
    for id in ids {
        let folder = place.path("data/images").join(&id[..3]);
        fs::create_dir_all(&folder).unwrap();
        test_image(&folder.join(format!("{id}.jpg")), 32, 40, [200, 30, 30]);
    }
}

fn prepared(place: &Place) -> Value {
    place.host(&["prepare", "own", "--json"]).run().expect_code(0).json()
}

fn items(place: &Place) -> Vec<Value> {
    let text = fs::read_to_string(place.path("prepared/own/items.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn dropped(place: &Place) -> String {
    fs::read_to_string(place.path("prepared/own/dropped.csv")).unwrap()
}

fn refused(place: &Place, reasons: &[&str]) -> Outcome {
    let outcome = place.host(&["prepare", "own"]).run();
    assert!(!place.path("prepared/own/dataset.toml").exists(), "a broken catalogue was prepared: {outcome}");
    assert_ne!(outcome.code, Some(0), "{outcome}");
    outcome.expect_error(reasons)
}

#[test]
fn ids_with_and_without_their_zero_quoted_newlines_and_bad_rows_are_told_apart() {
    let place = place("hm");
    let ids = ["0108775015", "0108775044", "0110065001", "0111565001"];
    hm_images(&place, &ids);
    let rows = [
        hm_row("108775015", "Jersey top"),
        hm_row("0108775044", "\"Soft \"\"cotton\"\"\ntop, in two lines\""),
        hm_row("0108775015", "The same article again"),
        hm_row("0110065001", ""),
        hm_row("0999999001", "No picture of this one"),
        hm_row("x12", "No number"),
        hm_row("0111565001", &format!("\"{}\"", "soft top ".repeat(20 * 1024 * 1024 / 9))),
    ];
    let csv = format!("\u{feff}{HEADER}\n{}", rows.concat()).replace('\n', "\r\n");
    fs::write(place.path("data/articles.csv"), csv).unwrap();
    let counts = prepared(&place)["counts"].clone();
    assert_eq!(counts["records"], 7, "{counts}");
    assert_eq!(counts["kept"], 2, "{counts}");
    let kept = items(&place);
    assert_eq!(kept.iter().map(|item| item["id"].as_str().unwrap()).collect::<Vec<_>>(), &ids[..2]);
    assert_eq!(kept[1]["references"], json!(["soft \"cotton\" top, in two lines"]));
    let dropped = dropped(&place);
    for reason in ["0108775015,", "0110065001,", "0999999001,", "x12", "0111565001,"] {
        assert!(dropped.contains(reason), "{reason}: {dropped}");
    }
    assert_eq!(dropped.lines().count(), 6, "{dropped}");
    assert!(dropped.len() < 10_000, "a text of 20 MB is told in {} bytes", dropped.len());
}

#[test]
fn semicolons_prepare_to_the_items_of_commas() {
    let ids = ["0108775015", "0110065001", "0111565001"];
    let mut made = Vec::new();
    for (separator, end) in [(",", "\n"), (";", "\r\n")] {
        let place = place("hm");
        hm_images(&place, &ids);
        let rows: String = ids.iter().map(|id| hm_row(id, "Soft top")).collect();
        let csv = format!("{HEADER}\n{rows}").replace(',', separator).replace('\n', end);
        fs::write(place.path("data/articles.csv"), csv).unwrap();
        prepared(&place);
        let mut kept = items(&place);
        kept.iter_mut().for_each(|item| drop(item.as_object_mut().unwrap().remove("image")));
        made.push(kept);
    }
    assert_eq!(made[0].len(), 3);
    assert_eq!(made[0], made[1]);
}

/// An entry of FACAD's list with one image, `NAME` of the folder.
fn facad_entry(id: u32, text: &str, image: &str) -> Value {
    let images = json!([{ "color": "red", "0": format!("https://example.org/{image}") }]);
    json!({ "id": id, "images": images, "title": "Top", "description": text, "detail_info": "", "categoryid": 1,
            "category": "top", "attr": ["red"], "attrid": [4] })
}

fn facad_list(place: &Place, list: &str) {
    for name in ["1.jpeg", "2.jpeg", "3.jpeg"] {
        test_image(&place.path("data/images").join(name), 32, 40, [20, 130, 30]);
    }
    fs::write(place.path("data/meta_all_129927.json"), list).unwrap();
}

#[test]
fn facads_list_loses_its_bad_entries_alone() {
    let place = place("facad");
    let entries = [
        facad_entry(1, "A red top", "1.jpeg"),
        facad_entry(2, " ", "2.jpeg"),
        facad_entry(1, "The same again", "1.jpeg"),
        json!(17),
        facad_entry(3, "Its picture was not downloaded", "gone.jpeg"),
        facad_entry(4, &"red silk ".repeat(20 * 1024 * 1024 / 9), "2.jpeg"),
        facad_entry(5, "Green \u{e9}toffe,\r\nin two lines", "3.jpeg"),
    ];
    facad_list(&place, &format!("\u{feff}{}", json!(entries).to_string().replace("},{", "},\r\n{")));
    let counts = prepared(&place)["counts"].clone();
    assert_eq!((&counts["records"], &counts["kept"]), (&json!(7), &json!(2)), "{counts}");
    let kept = items(&place);
    assert_eq!(kept[1]["references"], json!(["green \u{e9}toffe, in two lines"]));
    let dropped = dropped(&place);
    assert_eq!(dropped.lines().count(), 6, "{dropped}");
    for reason in ["no description", "already", "no item", "no image at"] {
        assert!(dropped.contains(reason), "{reason}: {dropped}");
    }
}

#[test]
fn facads_list_cut_or_absent_is_an_error_that_names_it() {
    let place = place("facad");
    refused(&place, &["meta"]);
    let whole = json!([facad_entry(1, "A red top", "1.jpeg"), facad_entry(2, "Blue", "2.jpeg")]).to_string();
    facad_list(&place, &whole[..whole.len() - 30]);
    refused(&place, &["meta_all_129927.json"]);
    // An object of entries is taken too: this one holds an entry that is none.
    facad_list(&place, "{\"no\": \"list\"}");
    refused(&place, &["meta_all_129927.json", "1 cannot be read", "no item"]);
}

#[test]
fn facads_packed_files_that_disagree_or_are_cut_are_errors_that_name_them() {
    let place = place("facad");
    fs::write(place.path("data/TEST_IMAGES.hdf5"), b"no HDF5").unwrap();
    fs::write(place.path("data/TEST_CAPTIONS_RAW.json"), "[\"a\"]").unwrap();
    refused(&place, &["TEST_IMAGES.hdf5"]);
}

/// FashionGen's two files as the sample has them.
fn fashiongen() -> Place {
    let place = place("fashiongen");
    copy_folder(&sample_catalogue().join("fashiongen"), &place.path("data"));
    place
}

fn cut(path: &Path, part: f64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len((file.metadata().unwrap().len() as f64 * part) as u64).unwrap();
}

#[test]
fn fashiongens_files_cut_absent_or_of_another_kind_are_errors_that_name_them() {
    let place = fashiongen();
    let file = place.path("data/fashiongen_256_256_train.h5");
    cut(&file, 0.5);
    refused(&place, &["fashiongen_256_256_train.h5"]);
    fs::write(&file, "index,input_image\n").unwrap();
    refused(&place, &["fashiongen_256_256_train.h5"]);
    fs::remove_file(&file).unwrap();
    refused(&place, &["fashiongen_256_256_train.h5"]);
}

#[test]
fn a_changed_fashiongen_file_is_told_after_preparing() {
    let place = fashiongen();
    prepared(&place);
    let file = place.path("data/fashiongen_256_256_validation.h5");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let outcome = place.host(&["prepare", "own"]).run().expect_code(2);
    outcome.expect_error(&["fashiongen_256_256_validation.h5", "host prepare own --force"]);
}
