//! Colours in pairs: what is drawn, for light pages, and what a style sheet puts in its place on dark ones. A chart has the light colours in
//! its attributes, so that it is right without any style sheet too.

use plotters::style::RGBColor;
use std::fmt::Write;

/// Colours on a light page and on a dark one.
type Pair = ((u8, u8, u8), (u8, u8, u8));

const fn rgb(pair: Pair) -> RGBColor {
    RGBColor(pair.0.0, pair.0.1, pair.0.2)
}

const SURFACE_PAIR: Pair = ((0xff, 0xff, 0xff), (0x16, 0x1a, 0x1f));
const INK_PAIR: Pair = ((0x1b, 0x1f, 0x24), (0xe6, 0xea, 0xee));
const MUTED_PAIR: Pair = ((0x57, 0x60, 0x6b), (0xa3, 0xad, 0xb8));
const GRID_PAIR: Pair = ((0xe3, 0xe6, 0xea), (0x2f, 0x37, 0x40));

pub const SURFACE: RGBColor = rgb(SURFACE_PAIR);
pub const INK: RGBColor = rgb(INK_PAIR);
pub const MUTED: RGBColor = rgb(MUTED_PAIR);
pub const GRID: RGBColor = rgb(GRID_PAIR);

/// Eight hues, told apart with any kind of colour vision in this order, each with a contrast of 4.5 or more to its page.
pub const SERIES: [Pair; 8] = [
    ((0x1f, 0x63, 0xb0), (0x6c, 0xab, 0xf2)),
    ((0xb8, 0x4e, 0x06), (0xf2, 0x9a, 0x5e)),
    ((0x1b, 0x78, 0x57), (0x50, 0xc8, 0x9d)),
    ((0x7a, 0x4d, 0xb4), (0xbb, 0x99, 0xec)),
    ((0xb1, 0x32, 0x4a), (0xf2, 0x83, 0x96)),
    ((0x0e, 0x74, 0x83), (0x57, 0xc6, 0xd8)),
    ((0x75, 0x65, 0x0d), (0xd0, 0xbc, 0x4e)),
    ((0xa3, 0x3e, 0x7b), (0xe8, 0x8a, 0xc3)),
];

/// The colour of a series by its number; they come round again.
pub fn series(number: usize) -> RGBColor {
    rgb(SERIES[number % SERIES.len()])
}

/// As it stands in an attribute.
pub fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// Rules that give the charts below `scope` their dark colours.
pub fn css(scope: &str) -> String {
    let mut rules = String::new();
    for (light, dark) in [SURFACE_PAIR, INK_PAIR, MUTED_PAIR, GRID_PAIR].iter().chain(&SERIES) {
        let [light, dark] = [light, dark].map(|(red, green, blue)| hex(RGBColor(*red, *green, *blue)));
        let _ = write!(rules, "{scope} [fill=\"{light}\"]{{fill:{dark}}}{scope} [stroke=\"{light}\"]{{stroke:{dark}}}");
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2's contrast ratio.
    fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
        let light = |(red, green, blue): (u8, u8, u8)| {
            let linear = |part: u8| {
                let part = f64::from(part) / 255.0;
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
        };
        let (a, b) = (light(a), light(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_series_are_readable_on_both_pages() {
        for (light, dark) in [INK_PAIR, MUTED_PAIR].iter().chain(&SERIES) {
            assert!(contrast(*light, SURFACE_PAIR.0) >= 4.5, "{light:?}");
            assert!(contrast(*dark, SURFACE_PAIR.1) >= 4.5, "{dark:?}");
        }
    }

    #[test]
    fn no_two_colours_would_be_taken_for_each_other_by_the_style_sheet() {
        let mut light: Vec<_> =
            [SURFACE_PAIR, INK_PAIR, MUTED_PAIR, GRID_PAIR].iter().chain(&SERIES).map(|pair| pair.0).collect();
        light.sort_unstable();
        assert!(light.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
