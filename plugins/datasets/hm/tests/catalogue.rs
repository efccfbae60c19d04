//! The H&M catalogue on small files written by the tests: dialects of CSV, lost zeros, and every kind of bad row.

use hm::Hm;
use plugin_api::{Dataset, DatasetConfig, Host, ImageSource, Item, ItemError, PluginError, Settings};
use std::ops::ControlFlow;
use std::path::Path;
use tempfile::TempDir;

const HEADER: &str = "article_id,product_code,prod_name,product_type_no,product_type_name,graphical_appearance_no,\
                      graphical_appearance_name,colour_group_name,detail_desc";

fn open(root: &Path) -> Result<Hm, PluginError> {
    let root = root.to_owned();
    Hm::open(&DatasetConfig { root, settings: Settings::default(), host: Host::silent() })
}

/// A catalogue with that CSV and an image for each of the ids.
fn catalogue(csv: impl AsRef<[u8]>, images: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("images")).unwrap();
    std::fs::write(folder.path().join("articles.csv"), csv).unwrap();
    for id in images {
        let place = folder.path().join("images").join(&id[..3]);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(format!("{id}.jpg")), b"").unwrap();
    }
    folder
}

fn records(root: &Path) -> Vec<Result<Item, ItemError>> {
    let mut records = Vec::new();
    let mut keep = |record| {
        records.push(record);
        ControlFlow::Continue(())
    };
    open(root).unwrap().read(&mut keep).unwrap();
    records
}

fn items(root: &Path) -> Vec<Item> {
    records(root).into_iter().map(|record| record.unwrap()).collect()
}

fn faults(root: &Path) -> Vec<(String, String)> {
    records(root).into_iter().filter_map(|record| record.err()).map(|fault| (fault.id, fault.message)).collect()
}

#[test]
fn a_row_becomes_an_item_with_its_product_category_metadata_and_image() {
    let csv = format!(
        "{HEADER}\n0108775015,0108775,Strap top,253,Vest top,1010016,Solid,Black,\"Jersey top, narrow straps.\"\n"
    );
    let folder = catalogue(csv, &["0108775015"]);
    let item = items(folder.path()).remove(0);
    assert_eq!(item.id, "0108775015");
    assert_eq!(item.product, "0108775");
    assert_eq!(item.references, ["Jersey top, narrow straps."]);
    assert_eq!(item.category.as_deref(), Some("Vest top"));
    assert_eq!(item.split, None);
    let metadata: Vec<_> = item.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        metadata,
        [("colour_group_name", "Black"), ("graphical_appearance_name", "Solid"), ("prod_name", "Strap top")]
    );
    assert_eq!(item.image, "images/010/0108775015.jpg");
    let image = open(folder.path()).unwrap().image(&item.image).unwrap();
    assert_eq!(image, ImageSource::File(folder.path().join("images/010/0108775015.jpg")));
}

#[test]
fn lost_leading_zeros_of_ids_and_product_codes_are_restored() {
    let csv = format!("{HEADER}\n108775015,108775,a,1,b,1,c,d,One.\n0108775044,0108775,a,1,b,1,c,d,Two.\n");
    let folder = catalogue(csv, &["0108775015", "0108775044"]);
    let found: Vec<_> = items(folder.path()).into_iter().map(|item| (item.id, item.product)).collect();
    assert_eq!(found, [("0108775015".into(), "0108775".into()), ("0108775044".into(), "0108775".into())]);
}

#[test]
fn a_byte_order_mark_windows_line_ends_and_semicolons_change_nothing() {
    let row = |id: &str, text: &str| format!("{id},0108775,a,1,Vest top,1,c,d,{text}");
    let plain = [HEADER.to_owned(), row("0108775015", "First."), row("0108775044", "Second.")];
    let expected = items(catalogue(plain.join("\n"), &["0108775015", "0108775044"]).path());
    assert_eq!(expected.len(), 2);
    for dialect in [
        format!("\u{feff}{}", plain.join("\n")),
        plain.join("\r\n") + "\r\n",
        plain.join("\n").replace(',', ";"),
        format!("\u{feff}{}\r\n", plain.join("\r\n").replace(',', ";")),
        plain.join("\n").replace("article_id", "\"article_id\""),
    ] {
        assert_eq!(items(catalogue(&dialect, &["0108775015", "0108775044"]).path()), expected, "{dialect:?}");
    }
}

