//! Principal components of features, streamed: neither the features nor more than a square of their width is ever in memory.
//!
//! Up to [`EXACT_WIDTH`] the covariance is summed up and taken apart (`exact`); beyond it the subspace of the greatest variance is iterated
//! for (`subspace`). Both end at what scikit-learn's PCA computes.

mod exact;
mod product;
mod subspace;

use super::features::{Features, RowReader};
use super::folder::{FEATURES, IDS, MANIFEST};
use super::npy;
use crate::error::{Error, Result};
use crate::prepare::OutputFile;
use crate::progress::Reporter;
use crate::run::{Kind, RunLock, Shard, replace_file};
use crate::stop;
use product::{View, multiply};
use serde::Serialize;
use std::path::Path;

/// Features up to this width are taken apart exactly: the covariance has 32 MB, and its decomposition takes a minute.
pub const EXACT_WIDTH: usize = 2048;
/// Numbers of a piece of rows in memory.
const PIECE: usize = 1 << 24;

/// How many components are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keep {
    Components(usize),
    /// As many as explain more than this share of the variance.
    Variance(f64),
}

/// Principal components.
#[derive(Debug, Clone)]
pub struct Pca {
    /// Of each feature.
    pub mean: Vec<f64>,
    /// `[components, width]`, each of length 1, its greatest number positive.
    pub components: Vec<f32>,
    /// Variance along each component, greatest first; divided by items − 1.
    pub explained: Vec<f64>,
    /// Variance of the features altogether.
    pub total: f64,
}

/// `pca.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    pub features: std::path::PathBuf,
    pub items: usize,
    pub width: usize,
    pub components: usize,
    /// The share of the variance that the components explain.
    pub explained: f64,
    pub explained_variance: Vec<f64>,
    pub exact: bool,
}

/// Of the features that were narrowed, their `embed.json`.
const SOURCE: &str = "source.json";

/// Does a folder hold the principal components of features as they are now? Known only of features that `host embed` made.
pub fn is_made_of(narrow: &Path, features: &Path) -> bool {
    let [made, there] = [narrow.join(SOURCE), features.join(MANIFEST)].map(std::fs::read);
    narrow.join("pca.json").is_file() && matches!((made, there), (Ok(made), Ok(there)) if made == there)
}

/// Reads features, keeps their principal components, and writes the narrower features into `out`, with the mean and the components
/// beside them (`mean.npy`, `components.npy`, `pca.json`, and `source.json`: what the features were made of, if `host embed` made them).
///
/// # Errors
/// Features that cannot be read, fewer than two items, or more components asked for than there can be.
pub fn reduce(folder: &Path, out: &Path, keep: Keep, seed: u64, reporter: &Reporter) -> Result<Summary> {
    let features = Features::open(folder)?;
    let same = |path: &Path| path.canonicalize().ok();
    if same(folder).is_some() && same(folder) == same(out) {
        return Err(Error::usage("the narrower features would replace the features").help("choose another --out DIR"));
    }
    let _held = RunLock::take(out, Kind::Components, Shard::WHOLE)?;
    let pca = fit(&features, keep, EXACT_WIDTH, seed, reporter)?;
    let count = pca.explained.len();
    let vector = |numbers: &[f64]| numbers.iter().map(|number| *number as f32).collect::<Vec<_>>();
    for (name, shape, numbers) in [
        ("mean.npy", vec![features.width], &vector(&pca.mean)),
        ("components.npy", vec![count, features.width], &pca.components),
    ] {
        let mut bytes = npy::header(&shape)?;
        bytes.extend(npy::bytes(numbers));
        replace_file(&out.join(name), &bytes)?;
    }
    let mut file = OutputFile::create(out, FEATURES)?;
    file.write(&npy::header(&[features.ids.len(), count])?)?;
    let bar = reporter.bar("writing the components", 0, features.ids.len());
    let mut narrow = Vec::new();
    for_each_piece(&features, &pca.mean, |rows, piece| {
        narrow.resize(rows * count, 0.0);
        let components = View::new(&pca.components, count, features.width);
        multiply(&mut narrow, false, View::new(piece, rows, features.width), components.transposed());
        bar.advance(rows);
        file.write(&npy::bytes(&narrow))
    })?;
    file.finish()?;
    let ids: String = features.ids.iter().map(|id| format!("{id}\n")).collect();
    replace_file(&out.join(IDS), ids.as_bytes())?;
    let summary = Summary {
        features: folder.to_owned(),
        items: features.ids.len(),
        width: features.width,
        components: count,
        explained: pca.explained.iter().sum::<f64>() / pca.total,
        explained_variance: pca.explained,
        exact: features.width <= EXACT_WIDTH,
    };
    let text = serde_json::to_string_pretty(&summary).unwrap_or_default() + "\n";
    if let Ok(manifest) = std::fs::read(folder.join(MANIFEST)) {
        replace_file(&out.join(SOURCE), &manifest)?;
    }
    replace_file(&out.join("pca.json"), text.as_bytes())?;
    Ok(summary)
}

