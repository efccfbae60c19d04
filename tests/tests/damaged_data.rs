//! Images and catalogues that are damaged or unusual: errors of the item or dataset that name file and row, never a crash.

use end_to_end_tests::{Outcome, Place, Registry, copy_folder, predictions, repository, sample_catalogue};
use std::fs;
use std::path::{Path, PathBuf};

/// A place with a copy of the sample catalogue, to be damaged.
fn place() -> Place {
    let place = Place::without_lock(Registry::default());
    let data = sample_catalogue();
    copy_folder(data, &place.path("data"));
    let text = Registry::usual().text().replace(&data.display().to_string(), "data");
    place.write("registry.toml", &text);
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    place
}

fn fixture(name: &str) -> PathBuf {
    repository().join("tests/fixtures/images").join(name)
}

/// The ids of articles.csv, in order.
fn articles(place: &Place) -> Vec<String> {
    let csv = fs::read_to_string(place.path("data/hm/articles.csv")).unwrap();
    csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

fn image(place: &Place, id: &str) -> PathBuf {
    place.path("data/hm/images").join(&id[..3]).join(format!("{id}.jpg"))
}

fn find<'a>(predictions: &'a [serde_json::Value], id: &str) -> &'a serde_json::Value {
    predictions.iter().find(|prediction| prediction["id"] == id).unwrap_or_else(|| panic!("{id} has no prediction"))
}

#[test]
fn damaged_images_cost_their_own_items_with_the_path_and_the_reason() {
    let place = place();
    let ids = articles(&place);
    fs::copy(fixture("truncated.jpg"), image(&place, &ids[3])).unwrap();
    fs::write(image(&place, &ids[11]), b"").unwrap();
    fs::write(image(&place, &ids[12]), b"this is no picture").unwrap();
    fs::write(image(&place, &ids[13]), &fs::read(image(&place, &ids[14])).unwrap()[..40]).unwrap();
    // Listed by name, and not to be opened.
    fs::remove_file(image(&place, &ids[20])).unwrap();
    std::os::unix::fs::symlink("nowhere", image(&place, &ids[20])).unwrap();
    claim_to_be_huge(&image(&place, &ids[30]));
    place.eval("run", "fine", "hm").with(&["--memory-limit", "1"]).run().expect_code(0);
    let found = predictions(&place.run("run"), "hm", "fine");
    assert_eq!(found.len(), 60);
    for (index, reason) in [
        (30, "cannot be decoded"),
        (3, "cannot be decoded"),
        (11, "is empty (0 bytes)"),
        (12, "neither JPEG"),
        (13, "cannot be decoded"),
        (20, "is missing"),
    ] {
        let error = find(&found, &ids[index])["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(reason) && error.contains(&format!("{}.jpg", ids[index])), "{index}: {error}");
    }
    assert_eq!(found.iter().filter(|prediction| prediction.get("caption").is_some()).count(), 54);
    let table = place.run("run").text("table.md");
    assert!(table.contains("| fine | 54 |") && table.contains("6 of 60 items have no caption"), "{table}");
}

/// Writes 65,500 × 65,500 px into a JPEG's header, for which no memory would do.
fn claim_to_be_huge(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("the samples are baseline JPEG");
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    fs::write(path, bytes).unwrap();
}

#[test]
fn cmyk_grey_and_progressive_pictures_are_captioned_by_the_colours_that_pillow_sees() {
    let expected: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(fixture("expected.json")).unwrap()).unwrap();
    let place = place();
    for name in ["cmyk.jpg", "grey.jpg", "progressive.jpg"] {
        let outcome = place.host(&["caption", "--model", "fine", "--json"]).with(&[fixture(name)]).run().expect_code(0);
        let found = outcome.json();
        for channel in 0..3 {
            // The trial captioner's tokens are the mean colour, rounded down.
            let (found, expected) = (found["token_ids"][channel].as_f64(), expected[name][channel].as_f64().unwrap());
            assert!(
                found.is_some_and(|found| (found + 0.5 - expected).abs() <= 1.5),
                "{name}: {found:?} for {expected}"
            );
        }
    }
}