#[test]
fn a_quoted_newline_and_a_doubled_quote_stay_in_the_description() {
    let csv = format!("{HEADER}\n0108775015,1,a,1,b,1,c,d,\"Two lines,\nand a 2\"\" hem; done\"\n");
    let folder = catalogue(csv, &["0108775015"]);
    assert_eq!(items(folder.path())[0].references, ["Two lines,\nand a 2\" hem; done"]);
}

#[test]
fn a_description_of_twenty_megabytes_is_read() {
    let long = "soft cotton ".repeat(20 * 1024 * 1024 / 12);
    let folder = catalogue(format!("{HEADER}\n0108775015,1,a,1,b,1,c,d,{long}\n"), &["0108775015"]);
    assert_eq!(items(folder.path())[0].references, [long.trim()]);
}

#[test]
fn every_kind_of_bad_row_is_named_with_its_line_and_the_others_are_read() {
    let good = "0000000001,1,a,1,b,1,c,d,Good.";
    let mut csv = Vec::new();
    for line in [
        HEADER.as_bytes(),
        good.as_bytes(),                                 // 2
        b"0000000002,1,a,1,b,1,c,d,\"Over\ntwo lines\"", // 3 and 4
        b"0000000003,1,a,1,b",                           // 5
        b"none,1,a,1,b,1,c,d,Text.",                     // 6
        b"00000000000004,1,a,1,b,1,c,d,Text.",           // 7
        b"0000000005,1,a,1,b,1,c,d,",                    // 8
        b"0000000010,1,a,1,b,1,c,d,",                    // 9
        b"0000000006,1,a,1,b,1,c,d,No image.",           // 10
        b"",                                             // 11
        b"0000000007,1,a,1,b,1,c,d,caf\xe9",             // 12
        b"1,1,a,1,b,1,c,d,Again.",                       // 13
        b"9990000008,1,a,1,b,1,c,d,No folder.",          // 14
        b"0000000009,1,a,1,b,1,c,d,Good too.",           // 15
    ] {
        csv.extend_from_slice(line);
        csv.push(b'\n');
    }
    let images = ["0000000001", "0000000002", "0000000005", "0000000007", "0000000009"];
    for windows in [false, true] {
        if windows {
            csv = crlf(&csv);
        }
        let folder = catalogue(&csv, &images);
        let read: Vec<_> = records(folder.path()).into_iter().filter_map(|record| record.ok()).collect();
        let ids: Vec<_> = read.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["0000000001", "0000000002", "0000000005", "0000000009"]);
        // Without a description an article is an item still, since it has an image to embed; without both it is none.
        assert_eq!(read.iter().map(|item| item.references.len()).collect::<Vec<_>>(), [1, 1, 0, 1]);
        let image = |path: &str| folder.path().join(path).display().to_string();
        let found = faults(folder.path());
        let expected = [
            ("articles.csv:5", "articles.csv:5: 5 fields where the header has 9".to_owned()),
            ("articles.csv:6", "articles.csv:6: article_id `none` is not a number of at most 10 digits".into()),
            (
                "articles.csv:7",
                "articles.csv:7: article_id `00000000000004` is not a number of at most 10 digits".into(),
            ),
            ("0000000010", "articles.csv:9: no description (detail_desc is empty)".into()),
            ("0000000006", format!("articles.csv:10: no image at {}", image("images/000/0000000006.jpg"))),
            ("articles.csv:12", "articles.csv:12: field 9 is not UTF-8".into()),
            ("0000000001", "articles.csv:13: article 0000000001 stands in line 2 already".into()),
        ];
        for (found, (id, message)) in found.iter().zip(&expected) {
            assert_eq!((found.0.as_str(), &found.1), (*id, message));
        }
        assert_eq!(found.len(), expected.len() + 1);
        let last = &found[expected.len()].1;
        let start =
            format!("articles.csv:14: no image at {}: cannot list its folder: ", image("images/999/9990000008.jpg"));
        assert!(last.starts_with(&start), "{last}");
    }
}

