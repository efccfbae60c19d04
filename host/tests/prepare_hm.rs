//! Preparing H&M catalogues: counts against known truth, what is dropped and why, reuse, changed sources, and the dialects of CSV.

mod common;

use common::{Asked, Linked, assert_products_are_apart, items, prepared};
use hm::Hm;
use host::prepare::{Outcome, PackIndex, PrepareOptions, Step, files};
use host::run::{Kind, RunLock, Shard};
use plugin_api::{DatasetConfig, Host, Settings};
use std::fmt::Write;
use std::path::Path;
use tempfile::TempDir;

const HEADER: &str = "article_id,product_code,prod_name,product_type_name,colour_group_name,detail_desc";

/// A catalogue `source` with that CSV and an image for each of the ids, and beside it a place for the prepared one.
fn catalogue(csv: impl AsRef<[u8]>, images: &[&str]) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("source");
    std::fs::create_dir_all(root.join("images")).unwrap();
    std::fs::write(root.join("articles.csv"), csv).unwrap();
    for id in images {
        let folder = root.join("images").join(&id[..3]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{id}.jpg")), format!("image of {id}")).unwrap();
    }
    place
}

fn run(place: &Path, asked: &Asked) -> Result<Outcome, host::error::Error> {
    let root = place.join("source");
    let config = DatasetConfig { root: root.clone(), settings: Settings::default(), host: Host::silent() };
    prepared(&Linked(Hm::open(&config)?), &root, &place.join("out"), asked)
}

/// The lines of `dropped.csv`: id, step, reason.
fn dropped(place: &Path) -> Vec<[String; 3]> {
    let mut reader = csv::Reader::from_path(place.join("out").join(files::DROPPED)).unwrap();
    reader.records().map(|row| [0, 1, 2].map(|column| row.as_ref().unwrap()[column].to_owned())).collect()
}

/// A thousand articles of 400 products: each 20th without description, each 25th of the others without image; the categories are mostly
/// dresses and jeans, with 6 capes and 9 side tables that have both.
fn thousand() -> (TempDir, [usize; 3]) {
    let mut csv = format!("{HEADER}\n");
    let mut images = Vec::new();
    let (mut described, mut pictured, mut kept) = (0, 0, 0);
    for number in 0..1000usize {
        let product = 100_000 + number * 2 / 5;
        let id = format!("0{product}{:03}", number % 1000);
        let without_text = number.is_multiple_of(20);
        let without_image = !without_text && number % 25 == 7;
        let category = match number {
            501..507 => "Cape",
            511..520 => "Side table",
            _ if number % 3 == 0 => "Dress",
            _ => "Jeans",
        };
        let text = if without_text { "" } else { "Long DRESS in  soft, ribbed cotton jersey with blue buttons." };
        writeln!(csv, "{id},0{product},Name,{category},Blue,\"{text}\"").unwrap();
        described += usize::from(!without_text);
        if !without_text && !without_image {
            pictured += 1;
            kept += usize::from(!matches!(category, "Cape" | "Side table"));
        }
        if !without_image {
            images.push(id);
        }
    }
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    (catalogue(csv, &images), [described, pictured, kept])
}

fn seven_and_no_tables() -> Asked {
    let options = PrepareOptions { minimum: 7, deny: vec!["SIDE TABLE".into()], ..Asked::default().options };
    Asked { options, ..Asked::default() }
}

#[test]
fn counts_at_each_step_are_the_generators_and_splits_are_of_products() {
    let (place, [described, pictured, kept]) = thousand();
    let outcome = run(place.path(), &seven_and_no_tables()).unwrap();
    let counts = outcome.prepared.manifest.counts;
    assert_eq!((counts.records, counts.with_description, counts.with_image), (1000, described, pictured));
    assert_eq!((counts.usable, counts.of_category, counts.kept), (pictured, kept, kept));
    assert_eq!(counts.categories, 2);
    let items = items(&outcome);
    assert_eq!(items.len(), kept);
    assert_products_are_apart(&items);
    let share = |split: &str| items.iter().filter(|item| item.split.as_deref() == Some(split)).count() as f64;
    assert!((share("train") / kept as f64 - 0.8).abs() < 0.03, "{}", share("train"));
    assert!((share("test") / kept as f64 - 0.1).abs() < 0.03, "{}", share("test"));
    assert_eq!(items[0].references, ["long dress in soft, ribbed cotton jersey with blue buttons."]);
    let dropped = dropped(place.path());
    let of = |step: &str| dropped.iter().filter(|line| line[1] == step).count();
    assert_eq!(
        (of("description"), of("image"), of("category")),
        (1000 - described, described - pictured, pictured - kept)
    );
    assert!(dropped.iter().any(|line| line[2].contains("`Cape` has 6 items, fewer than 7")), "{:?}", dropped.last());
    assert!(outcome.summary.contains("with a description"), "{}", outcome.summary);
    for name in [files::LENGTHS, files::CATEGORIES, files::SUMMARY, "attributes.json", "categories.json"] {
        assert!(place.path().join("out").join(name).is_file(), "{name}");
    }
}

