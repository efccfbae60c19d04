//! Item features laid out by the experiment's items, with a policy for those that have none.

use crate::embed;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What becomes of an item without features.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It gets the mean of the others.
    #[default]
    Mean,
    /// It gets zeros.
    Zero,
    /// Its interactions are left out of the experiment.
    Drop,
    /// The experiment is refused.
    Error,
}

/// Where a modality's features are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureSource {
    pub name: String,
    pub path: PathBuf,
    pub missing: Missing,
    /// Another item's features for each item, drawn with this seed: what is left of a gain is no gain of the features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<u64>,
}

/// Numbers read at a time.
const PIECE: usize = 1 << 22;

/// Features in memory.
#[derive(Debug)]
pub struct FeatureMatrix {
    pub name: String,
    pub width: usize,
    /// `[items, width]`
    pub values: Vec<f32>,
    /// `[items]`, 0 or 1
    pub present: Vec<u8>,
}

impl FeatureMatrix {
    /// Items without features of their own.
    pub fn missing(&self) -> usize {
        self.present.iter().filter(|present| **present == 0).count()
    }
}

/// Loads a modality for these items.
///
/// # Errors
/// Absent or damaged files, rows of two widths, a number that is none, an item without features where that is refused, or no features
/// for any item.
pub fn load(source: &FeatureSource, items: &[String]) -> Result<FeatureMatrix> {
    let places: HashMap<&str, usize> = items.iter().zip(0..).map(|(id, place)| (id.as_str(), place)).collect();
    let mut features = embed::Features::open(&source.path)?;
    features.keep(|id| places.contains_key(id));
    let width = features.width;
    let mut matrix = FeatureMatrix {
        name: source.name.clone(),
        width,
        values: vec![0.0; items.len() * width],
        present: vec![0; items.len()],
    };
    let (mut rows, mut piece, mut next) = (features.rows()?, Vec::new(), 0);
    loop {
        let count = rows.read(PIECE.div_ceil(width), &mut piece)?;
        if count == 0 {
            break;
        }
        for (id, row) in features.ids[next..].iter().zip(piece.chunks_exact(width)) {
            if let Some(place) = places.get(id.as_str()) {
                matrix.values[place * width..][..width].copy_from_slice(row);
                matrix.present[*place] = 1;
            }
        }
        next += count;
    }
    matrix.complete(source, items)?;
    if let Some(seed) = source.shuffle {
        matrix.shuffle(seed);
    }
    Ok(matrix)
}

/// Features of another catalogue.
pub fn no_features(folder: &Path, items: usize) -> Error {
    Error::usage(format!("{} has features for none of the {items} items", folder.display()))
        .help("are its ids those of the interactions?")
}

impl FeatureMatrix {
    /// Gives items without features what the policy says.
    fn complete(&mut self, source: &FeatureSource, items: &[String]) -> Result<()> {
        let (missing, all) = (self.missing(), items.len());
        if missing == all {
            return Err(no_features(&source.path, all));
        }
        if missing == 0 {
            return Ok(());
        }
        if source.missing == Missing::Error {
            let first =
                self.present.iter().position(|present| *present == 0).map_or("?", |place| items[place].as_str());
            return Err(Error::usage(format!(
                "{missing} of {all} items have no features in {}, such as `{first}`",
                source.path.display()
            ))
            .help("missing = \"mean\", \"zero\" or \"drop\" goes on without them"));
        }
        if source.missing == Missing::Mean {
            let mut mean = vec![0f64; self.width];
            for (row, _) in
                self.values.chunks_exact(self.width).zip(&self.present).filter(|(_, present)| **present == 1)
            {
                mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
            }
            let mean: Vec<f32> = mean.iter().map(|sum| (sum / (all - missing) as f64) as f32).collect();
            for (row, present) in self.values.chunks_exact_mut(self.width).zip(&self.present) {
                if *present == 0 {
                    row.copy_from_slice(&mean);
                }
            }
        }
        Ok(())
    }

    fn shuffle(&mut self, seed: u64) {
        use rand_xoshiro::rand_core::{RngCore, SeedableRng};
        let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed);
        for end in (1..self.present.len()).rev() {
            let other = ((u128::from(random.next_u64()) * (end as u128 + 1)) >> 64) as usize;
            self.present.swap(end, other);
            for place in 0..self.width {
                self.values.swap(end * self.width + place, other * self.width + place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::data::write_npy;
    use super::*;

    fn items() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    fn source(path: &Path, missing: Missing) -> FeatureSource {
        FeatureSource { name: "visual".into(), path: path.to_owned(), missing, shuffle: None }
    }

    #[test]
    fn a_matrix_with_ids_is_laid_out_by_items_and_gaps_follow_the_policy() {
        let folder = tempfile::tempdir().unwrap();
        write_npy(&folder.path().join("features.npy"), &[2, 2], &[1f32, 2.0, 3.0, 6.0]).unwrap();
        std::fs::write(folder.path().join("ids.txt"), "\u{feff}c\na\n").unwrap();
        let mean = load(&source(folder.path(), Missing::Mean), &items()).unwrap();
        assert_eq!((mean.values.as_slice(), mean.missing()), (&[3.0, 6.0, 2.0, 4.0, 1.0, 2.0][..], 1));
        let zero = load(&source(folder.path(), Missing::Zero), &items()).unwrap();
        assert_eq!(zero.values[2..4], [0.0, 0.0]);
        let error = load(&source(folder.path(), Missing::Error), &items()).unwrap_err();
        assert!(error.message.contains("1 of 3 items have no features") && error.message.contains("`b`"), "{error}");
    }

    #[test]
    fn a_file_an_item_of_two_widths_or_with_no_number_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let write = |id: &str, values: &[f64]| write_npy(&folder.path().join(id), &[values.len()], values).unwrap();
        write("a.npy", &[1.0, 2.0]);
        write("b.npy", &[1.0, 2.0, 3.0]);
        let error = load(&source(folder.path(), Missing::Mean), &items()).unwrap_err();
        assert!(error.message.contains("item `b` has 3 features, where others have 2"), "{error}");
        write("b.npy", &[1.0, f64::NAN]);
        let error = load(&source(folder.path(), Missing::Mean), &items()).unwrap_err();
        assert!(error.message.contains("item `b` has NaN as feature 1"), "{error}");
    }

    #[test]
    fn a_folder_of_other_items_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        write_npy(&folder.path().join("z.npy"), &[1], &[1f32]).unwrap();
        let error = load(&source(folder.path(), Missing::Zero), &items()).unwrap_err();
        assert!(error.message.contains("none of the 3 items"), "{error}");
    }

    #[test]
    fn an_id_that_stands_twice_is_refused_by_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        write_npy(&folder.path().join("features.npy"), &[3, 1], &[1f32, 2.0, 3.0]).unwrap();
        std::fs::write(folder.path().join("ids.txt"), "a\nb\na\n").unwrap();
        let error = load(&source(folder.path(), Missing::Mean), &items()).unwrap_err();
        assert!(error.message.contains("names `a` on line 1 and on line 3"), "{error}");
    }
}
