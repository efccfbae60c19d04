//! Data for the tests: the sample catalogue, made once and kept below the target folder, and small images.

use crate::cargo_target;
use image::{Rgb, RgbImage};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Articles of the catalogue that most tests use: enough for several batches, few enough for seconds.
const ARTICLES: usize = 60;
const SEED: u64 = 42;

/// The sample catalogue, with `hm` and `fashiongen` in it. Tests read it and never write there.
pub fn sample_catalogue() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let kept = cargo_target().join(format!("catalogue-{ARTICLES}-{SEED}"));
        if kept.is_dir() {
            return kept;
        }
        fs::create_dir_all(cargo_target()).expect("the target folder can be written");
        let aside = tempfile::tempdir_in(cargo_target()).expect("the target folder can be written");
        samples::write_catalogues(aside.path(), ARTICLES, SEED).expect("the catalogue can be drawn");
        // Another test program may have made it meanwhile; both are the same.
        if fs::rename(aside.path(), &kept).is_ok() {
            let _ = aside.keep();
        }
        kept
    })
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}

/// Writes a JPEG of one colour.
pub fn test_image(path: &Path, width: u32, height: u32, colour: [u8; 3]) {
    RgbImage::from_pixel(width, height, Rgb(colour)).save(path).expect("an image can be written");
}

/// Takes the descriptions of some lines (counted from the header, which is 0) out of an `articles.csv`; returns their articles.
pub fn take_out_descriptions(articles: &Path, lines: &[usize]) -> Vec<String> {
    let text = fs::read_to_string(articles).expect("the catalogue is there");
    let mut taken = Vec::new();
    let without = |line: &str| {
        // The description is the last column; a comma in it stands between quotes.
        let mut quoted = false;
        let commas = line.char_indices().filter(|(_, letter)| {
            quoted ^= *letter == '"';
            *letter == ',' && !quoted
        });
        let end = commas.map(|(place, _)| place).last().expect("a line has columns");
        format!("{},", &line[..end])
    };
    let kept: String = (text.lines().enumerate())
        .map(|(number, line)| match lines.contains(&number) {
            true => {
                taken.push(line.split(',').next().unwrap_or_default().to_owned());
                without(line) + "\n"
            }
            false => format!("{line}\n"),
        })
        .collect();
    fs::write(articles, kept).expect("a copy can be written");
    taken
}
