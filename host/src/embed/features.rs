//! A folder of features as others read it: a matrix `features.npy` `[items, width]` with `ids.txt`, an id a row; or a file `ID.npy` an item. Rows come
//! in pieces, so that features of any size can be read.

use super::folder::{FEATURES, IDS};
use super::npy::{self, Kind};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Features of items.
#[derive(Debug, Clone)]
pub struct Features {
    pub folder: PathBuf,
    /// In the order of the rows.
    pub ids: Vec<String>,
    pub width: usize,
    /// One matrix, or a file an item.
    matrix: bool,
}

impl Features {
    /// Opens a folder that `host embed` has made, or one of the same form. Files without an `ids.txt` are taken in the order of their names.
    ///
    /// # Errors
    /// Files that are missing, damaged or disagree.
    pub fn open(folder: &Path) -> Result<Features> {
        let path = folder.join(FEATURES);
        let matrix = path.is_file();
        let ids = match folder.join(IDS) {
            names if names.is_file() => listed(&names)?,
            names if matrix => {
                return Err(Error::usage(format!("{} has {FEATURES} and no {IDS}", folder.display())).help(format!(
                    "write the items' ids into {}, one a line, in the order of the rows, as `host embed` does",
                    names.display()
                )));
            }
            _ => named_files(folder)?,
        };
        let width = match matrix {
            true => matrix_width(&path, ids.len())?,
            false => file_width(&folder.join(format!("{}.npy", ids[0])))?,
        };
        Ok(Features { folder: folder.to_owned(), ids, width, matrix })
    }

    /// Leaves out what is not wanted where that saves reading it: items with a file each. A matrix stays whole.
    pub fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        if !self.matrix {
            self.ids.retain(|id| wanted(id));
        }
    }

    /// The rows, from the first.
    pub fn rows(&self) -> Result<RowReader<'_>> {
        let source = match self.matrix {
            false => Source::Files,
            true => {
                let path = self.folder.join(FEATURES);
                let file = File::open(&path).map_err(|error| Error::io("read", &path, &error))?;
                let mut file = BufReader::with_capacity(1 << 20, file);
                let (_, kind) = npy::read_header(&path, &mut file)?;
                Source::Matrix(path, file, kind)
            }
        };
        Ok(RowReader { features: self, source, next: 0, bytes: Vec::new() })
    }
}

/// The ids of a file: one at least, and each once.
fn listed(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::usage(Error::io("read", path, &error).message))?;
    // Editors put a byte order mark before the first id.
    let ids: Vec<String> = text.strip_prefix('\u{feff}').unwrap_or(&text).lines().map(str::to_owned).collect();
    if ids.is_empty() {
        return Err(Error::usage(format!("{} names no item", path.display())));
    }
    let mut lines = HashMap::with_capacity(ids.len());
    for (id, line) in ids.iter().zip(1..) {
        if let Some(earlier) = lines.insert(id.as_str(), line) {
            return Err(Error::usage(format!("{} names `{id}` on line {earlier} and on line {line}", path.display()))
                .help("an item has one row of features: take the other out"));
        }
    }
    Ok(ids)
}

/// The ids that a folder has a file for.
fn named_files(folder: &Path) -> Result<Vec<String>> {
    let expected =
        format!("expected are {FEATURES} with {IDS}, as `host embed` writes them, or a file ID.npy for each item");
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Error::usage(Error::io("read the features' folder", folder, &error).message).help(&expected)
    })?;
    let id = |name: &str| name.strip_suffix(".npy").map(str::to_owned);
    let mut ids: Vec<String> = entries.flatten().filter_map(|entry| id(&entry.file_name().to_string_lossy())).collect();
    ids.sort_unstable();
    match ids.is_empty() {
        true => Err(Error::usage(format!("{} holds no features", folder.display())).help(expected)),
        false => Ok(ids),
    }
}

fn matrix_width(path: &Path, ids: usize) -> Result<usize> {
    let file = File::open(path).map_err(|error| Error::io("read", path, &error))?;
    let bytes = file.metadata().map_err(|error| Error::io("read", path, &error))?.len();
    let (shape, kind) = npy::read_header(path, BufReader::new(file))?;
    match shape[..] {
        // Headers differ in length between writers, numbers do not.
        [rows, width] if rows == ids && width > 0 => match bytes < (rows * width * kind.size()) as u64 {
            true => Err(Error::usage(format!("{} is cut short", path.display()))),
            false => Ok(width),
        },
        _ => Err(Error::usage(format!("{} has the shape {shape:?}, and {IDS} names {ids} items", path.display()))),
    }
}

/// The width of one item's file.
fn file_width(path: &Path) -> Result<usize> {
    let file = File::open(path).map_err(|error| Error::usage(Error::io("read", path, &error).message))?;
    match npy::read_header(path, BufReader::new(file))?.0.iter().product() {
        0 => Err(Error::usage(format!("{} is empty", path.display()))),
        width => Ok(width),
    }
}

/// Reads rows one piece after the other.
pub struct RowReader<'a> {
    features: &'a Features,
    source: Source,
    next: usize,
    bytes: Vec<u8>,
}

enum Source {
    Matrix(PathBuf, BufReader<File>, Kind),
    Files,
}

impl RowReader<'_> {
    /// Replaces `out` by the next rows, at most so many, and returns their number; 0 at the end.
    ///
    /// # Errors
    /// A file ends early, has another width, or holds what is no finite number.
    pub fn read(&mut self, most: usize, out: &mut Vec<f32>) -> Result<usize> {
        let Features { folder, ids, width, .. } = self.features;
        let count = most.min(ids.len() - self.next);
        out.clear();
        match &mut self.source {
            Source::Matrix(path, file, kind) => {
                self.bytes.resize(count * width * kind.size(), 0);
                file.read_exact(&mut self.bytes).map_err(|error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => Error::usage(format!("{} is cut short", path.display())),
                    _ => Error::io("read", path, &error),
                })?;
                kind.numbers(&self.bytes, out);
            }
            Source::Files => {
                for id in &ids[self.next..self.next + count] {
                    let path = folder.join(format!("{id}.npy"));
                    let bytes = std::fs::read(&path).map_err(|error| Error::io("read", &path, &error))?;
                    let mut rest = &bytes[..];
                    let (shape, kind) = npy::read_header(&path, &mut rest)?;
                    let own: usize = shape.iter().product();
                    if own != *width {
                        return Err(Error::usage(format!(
                            "{}: item `{id}` has {own} features, where others have {width}",
                            folder.display()
                        ))
                        .help("one folder holds one space; embed the items again with one model"));
                    }
                    if rest.len() != width * kind.size() {
                        return Err(Error::usage(format!("{} is cut short", path.display())));
                    }
                    kind.numbers(rest, out);
                }
            }
        }
        if let Some(place) = out.iter().position(|number| !number.is_finite()) {
            return Err(Error::usage(format!(
                "{}: item `{}` has {} as feature {}, which is no number to learn from",
                folder.display(),
                ids[self.next + place / width],
                out[place],
                place % width
            )));
        }
        self.next += count;
        Ok(count)
    }
}
