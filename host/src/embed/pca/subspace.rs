//! Subspace iteration for features so wide that their covariance does not fit: some directions are drawn at random, and multiplied by the
//! covariance (which is never formed) until the variance along them stands still (Halko, Martinsson and Tropp 2011). Where a share of the
//! variance is asked for, the number of directions is doubled until they hold it.

use super::exact::eigen;
use super::product::{View, multiply};
use super::{Keep, Pca, for_each_piece, kept};
use crate::embed::features::Features;
use crate::error::{Error, Result};
use crate::progress::Reporter;
use nalgebra::DMatrix;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// Directions beyond those asked for, which the iteration needs to tell the last of those.
const SPARE: usize = 10;
/// Directions to begin with where a share is asked for.
const FIRST: usize = 64;
/// The variances stand still where none of those kept changes by more than this share of the greatest.
const STILL: f64 = 1e-7;
const MOST_ROUNDS: usize = 60;
/// A direction along which there is less than this share of the greatest variance is noise, and is drawn anew.
const NOISE: f64 = 1e-12;

pub fn fit(features: &Features, mean: Vec<f64>, total: f64, keep: Keep, seed: u64, reporter: &Reporter) -> Result<Pca> {
    let (items, width) = (features.ids.len(), features.width);
    let most = width.min(items);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut count = match keep {
        Keep::Components(count) => (count + SPARE).min(most),
        Keep::Variance(_) => FIRST.min(most),
    };
    let mut directions = orthonormal(drawn(count * width, &mut random), width)
        .ok_or_else(|| Error::failed("random directions fell together"))?;
    let mut before: Vec<f64> = Vec::new();
    for round in 1..=MOST_ROUNDS {
        let (explained, ritz, images) = apply(features, &mean, &directions, count)?;
        let found = kept(&explained, total, keep);
        let captured = explained.iter().sum::<f64>() / total;
        reporter.note(&format!("round {round}: {count} directions hold {:.2} % of the variance", 100.0 * captured));
        let still = found.is_some_and(|kept| {
            before.len() == count && (0..kept).all(|i| (explained[i] - before[i]).abs() <= STILL * explained[0])
        });
        if let Some(kept) = found.filter(|_| still) {
            return Ok(Pca {
                mean,
                components: ritz[..kept * width].to_vec(),
                explained: explained[..kept].to_vec(),
                total,
            });
        }
        // What the covariance makes of the directions, the greatest first, none longer than another.
        let mut next = images;
        for (row, variance) in next.chunks_exact_mut(width).zip(&explained) {
            if *variance <= NOISE * explained[0] {
                row.copy_from_slice(&drawn(width, &mut random));
            }
        }
        // A few rounds tell whether the share is in reach.
        if found.is_none() && before.len() == count && count < most {
            let more = count.min(most - count);
            next.extend(drawn(more * width, &mut random));
            count += more;
        }
        before = explained;
        directions = orthonormal(next, width)
            .ok_or_else(|| Error::failed("the features have fewer dimensions than components were asked for"))?;
    }
    Err(Error::failed(format!("the components do not stand still after {MOST_ROUNDS} rounds"))
        .help("give --components N, fewer than the features have dimensions"))
}

/// The variances along the directions' best combinations (greatest first), those combinations as rows, and what the covariance makes of
/// them.
fn apply(
    features: &Features,
    mean: &[f64],
    directions: &[f32],
    count: usize,
) -> Result<(Vec<f64>, Vec<f32>, Vec<f32>)> {
    let (items, width) = (features.ids.len(), features.width);
    let along = View::new(directions, count, width);
    let mut images = vec![0.0_f32; count * width];
    for_each_piece(features, mean, |rows, piece| {
        let piece = View::new(piece, rows, width);
        let mut parts = vec![0.0_f32; rows * count];
        multiply(&mut parts, false, piece, along.transposed());
        multiply(&mut images, true, View::new(&parts, rows, count).transposed(), piece);
        Ok(())
    })?;
    images.iter_mut().for_each(|number| *number /= (items - 1) as f32);
    let mut inner = vec![0.0_f32; count * count];
    multiply(&mut inner, false, View::new(&images, count, width), along.transposed());
    let symmetric: Vec<f64> = (0..count * count)
        .map(|place| (f64::from(inner[place]) + f64::from(inner[place % count * count + place / count])) / 2.0)
        .collect();
    let (explained, vectors) = eigen(symmetric, count);
    let vectors: Vec<f32> = vectors.iter().map(|number| *number as f32).collect();
    let rotated = |rows: &[f32]| {
        let mut out = vec![0.0_f32; count * width];
        multiply(&mut out, false, View::new(&vectors, count, count), View::new(rows, count, width));
        out
    };
    Ok((explained, rotated(directions), rotated(&images)))
}

/// Rows of length 1 at right angles that span the same; none where the rows do not span as much. By Cholesky, twice: the first leaves what
/// the rounding of f32 does.
fn orthonormal(mut rows: Vec<f32>, width: usize) -> Option<Vec<f32>> {
    let count = rows.len() / width;
    for row in rows.chunks_exact_mut(width) {
        let length = row.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|number| *number = (f64::from(*number) / length) as f32);
        }
    }
    for _ in 0..2 {
        let mut inner = vec![0.0_f32; count * count];
        multiply(&mut inner, false, View::new(&rows, count, width), View::new(&rows, count, width).transposed());
        let inner = DMatrix::from_fn(count, count, |i, j| {
            (f64::from(inner[i * count + j]) + f64::from(inner[j * count + i])) / 2.0
        });
        let lower = inner.cholesky()?.l();
        let inverse = lower.solve_lower_triangular(&DMatrix::identity(count, count))?;
        // By rows, as the product wants it.
        let inverse: Vec<f32> = inverse.transpose().iter().map(|number| *number as f32).collect();
        let mut out = vec![0.0_f32; count * width];
        multiply(&mut out, false, View::new(&inverse, count, count), View::new(&rows, count, width));
        rows = out;
    }
    Some(rows)
}

fn drawn(count: usize, random: &mut Xoshiro256PlusPlus) -> Vec<f32> {
    // Uniform serves: any directions that are not at right angles to the greatest.
    (0..count).map(|_| (random.next_u64() >> 40) as f32 / (1_u32 << 23) as f32 - 1.0).collect()
}
