//! The cloth's colours and its pattern, as a tile that repeats.

use crate::garment::{Design, Group, Pattern};
use crate::random::Random;
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Rect, Transform};

/// Pixels of a tile's side; it is scaled to the pattern's period.
const TILE: u32 = 48;

/// How a design's cloth looks.
pub struct Cloth {
    pub base: [f32; 3],
    pub second: [f32; 3],
    /// The tile and its side in centimetres; none for plain cloth and for blocks.
    pub tile: Option<(Pixmap, f32)>,
    /// The height at which the second colour begins, for blocks.
    pub block: Option<f32>,
}

impl Cloth {
    /// The cloth of a design; `random` shifts the dye a little, as dyes do.
    pub fn of(design: &Design, random: &mut Random) -> Self {
        let shift = random.between(-9.0, 9.0);
        let base = design.colour.rgb().map(|c| (f32::from(c) + shift + random.between(-4.0, 4.0)).clamp(0.0, 255.0));
        let bright = 0.3 * base[0] + 0.59 * base[1] + 0.11 * base[2];
        // What lies on a dark cloth is light, and the other way about.
        let second = if bright > 150.0 { [38.0, 42.0, 66.0] } else { [240.0, 236.0, 226.0] };
        let block = (design.pattern == Pattern::Block).then_some(match design.category.group() {
            Group::Lower => 84.0,
            _ => 33.0,
        });
        Cloth { base, second, tile: tile(design.pattern, base, second), block }
    }
}

/// A colour from 0–255 parts.
pub fn color(rgb: [f32; 3], alpha: f32) -> Color {
    let [r, g, b] = rgb.map(|c| c as u8);
    Color::from_rgba8(r, g, b, (alpha.clamp(0.0, 1.0) * 255.0) as u8)
}

fn tile(pattern: Pattern, base: [f32; 3], second: [f32; 3]) -> Option<(Pixmap, f32)> {
    let period = match pattern {
        Pattern::Solid | Pattern::Block => return None,
        Pattern::Stripe => 8.0,
        Pattern::Dot => 9.0,
        Pattern::Check => 10.0,
        Pattern::Floral => 21.0,
    };
    let mut tile = Pixmap::new(TILE, TILE)?;
    tile.fill(color(base, 1.0));
    let side = TILE as f32;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    let band = |tile: &mut Pixmap, paint: &Paint, x: f32, y: f32, w: f32, h: f32| {
        if let Some(rect) = Rect::from_xywh(x, y, w, h) {
            tile.fill_rect(rect, paint, Transform::identity(), None);
        }
    };
    match pattern {
        Pattern::Stripe => {
            paint.set_color(color(second, 1.0));
            band(&mut tile, &paint, 0.0, side * 0.3, side, side * 0.4);
        }
        Pattern::Check => {
            paint.set_color(color(second, 0.5));
            band(&mut tile, &paint, 0.0, 0.0, side, side * 0.45);
            band(&mut tile, &paint, 0.0, 0.0, side * 0.45, side);
        }
        Pattern::Dot => {
            paint.set_color(color(second, 1.0));
            for (x, y) in [(0.25, 0.25), (0.75, 0.75)] {
                if let Some(disc) = PathBuilder::from_circle(x * side, y * side, side * 0.17) {
                    tile.fill_path(&disc, &paint, FillRule::Winding, Transform::identity(), None);
                }
            }
        }
        _ => flowers(&mut tile, second),
    }
    Some((tile, period))
}

/// Five-petalled flowers with leaves.
fn flowers(tile: &mut Pixmap, second: [f32; 3]) {
    let side = TILE as f32;
    let (heart, leaf) = ([236.0, 178.0, 44.0], [96.0, 148.0, 84.0]);
    let blush = [238.0, 120.0, 140.0];
    let mut disc = |x: f32, y: f32, radius: f32, rgb: [f32; 3]| {
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color(color(rgb, 1.0));
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            tile.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        }
    };
    for (index, (x, y, size)) in
        [(0.28, 0.28, 0.125), (0.76, 0.7, 0.125), (0.78, 0.2, 0.085), (0.24, 0.78, 0.085)].iter().enumerate()
    {
        let (x, y, size) = (x * side, y * side, size * side);
        disc(x + size * 1.6, y + size * 1.4, size * 0.6, leaf);
        let petal = if index % 2 == 0 { second } else { blush };
        for petal_index in 0..5 {
            let (sin, cos) = (petal_index as f32 * std::f32::consts::TAU / 5.0 + 0.3).sin_cos();
            disc(x + cos * size * 0.85, y + sin * size * 0.85, size * 0.62, petal);
        }
        disc(x, y, size * 0.45, heart);
    }
}