#[test]
fn a_second_run_reuses_everything_and_a_new_option_redoes_what_depends_on_it() {
    let (place, _) = thousand();
    let asked = seven_and_no_tables();
    let read = |name: &str| std::fs::read(place.path().join("out").join(name)).unwrap();
    assert_eq!(run(place.path(), &asked).unwrap().reused, [""; 0]);
    let before = ["items.jsonl", "dataset.toml", "attributes.json", "category-classifier.bin", "summary.txt"].map(read);
    let again = run(place.path(), &asked).unwrap();
    assert_eq!(again.reused, ["split", "attributes", "categories"]);
    assert!(again.done.is_empty());
    let after = ["items.jsonl", "dataset.toml", "attributes.json", "category-classifier.bin", "summary.txt"].map(read);
    assert!(before == after);
    let mut more = asked.clone();
    more.options.attribute_minimum = 3;
    let outcome = run(place.path(), &more).unwrap();
    assert_eq!((outcome.reused, outcome.done), (vec!["split".into(), "categories".into()], vec!["attributes".into()]));
    more.options.minimum = 1;
    assert_eq!(run(place.path(), &more).unwrap().done, ["split", "attributes", "categories"]);
    // A damaged result is made again, though nothing that it depends on has changed.
    std::fs::write(place.path().join("out/category-classifier.bin"), "damaged").unwrap();
    assert_eq!(run(place.path(), &more).unwrap().done, ["categories"]);
}

#[test]
fn a_changed_source_is_refused_with_what_changed_until_forced() {
    let (place, _) = thousand();
    run(place.path(), &Asked::default()).unwrap();
    let path = place.path().join("source/articles.csv");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text += "0900000001,0900000,Name,Dress,Blue,\"One more.\"\n";
    std::fs::write(&path, text).unwrap();
    let error = run(place.path(), &Asked::default()).err().unwrap();
    assert!(error.message.contains("articles.csv had"), "{error}");
    assert!(error.help.as_deref().unwrap_or_default().contains("--force"), "{error}");
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::rename(place.path().join("out"), elsewhere.path().join("out")).unwrap();
    let (other, _) = thousand();
    std::fs::rename(elsewhere.path().join("out"), other.path().join("out")).unwrap();
    let moved = run(other.path(), &Asked::default()).unwrap();
    assert_eq!(moved.reused, ["split", "attributes", "categories"], "the same files in another place");
    assert_eq!(moved.prepared.manifest.root, other.path().join("source"));
    std::fs::rename(other.path().join("out"), place.path().join("out")).unwrap();
    assert!(run(place.path(), &Asked::default()).is_err());
    let forced = run(place.path(), &Asked { force: true, ..Asked::default() }).unwrap();
    assert_eq!(forced.done, ["split", "attributes", "categories"]);
    assert_eq!(forced.prepared.manifest.counts.records, 1001);
}

#[test]
fn steps_by_themselves_need_items_and_leave_the_others_alone() {
    let (place, _) = thousand();
    let only = |steps: &[Step]| Asked { steps: steps.to_vec(), ..Asked::default() };
    let error = run(place.path(), &only(&[Step::Attributes])).err().unwrap();
    assert!(error.message.contains("no items yet"), "{error}");
    assert_eq!(run(place.path(), &only(&[Step::Split])).unwrap().done, ["split"]);
    assert!(!place.path().join("out/attributes.json").exists());
    assert_eq!(run(place.path(), &only(&[Step::Attributes])).unwrap().done, ["attributes"]);
}

#[test]
fn split_files_are_used_exactly_and_ids_need_no_leading_zero() {
    let ids = ["0100000001", "0100000002", "0200000001", "0300000001"];
    let mut csv = format!("\u{feff}{}\r\n", HEADER.replace(',', ";"));
    for id in ids {
        write!(csv, "{};{};Name;Dress;Blue;\"A dress; with a\r\nquoted newline.\"\r\n", &id[1..], &id[1..7]).unwrap();
    }
    let place = catalogue(csv, &ids);
    let splits = place.path().join("splits");
    std::fs::create_dir(&splits).unwrap();
    std::fs::write(splits.join("train.txt"), "100000001\n0100000002\n").unwrap();
    std::fs::write(splits.join("test.txt"), "0200000001\n").unwrap();
    let outcome = run(place.path(), &Asked { splits: Some(splits), ..Asked::default() }).unwrap();
    let found: Vec<_> = items(&outcome).into_iter().map(|item| (item.id, item.split.unwrap())).collect();
    let expected = [("0100000001", "train"), ("0100000002", "train"), ("0200000001", "test")];
    assert_eq!(found, expected.map(|(id, split)| (id.to_owned(), split.to_owned())));
    assert_eq!(items(&outcome)[0].references, ["a dress; with a quoted newline."]);
    assert_eq!(dropped(place.path()).len(), 1);
    assert_eq!(dropped(place.path())[0][1], "split");
}

