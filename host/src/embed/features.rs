//! A folder of features as others read it: `ids.txt` and a matrix `features.npy`, or a file an item. Rows come in pieces, so that features
//! of any size can be read.

use super::folder::{FEATURES, IDS};
use super::npy;
use crate::error::{Error, Result};
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
    /// Opens a folder that `host embed` has made, or one of the same form.
    ///
    /// # Errors
    /// Files that are missing, damaged or disagree.
    pub fn open(folder: &Path) -> Result<Features> {
        let path = folder.join(IDS);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::usage(Error::io("read", &path, &error).message)
                .help("features are a folder with ids.txt and features.npy, as `host embed` writes it")
        })?;
        let ids: Vec<String> = text.lines().map(str::to_owned).collect();
        let Some(first) = ids.first() else {
            return Err(Error::usage(format!("{} names no item", path.display())));
        };
        let path = folder.join(FEATURES);
        if !path.is_file() {
            let width = one_header(&folder.join(format!("{first}.npy")))?;
            return Ok(Features { folder: folder.to_owned(), width, ids, matrix: false });
        }
        let file = File::open(&path).map_err(|error| Error::io("read", &path, &error))?;
        let bytes = file.metadata().map_err(|error| Error::io("read", &path, &error))?.len();
        match npy::read_header(&path, BufReader::new(file))?[..] {
            [rows, width] if rows == ids.len() && width > 0 => {
                let expected = npy::HEADER + (rows * width * 4) as u64;
                // The header of other writers may be longer, never the numbers fewer.
                if bytes < expected.saturating_sub(npy::HEADER) {
                    return Err(Error::usage(format!("{} is cut short", path.display())));
                }
                Ok(Features { folder: folder.to_owned(), ids, width, matrix: true })
            }
            ref shape => Err(Error::usage(format!(
                "{} has the shape {shape:?}, and {IDS} names {} items",
                path.display(),
                ids.len()
            ))),
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
                npy::read_header(&path, &mut file)?;
                Source::Matrix(path, file)
            }
        };
        Ok(RowReader { features: self, source, next: 0 })
    }
}

/// The width of one item's file.
fn one_header(path: &Path) -> Result<usize> {
    let file = File::open(path).map_err(|error| Error::usage(Error::io("read", path, &error).message))?;
    let width = npy::read_header(path, BufReader::new(file))?.iter().product();
    if width == 0 { Err(Error::usage(format!("{} is empty", path.display()))) } else { Ok(width) }
}

/// Reads rows one piece after the other.
pub struct RowReader<'a> {
    features: &'a Features,
    source: Source,
    next: usize,
}

enum Source {
    Matrix(PathBuf, BufReader<File>),
    Files,
}

impl RowReader<'_> {
    /// Replaces `out` by the next rows, at most so many; empty at the end.
    ///
    /// # Errors
    /// A file ends early, has another width, or holds what is no finite number.
    pub fn read(&mut self, most: usize, out: &mut Vec<f32>) -> Result<usize> {
        let width = self.features.width;
        let count = most.min(self.features.ids.len() - self.next);
        out.clear();
        match &mut self.source {
            Source::Matrix(path, file) => {
                let mut bytes = vec![0; count * width * 4];
                file.read_exact(&mut bytes).map_err(|error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => Error::usage(format!("{} is cut short", path.display())),
                    _ => Error::io("read", path, &error),
                })?;
                out.extend(numbers(&bytes));
            }
            Source::Files => {
                for id in &self.features.ids[self.next..self.next + count] {
                    let path = self.features.folder.join(format!("{id}.npy"));
                    let bytes = std::fs::read(&path).map_err(|error| Error::io("read", &path, &error))?;
                    let mut rest = &bytes[..];
                    let own: usize = npy::read_header(&path, &mut rest)?.iter().product();
                    if own != width || rest.len() != width * 4 {
                        return Err(Error::usage(format!(
                            "{} holds {own} numbers, and the first item's file {width}",
                            path.display()
                        )));
                    }
                    out.extend(numbers(rest));
                }
            }
        }
        if let Some(place) = out.iter().position(|number| !number.is_finite()) {
            let id = &self.features.ids[self.next + place / width];
            return Err(Error::usage(format!(
                "{}: the features of item {id} hold {}",
                self.features.folder.display(),
                out[place]
            )));
        }
        self.next += count;
        Ok(count)
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word))
}