/// Finds the principal components; features wider than `exact_width` are iterated for.
///
/// # Errors
/// As [`reduce`].
pub fn fit(features: &Features, keep: Keep, exact_width: usize, seed: u64, reporter: &Reporter) -> Result<Pca> {
    let (items, width) = (features.ids.len(), features.width);
    if items < 2 {
        return Err(Error::usage(format!("{} has one item only", features.folder.display())));
    }
    let most = width.min(items);
    match keep {
        Keep::Components(count) if count == 0 || count > most => {
            return Err(Error::usage(format!("{count} components cannot be kept of {items} items of width {width}"))
                .help(format!("between 1 and {most} can")));
        }
        Keep::Variance(share) if !(share > 0.0 && share < 1.0) => {
            return Err(Error::usage(format!("{share} is no share of the variance")).help("give one like 0.95"));
        }
        _ => {}
    }
    let (mean, total) = moments(features)?;
    if total <= 0.0 {
        return Err(Error::usage(format!("{}: all items have the same features", features.folder.display())));
    }
    let mut pca = match width <= exact_width {
        true => exact::fit(features, mean, total, keep, reporter)?,
        false => subspace::fit(features, mean, total, keep, seed, reporter)?,
    };
    for component in pca.components.chunks_exact_mut(width) {
        let greatest = component.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
        if greatest < 0.0 {
            component.iter_mut().for_each(|number| *number = -*number);
        }
    }
    Ok(pca)
}

/// Each feature's mean, and the variance of all together.
fn moments(features: &Features) -> Result<(Vec<f64>, f64)> {
    let (items, width) = (features.ids.len() as f64, features.width);
    let mut mean = vec![0.0; width];
    for_each_piece(features, &[], |_, piece| {
        for row in piece.chunks_exact(width) {
            for (sum, number) in mean.iter_mut().zip(row) {
                *sum += f64::from(*number);
            }
        }
        Ok(())
    })?;
    mean.iter_mut().for_each(|sum| *sum /= items);
    let mut squares = 0.0;
    for_each_piece(features, &[], |_, piece| {
        for row in piece.chunks_exact(width) {
            squares += row.iter().zip(&mean).map(|(number, mean)| (f64::from(*number) - mean).powi(2)).sum::<f64>();
        }
        Ok(())
    })?;
    Ok((mean, squares / (items - 1.0)))
}

/// How many components are kept of these variances, which are sorted: as scikit-learn counts, those whose sum first exceeds the share.
fn kept(explained: &[f64], total: f64, keep: Keep) -> Option<usize> {
    match keep {
        Keep::Components(count) => Some(count).filter(|count| *count <= explained.len()),
        Keep::Variance(share) => {
            let sums = explained.iter().scan(0.0, |sum, variance| {
                *sum += variance;
                Some(*sum)
            });
            sums.into_iter().position(|sum| sum / total > share).map(|place| place + 1)
        }
    }
}

/// Rows piece by piece, less the mean where one is given.
fn for_each_piece(features: &Features, mean: &[f64], mut work: impl FnMut(usize, &[f32]) -> Result<()>) -> Result<()> {
    let width = features.width;
    let mut reader: RowReader<'_> = features.rows()?;
    let mut piece = Vec::new();
    loop {
        let rows = reader.read((PIECE / width).max(1), &mut piece)?;
        if rows == 0 {
            return Ok(());
        }
        stop::check()?;
        if !mean.is_empty() {
            for row in piece.chunks_exact_mut(width) {
                for (number, mean) in row.iter_mut().zip(mean) {
                    *number = (f64::from(*number) - mean) as f32;
                }
            }
        }
        work(rows, &piece)?;
    }
}