#[test]
fn bad_rows_cost_themselves_and_are_told_of() {
    let long = "long ".repeat(20 << 18);
    let csv = format!(
        "{HEADER}\n0100000001,0100000,Name,Dress,Blue,\"A dress.\"\n100000001,0100000,Name,Dress,Blue,\"Twice.\"\n\
         0100000002,0100000,Name,Dress,Blue,\"{long}\"\nbad,0100000,Name,Dress,Blue,\"No id.\"\n\
         0100000003,0100000,Name,Dress,Blue\n0100000004,0100000,Name,Dress,Blue,\" \u{feff} \"\n\
         0100000005,0100000,Name,,Blue,\"No category.\"\n"
    );
    let images = ["0100000001", "0100000002", "0100000003", "0100000004", "0100000005"];
    let place = catalogue(csv, &images);
    let outcome = run(place.path(), &Asked::default()).unwrap();
    let ids: Vec<String> = items(&outcome).into_iter().map(|item| item.id).collect();
    assert_eq!(ids, ["0100000001", "0100000005"]);
    let causes: Vec<[String; 2]> = dropped(place.path()).into_iter().map(|[id, step, _]| [id, step]).collect();
    let expected = [
        ["0100000001", "duplicate"],
        ["0100000002", "description"],
        ["articles.csv:5", "unreadable"],
        ["articles.csv:6", "unreadable"],
        ["0100000004", "description"],
    ];
    assert_eq!(causes, expected.map(|line| line.map(str::to_owned)));
    let counts = outcome.prepared.manifest.counts;
    assert_eq!((counts.records, counts.with_description, counts.usable), (7, 5, 2));
}

#[test]
fn a_catalogue_of_which_nothing_is_left_is_an_error_with_the_counts() {
    let place = catalogue(format!("{HEADER}\n0100000001,0100000,Name,Dress,Blue,\n"), &["0100000001"]);
    let error = run(place.path(), &Asked::default()).err().unwrap();
    assert!(error.message.contains("of 1 records 0 can be used (1 lack a description, 0 an image"), "{error}");
    assert!(error.message.contains("0100000001: no description"), "{error}");
    assert!(!place.path().join("out/dataset.toml").exists());
}

#[test]
fn a_pack_holds_every_image_byte_for_byte() {
    let (place, _) = thousand();
    let outcome = run(place.path(), &Asked { pack: true, ..Asked::default() }).unwrap();
    let index = outcome.prepared.pack().unwrap().unwrap();
    for item in items(&outcome).iter().step_by(37) {
        let (offset, bytes) = index.place(&item.id).unwrap();
        let image = PackIndex::image(&index.pack, offset, bytes).unwrap();
        assert_eq!(String::from_utf8(image).unwrap(), format!("image of {}", item.id));
    }
    let error = PackIndex::image(&index.pack, std::fs::metadata(&index.pack).unwrap().len() - 3, 10).unwrap_err();
    assert!(error.to_string().contains("cut short"), "{error}");
}

#[test]
fn a_damaged_manifest_and_another_datasets_folder_are_refused() {
    let (place, _) = thousand();
    run(place.path(), &Asked::default()).unwrap();
    let path = place.path().join("out").join(files::MANIFEST);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("dataset = \"sample\"", "dataset = \"other\"")).unwrap();
    assert!(run(place.path(), &Asked::default()).err().unwrap().message.contains("holds the dataset `other`"));
    for broken in ["", "format = 1", &text.replace("format = 1", "format = 99")] {
        std::fs::write(&path, broken).unwrap();
        let error = run(place.path(), &Asked::default()).err().unwrap();
        assert!(error.message.contains("is not a prepared dataset"), "{error}");
    }
}

#[test]
fn a_folder_is_prepared_by_one_at_a_time_and_rid_of_what_a_killed_command_left() {
    let place = catalogue(format!("{HEADER}\n0108775015,0108775,Name,Dress,Blue,\"A red dress.\"\n"), &["0108775015"]);
    let out = place.path().join("out");
    let held = RunLock::take(&out, Kind::Prepared, Shard::WHOLE).unwrap();
    let error = run(place.path(), &Asked::default()).err().expect("somebody is at work there");
    assert!(error.message.contains("is at work in") && error.help.unwrap().contains("--out DIR"), "{}", error.message);
    drop(held);
    let left = ["out/.new-a1b2c3.tmp", "out/.new-d4e5f6.tmp"].map(|name| place.path().join(name));
    std::fs::write(&left[0], "half a pack").unwrap();
    std::fs::create_dir(&left[1]).unwrap();
    run(place.path(), &Asked::default()).unwrap();
    assert!(left.iter().all(|path| !path.exists()));
}

#[test]
fn a_prepared_dataset_does_not_go_among_the_vendors_files() {
    let place = catalogue(format!("{HEADER}\n0108775015,0108775,Name,Dress,Blue,\"A red dress.\"\n"), &["0108775015"]);
    let root = place.path().join("source");
    let config = DatasetConfig { root: root.clone(), settings: Settings::default(), host: Host::silent() };
    let hm = Linked(Hm::open(&config).unwrap());
    let error = prepared(&hm, &root, &root, &Asked::default()).err().expect("the folder is the vendor's");
    assert!(error.message.contains("among the vendor's files") && error.help.unwrap().contains("--out DIR"));
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 2, "something was written");
}
