//! The painting steps that a garment is made of, and short ways to build outlines.
//! All coordinates are centimetres on a body: x from the middle, y down from the base of the neck.

use tiny_skia::{Path, PathBuilder};

/// A point in centimetres.
pub type Point = (f32, f32);

/// One step; later steps lie over earlier ones.
pub enum Step {
    /// A piece of the patterned cloth, shaded and outlined; `turn` degrees turn the pattern with it.
    Cloth { path: Path, turn: f32 },
    /// A piece of the plain cloth, `light` times as bright as the cloth.
    Plain { path: Path, light: f32 },
    /// A line in the cloth's colour, `light` times as bright, with soft or hard edge, clipped to the last piece of cloth.
    Line { path: Path, width: f32, light: f32, alpha: f32 },
    /// A soft shadow line of the folds, clipped to the last piece of cloth.
    Fold { path: Path, width: f32 },
    /// Buttons, zips, strings: a fill or a line that stands out against the cloth.
    Trim { path: Path, width: Option<f32> },
}

/// A closed polygon.
pub fn polygon(points: &[Point]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let (&(x, y), rest) = points.split_first()?;
    builder.move_to(x, y);
    for &(x, y) in rest {
        builder.line_to(x, y);
    }
    builder.close();
    builder.finish()
}

/// An open line through points.
pub fn line(points: &[Point]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let (&(x, y), rest) = points.split_first()?;
    builder.move_to(x, y);
    for &(x, y) in rest {
        builder.line_to(x, y);
    }
    builder.finish()
}

/// A curve from a to b, bent towards c.
pub fn curve(a: Point, c: Point, b: Point) -> Option<Path> {
    let mut builder = PathBuilder::new();
    builder.move_to(a.0, a.1);
    builder.quad_to(c.0, c.1, b.0, b.1);
    builder.finish()
}

/// A disc.
pub fn disc(center: Point, radius: f32) -> Option<Path> {
    PathBuilder::from_circle(center.0, center.1, radius)
}

/// Steps are collected here; an outline that is degenerate paints nothing.
#[derive(Default)]
pub struct Steps(pub Vec<Step>);

impl Steps {
    pub fn cloth(&mut self, path: Option<Path>, turn: f32) {
        self.0.extend(path.map(|path| Step::Cloth { path, turn }));
    }

    pub fn plain(&mut self, path: Option<Path>, light: f32) {
        self.0.extend(path.map(|path| Step::Plain { path, light }));
    }

    pub fn line(&mut self, path: Option<Path>, width: f32, light: f32, alpha: f32) {
        self.0.extend(path.map(|path| Step::Line { path, width, light, alpha }));
    }

    pub fn fold(&mut self, path: Option<Path>, width: f32) {
        self.0.extend(path.map(|path| Step::Fold { path, width }));
    }

    pub fn trim(&mut self, path: Option<Path>) {
        self.0.extend(path.map(|path| Step::Trim { path, width: None }));
    }

    pub fn string(&mut self, path: Option<Path>, width: f32) {
        self.0.extend(path.map(|path| Step::Trim { path, width: Some(width) }));
    }

    /// Fine vertical lines between two heights: ribbing, gathers.
    pub fn ribs(&mut self, half_width: f32, top: f32, bottom: f32) {
        let mut x = -half_width;
        while x <= half_width {
            self.line(line(&[(x, top), (x, bottom)]), 0.5, 0.55, 0.5);
            x += 1.6;
        }
    }
}
