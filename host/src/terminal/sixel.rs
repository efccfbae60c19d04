//! Sixel graphics: bands of six rows, a run of columns for each colour of a cube of 6 × 6 × 6.

use image::RgbImage;
use std::fmt::Write;

const LEVELS: usize = 6;

/// The escape sequence that shows the picture at the cursor.
pub fn encoded(picture: &RgbImage) -> String {
    let (width, height) = picture.dimensions();
    let mut out = format!("\x1bPq\"1;1;{width};{height}");
    for colour in 0..LEVELS.pow(3) {
        let level = |part: usize| part * 100 / (LEVELS - 1);
        let (red, green, blue) = (colour / 36, colour / 6 % 6, colour % 6);
        let _ = write!(out, "#{colour};2;{};{};{}", level(red), level(green), level(blue));
    }
    let colours: Vec<usize> = picture.pixels().map(|pixel| nearest(pixel.0)).collect();
    let width = width as usize;
    for band in colours.chunks((width * 6).max(1)) {
        let mut used: Vec<usize> = band.to_vec();
        used.sort_unstable();
        used.dedup();
        for colour in used {
            let _ = write!(out, "#{colour}");
            let mut run: (u8, usize) = (0, 0);
            for column in 0..width {
                let rows = band.iter().skip(column).step_by(width).enumerate();
                let bits = rows.fold(0u8, |bits, (row, own)| bits | u8::from(*own == colour) << row);
                if bits == run.0 {
                    run.1 += 1;
                } else {
                    repeat(&mut out, run);
                    run = (bits, 1);
                }
            }
            repeat(&mut out, run);
            out.push('$');
        }
        out.push('-');
    }
    out + "\x1b\\\n"
}

fn nearest(pixel: [u8; 3]) -> usize {
    let [red, green, blue] = pixel.map(|part| (usize::from(part) * (LEVELS - 1) + 127) / 255);
    red * 36 + green * 6 + blue
}

fn repeat(out: &mut String, (bits, count): (u8, usize)) {
    let letter = char::from(63 + bits);
    match count {
        0 => {}
        1..=3 => out.extend(std::iter::repeat_n(letter, count)),
        _ => {
            let _ = write!(out, "!{count}{letter}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn two_colours_side_by_side_are_two_runs_of_a_band() {
        let picture = RgbImage::from_fn(8, 6, |x, _| if x < 4 { Rgb([255, 255, 255]) } else { Rgb([0, 0, 0]) });
        let out = encoded(&picture);
        // All six rows are 63 + 63 = `~`, none is `?`; black is colour 0, white 215.
        assert!(out.ends_with("#0!4?!4~$#215!4~!4?$-\x1b\\\n"), "{out:?}");
    }
}