#[test]
fn a_missing_image_is_a_dropped_record_with_its_path() {
    let place = place();
    let ids = articles(&place);
    fs::remove_file(image(&place, &ids[5])).unwrap();
    place.eval("run", "fine", "hm").run().expect_code(0).expect_error(&["59 items", "1 records could not be used"]);
    let dropped = place.run("run").text("items/hm.dropped.jsonl");
    assert!(dropped.contains(&ids[5]) && dropped.contains("images/"), "{dropped}");
    assert_eq!(predictions(&place.run("run"), "hm", "fine").len(), 59);
}

#[test]
fn a_bad_row_of_articles_csv_is_a_dropped_record_with_its_line() {
    let place = place();
    let path = place.path("data/hm/articles.csv");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[10] = "one,two,three".to_owned();
    lines[20] = lines[20].replacen("01", "x1", 1);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    place.eval("run", "fine", "hm").run().expect_code(0).expect_error(&["58 items", "2 records could not be used"]);
    let dropped = place.run("run").text("items/hm.dropped.jsonl");
    assert!(dropped.contains("articles.csv:11: 3 fields where the header has 25"), "{dropped}");
    assert!(dropped.contains("articles.csv:21: article_id `x"), "{dropped}");
}

/// Both datasets are evaluated; one cannot be.
fn one_dataset_fails(place: &Place, broken: &str, whole: &str, reasons: &[&str]) -> Outcome {
    let outcome = place.eval("run", "fine", "hm,fashiongen").run().expect_code(1).expect_error(reasons);
    let scores: serde_json::Value = serde_json::from_str(&place.run("run").text("scores.json")).unwrap();
    assert!(scores[whole]["fine"]["metrics"]["bleu-4"]["value"].is_number(), "{scores}\n{outcome}");
    assert!(scores[broken]["fine"]["error"].is_string(), "{scores}\n{outcome}");
    outcome
}

fn cut(path: &Path, part: f64) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..(bytes.len() as f64 * part) as usize]).unwrap();
}

#[test]
fn an_hdf5_file_cut_in_half_fails_its_dataset_and_not_the_run() {
    for part in [0.5, 0.95, 0.0] {
        let place = place();
        cut(&place.path("data/fashiongen/fashiongen_256_256_train.h5"), part);
        let outcome = place.eval("run", "fine", "hm,fashiongen").run();
        let text = |path: &str| place.run("run").text(path);
        let hm = predictions(&place.run("run"), "hm", "fine");
        assert_eq!(hm.len(), 60, "{outcome}");
        let table = text("table.md");
        if outcome.code == Some(0) {
            // The catalogue's rows were whole, some pictures were not: those items name their file.
            let found = predictions(&place.run("run"), "fashiongen", "fine");
            let failed: Vec<_> = found.iter().filter_map(|prediction| prediction["error"].as_str()).collect();
            assert!(failed.iter().all(|error| error.contains("fashiongen_256_256_train.h5")), "{failed:?}");
        } else {
            let outcome = outcome.expect_code(1).expect_error(&["fashiongen_256_256_train.h5"]);
            assert!(table.contains("- fine on fashiongen: "), "{table}\n{outcome}");
        }
    }
}

#[test]
fn articles_csv_without_its_columns_fails_its_dataset_and_not_the_run() {
    let place = place();
    fs::write(place.path("data/hm/articles.csv"), "a,b\n1,2\n").unwrap();
    one_dataset_fails(&place, "hm", "fashiongen", &["articles.csv lacks the columns", "article_id"]);
    let table = place.run("run").text("table.md");
    assert!(table.contains("articles.csv lacks the columns"), "the table does not say why\n{table}");
}

#[test]
fn an_absent_articles_csv_fails_its_dataset_and_not_the_run() {
    let place = place();
    fs::remove_file(place.path("data/hm/articles.csv")).unwrap();
    one_dataset_fails(&place, "hm", "fashiongen", &["articles.csv"]);
    // Once it is there, the same command does the rest.
    fs::copy(sample_catalogue().join("hm/articles.csv"), place.path("data/hm/articles.csv")).unwrap();
    place.eval("run", "fine", "hm,fashiongen").run().expect_code(0);
    assert_eq!(predictions(&place.run("run"), "hm", "fine").len(), 60);
}