fn crlf(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] }).collect()
}

#[test]
fn a_quote_that_is_not_closed_is_named_with_the_lines_it_swallows() {
    let csv = format!(
        "{HEADER}\n0000000001,1,a,1,b,1,c,d,\"Open.\n0000000002,1,a,1,b,1,c,d,\"Quoted, later\"\n0000000003,1,a,1,b,1,c,d,Good.\n"
    );
    let folder = catalogue(csv, &["0000000001", "0000000002", "0000000003"]);
    let message = "articles.csv:2: 10 fields where the header has 9; a quote that opens in this row closes in line 3";
    assert_eq!(faults(folder.path()), [("articles.csv:2".into(), message.into())]);
    assert!(records(folder.path()).last().unwrap().as_ref().is_ok_and(|item| item.id == "0000000003"));
}

#[test]
fn reading_stops_when_the_sink_breaks() {
    let csv = format!("{HEADER}\n0000000001,1,a,1,b,1,c,d,One.\n0000000002,1,a,1,b,1,c,d,Two.\n");
    let folder = catalogue(csv, &["0000000001", "0000000002"]);
    let mut seen = 0;
    let mut stop = |_| {
        seen += 1;
        ControlFlow::Break(())
    };
    open(folder.path()).unwrap().read(&mut stop).unwrap();
    assert_eq!(seen, 1);
}

#[test]
fn a_missing_file_folder_or_column_is_an_error_that_names_it() {
    let error = |folder: &Path| open(folder).map(|_| ()).unwrap_err();
    let empty = tempfile::tempdir().unwrap();
    let missing = error(empty.path());
    assert!(missing.message.contains(&empty.path().join("articles.csv").display().to_string()), "{missing}");
    assert!(missing.help.unwrap().contains("registry.toml"));

    std::fs::write(empty.path().join("articles.csv"), format!("{HEADER}\n")).unwrap();
    assert!(error(empty.path()).message.contains(&empty.path().join("images").display().to_string()));

    let other = error(catalogue("id,product_code,text\n1,2,3\n", &[]).path());
    assert!(other.message.contains("lacks the columns article_id, product_type_name, detail_desc"), "{other}");
    assert!(other.message.contains("its header has id, product_code, text"), "{other}");
    for nothing in ["", "\n\n"] {
        assert!(error(catalogue(nothing, &[]).path()).message.contains("lacks the columns"), "{nothing:?}");
    }
    let binary: Vec<u8> = (0..200_000u32).map(|value| (value.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    assert!(error(catalogue(binary, &[]).path()).message.len() < 2_000);
}

#[test]
fn an_option_that_does_not_exist_is_an_error() {
    let folder = catalogue(format!("{HEADER}\n"), &[]);
    let settings = Settings::new(serde_json::json!({ "colour": true }));
    let config = DatasetConfig { root: folder.path().to_owned(), settings, host: Host::silent() };
    assert!(Hm::open(&config).map(|_| ()).unwrap_err().message.contains("`colour`"));
}

#[test]
fn a_locator_that_leads_out_of_the_images_is_refused() {
    let folder = catalogue(format!("{HEADER}\n"), &[]);
    let dataset = open(folder.path()).unwrap();
    for locator in ["../secret.jpg", "images/../articles.csv", "/etc/passwd", "articles.csv", ""] {
        assert!(dataset.image(locator).is_err(), "{locator}");
    }
}
