//! Resizing, cropping and normalising one image.

use super::config::{ImageConfig, Middle, Resize};
use super::resample::resample;
use crate::{Error, Result};
use std::borrow::Cow;

/// A strip one pixel wide would become gigantic: more than this is no photograph of a garment.
const MOST_PIXELS: usize = 1 << 26;

/// Pixel values `[3, height, width]`, red before green before blue.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    pub height: usize,
    pub width: usize,
    pub values: Vec<f32>,
}

/// Makes pixel values of an image given as `width * height * 3` bytes, RGB, rows from the top.
///
/// # Errors
/// The bytes do not match the size, or there are no pixels.
pub fn prepare(width: u32, height: u32, rgb: &[u8], config: &ImageConfig) -> Result<Pixels> {
    if width == 0 || height == 0 || rgb.len() != width as usize * height as usize * 3 {
        return Err(Error::Request(format!("{} bytes are no RGB image of {width} × {height} pixels", rgb.len())));
    }
    let (new_height, new_width) = resized(width as usize, height as usize, config);
    if new_height.saturating_mul(new_width) > MOST_PIXELS {
        return Err(Error::Request(format!(
            "an image of {width} × {height} pixels would be resized to {new_width} × {new_height}; crop it first"
        )));
    }
    let (rgb, width, height) = resize(width as usize, height as usize, rgb, config);
    let (crop_height, crop_width) = config.crop.unwrap_or((height, width));
    let (top, left) = (crop_start(height, crop_height, config.middle), crop_start(width, crop_width, config.middle));
    let scale = config.rescale.unwrap_or(1.0);
    let (mean, deviation) = config.normalize.unwrap_or(([0.0; 3], [1.0; 3]));
    let mut values = Vec::with_capacity(3 * crop_height * crop_width);
    for channel in 0..3 {
        // There are 256 values only: computed once in f64, they are as exact as f32 can hold.
        let table: Vec<f32> =
            (0..256).map(|value| ((f64::from(value) * scale - mean[channel]) / deviation[channel]) as f32).collect();
        for row in 0..crop_height as isize {
            for column in 0..crop_width as isize {
                let (y, x) = (row + top, column + left);
                let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
                // Outside, an image smaller than the crop is black.
                let value = if inside { rgb[(y as usize * width + x as usize) * 3 + channel] } else { 0 };
                values.push(table[usize::from(value)]);
            }
        }
    }
    Ok(Pixels { height: crop_height, width: crop_width, values })
}

/// Where a crop begins; negative where the image is smaller, so that it stands in the middle (transformers puts the odd pixel of
/// padding before it, torchvision behind).
fn crop_start(length: usize, crop: usize, middle: Middle) -> isize {
    match middle {
        Middle::Early if length < crop => -((crop - length).div_ceil(2) as isize),
        Middle::Even if length < crop => -(((crop - length) / 2) as isize),
        Middle::Early => ((length - crop) / 2) as isize,
        Middle::Even => ((length - crop) as f64 / 2.0).round_ties_even() as isize,
    }
}

/// Height and width after resizing.
fn resized(width: usize, height: usize, config: &ImageConfig) -> (usize, usize) {
    match config.resize {
        None => (height, width),
        Some(Resize::To { height, width }) => (height, width),
        Some(Resize::ShortestEdge(edge)) => {
            let longer = |long: usize, short: usize| edge * long / short;
            if width <= height { (longer(height, width), edge) } else { (edge, longer(width, height)) }
        }
    }
}

fn resize<'a>(width: usize, height: usize, rgb: &'a [u8], config: &ImageConfig) -> (Cow<'a, [u8]>, usize, usize) {
    let (new_height, new_width) = resized(width, height, config);
    if (new_height, new_width) == (height, width) {
        return (Cow::Borrowed(rgb), width, height);
    }
    let resized = resample(rgb, (width, height), (new_width, new_height), config.filter);
    (Cow::Owned(resized), new_width, new_height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_cut_and_a_small_image_is_framed_in_black() {
        let config =
            ImageConfig { resize: None, crop: Some((1, 2)), rescale: None, normalize: None, ..ImageConfig::exact(1) };
        let rgb: Vec<u8> = (0..4).flat_map(|pixel| [pixel * 10; 3]).collect();
        let pixels = prepare(4, 1, &rgb, &config).unwrap();
        assert_eq!(&pixels.values[..2], [10.0, 20.0]);
        let config = ImageConfig { crop: Some((1, 7)), ..config };
        let pixels = prepare(4, 1, &rgb, &config).unwrap();
        assert_eq!(&pixels.values[..7], [0.0, 0.0, 0.0, 10.0, 20.0, 30.0, 0.0]);
    }

    #[test]
    fn bytes_that_are_no_image_are_refused() {
        assert!(prepare(2, 2, &[0; 11], &ImageConfig::exact(4)).is_err());
        assert!(prepare(1, 900_000, &vec![0; 2_700_000], &ImageConfig::cropped(336)).is_err());
        assert!(prepare(0, 0, &[], &ImageConfig::exact(4)).is_err());
    }
}
