//! Resizing as Pillow 13 does it, to the bit: a convolution widened where the image shrinks, in two passes, each in fixed point
//! and rounded to 8 bits. Libraries that order or round the passes otherwise come out up to 2 of 255 away.

use super::config::Filter;

/// Bits behind the point of a weight: 32, less 8 of a pixel, less 2 for weights beyond 1 and their sign.
const PRECISION: u32 = 32 - 8 - 2;

/// The input pixels that one output pixel is made of.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

impl Filter {
    /// How far the filter reaches, in input pixels where nothing shrinks.
    fn reach(self) -> f64 {
        match self {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let x = x.abs();
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) };
        match self {
            Filter::Bilinear => (1.0 - x).max(0.0),
            // Keys' cubic convolution (1981) with a = −½.
            Filter::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Filter::Bicubic if x < 2.0 => ((x - 5.0) * x + 8.0) * x * -0.5 + 2.0,
            Filter::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            Filter::Bicubic | Filter::Lanczos => 0.0,
        }
    }
}

/// The weights of every output pixel of a line.
fn taps(from: usize, to: usize, filter: Filter) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let widened = scale.max(1.0);
    let reach = filter.reach() * widened;
    (0..to)
        .map(|place| {
            let center = (place as f64 + 0.5) * scale;
            let first = (center - reach + 0.5).max(0.0) as usize;
            let end = ((center + reach + 0.5) as usize).min(from);
            let weights: Vec<f64> =
                (first..end).map(|pixel| filter.at((pixel as f64 - center + 0.5) / widened)).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: f64| {
                let weight = if sum == 0.0 { weight } else { weight / sum };
                (weight * f64::from(1_u32 << PRECISION)).round() as i32
            };
            Taps { first, weights: weights.into_iter().map(fixed).collect() }
        })
        .collect()
}

fn rounded(sum: i32) -> u8 {
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
}

/// Resizes `width * height * 3` bytes to `new_width * new_height * 3`.
pub fn resample(
    rgb: &[u8],
    (width, height): (usize, usize),
    (new_width, new_height): (usize, usize),
    filter: Filter,
) -> Vec<u8> {
    // Pillow shrinks first where more is to be gained (found by comparing sizes around the turning points): columns first where
    // the height loses more than twice what the width loses.
    if height.saturating_sub(new_height) > 2 * width.saturating_sub(new_width) {
        let down = down_columns(rgb, width, height, new_height, filter);
        along_rows(&down, width, new_width, filter)
    } else {
        let across = along_rows(rgb, width, new_width, filter);
        down_columns(&across, new_width, height, new_height, filter)
    }
}

fn along_rows(rgb: &[u8], width: usize, new_width: usize, filter: Filter) -> Vec<u8> {
    if width == new_width {
        return rgb.to_vec();
    }
    let taps = taps(width, new_width, filter);
    let mut out = Vec::with_capacity(rgb.len() / width * new_width);
    for row in rgb.chunks_exact(width * 3) {
        for tap in &taps {
            let pixels = row[tap.first * 3..].as_chunks::<3>().0;
            let mut sums = [0_i32; 3];
            for (pixel, &weight) in pixels.iter().zip(&tap.weights) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            out.extend(sums.map(rounded));
        }
    }
    out
}

fn down_columns(rgb: &[u8], width: usize, height: usize, new_height: usize, filter: Filter) -> Vec<u8> {
    if height == new_height {
        return rgb.to_vec();
    }
    let line = width * 3;
    let mut out = Vec::with_capacity(new_height * line);
    let mut sums = vec![0_i32; line];
    for tap in taps(height, new_height, filter) {
        sums.fill(0);
        for (row, &weight) in rgb[tap.first * line..].chunks_exact(line).zip(&tap.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| rounded(sum)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_image_stays_even_at_any_size() {
        let rgb = [10, 130, 250].repeat(31 * 17);
        for size in [(7, 5), (31, 40), (90, 17), (64, 64)] {
            for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
                assert_eq!(resample(&rgb, (31, 17), size, filter), [10, 130, 250].repeat(size.0 * size.1));
            }
        }
    }

    #[test]
    fn halving_a_line_weighs_four_pixels_a_side() {
        // Pillow 13: Image.fromarray(...).resize((4, 1), Image.BICUBIC) of 0, 0, 0, 0, 255, 255, 255, 255 in grey.
        let rgb: Vec<u8> = [0, 0, 0, 0, 255, 255, 255, 255].into_iter().flat_map(|value| [value; 3]).collect();
        let out = resample(&rgb, (8, 1), (4, 1), Filter::Bicubic);
        let grey: Vec<u8> = out.chunks(3).map(|pixel| pixel[0]).collect();
        assert_eq!(grey, [0, 17, 238, 255]);
    }
}
