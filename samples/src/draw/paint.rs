//! Puts painting steps on pixels: background, shadow, cloth with its pattern, shading and outline.

use super::cloth::{Cloth, color};
use super::scene::{Scene, frame};
use super::step::Step;
use crate::garment::Design;
use crate::random::Random;
use image::RgbImage;
use tiny_skia::{
    BlendMode, Color, FillRule, FilterQuality, GradientStop, LineCap, LineJoin, LinearGradient, Mask, Paint, Path,
    Pattern, Pixmap, Point, Rect, Shader, SpreadMode, Stroke, Transform,
};

/// The finished picture. A size of 0 is drawn as 1.
pub fn paint(steps: &[Step], design: &Design, scene: &Scene, width: u32, height: u32) -> RgbImage {
    let (width, height) = (width.max(1), height.max(1));
    let Some(pixmap) = Pixmap::new(width, height) else {
        return RgbImage::new(width, height); // only for sizes whose bytes overflow memory's address range
    };
    let cloth = Cloth::of(design, &mut Random::keyed(scene.dye, "dye", 0));
    let place = placement(design, scene, width as f32, height as f32);
    let mut canvas = Canvas { pixmap, place, cloth };
    canvas.background(scene);
    for step in steps {
        if let Step::Cloth { path, .. } = step {
            canvas.shadow(path);
        }
    }
    let mut clip = None;
    for step in steps {
        canvas.step(step, &mut clip);
    }
    let rgb = canvas.pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    RgbImage::from_raw(width, height, rgb).unwrap_or_else(|| RgbImage::new(width, height))
}

/// From centimetres on the body to pixels.
fn placement(design: &Design, scene: &Scene, width: f32, height: f32) -> Transform {
    let (left, top, w, h) = frame(design);
    let scale = (width / w).min(height / h) * scene.zoom;
    let flip = if scene.mirrored { -1.0 } else { 1.0 };
    let (x, y) = (width * (0.5 + scene.shift.0), height * (0.5 + scene.shift.1));
    Transform::from_translate(-(left + w * 0.5), -(top + h * 0.5))
        .post_scale(scale * scene.turn * flip, scale)
        .post_rotate(scene.tilt)
        .post_translate(x, y)
}

struct Canvas {
    pixmap: Pixmap,
    place: Transform,
    cloth: Cloth,
}

impl Canvas {
    fn background(&mut self, scene: &Scene) {
        let (w, h) = (self.pixmap.width() as f32, self.pixmap.height() as f32);
        let [top, bottom] = scene.background.map(|rgb| color(rgb, 1.0));
        self.pixmap.fill(top);
        let stops = vec![GradientStop::new(0.0, top), GradientStop::new(0.6, top), GradientStop::new(1.0, bottom)];
        let shader = gradient((0.0, 0.0), (0.0, h), stops);
        if let (Some(shader), Some(all)) = (shader, Rect::from_xywh(0.0, 0.0, w, h)) {
            self.pixmap.fill_rect(all, &painted(shader), Transform::identity(), None);
        }
    }

    /// A soft shadow on the wall, from a few wider and wider outlines.
    fn shadow(&mut self, path: &Path) {
        let place = self.place.pre_translate(1.2, 2.0);
        for width in [1.0, 3.0, 5.0, 7.0] {
            let paint = painted(Shader::SolidColor(Color::from_rgba8(40, 42, 52, 9)));
            self.pixmap.stroke_path(path, &paint, &stroke(width), place, None);
        }
    }

    fn step(&mut self, step: &Step, clip: &mut Option<Mask>) {
        let base = self.cloth.base;
        match step {
            Step::Cloth { path, turn } => {
                self.piece(path, *turn);
                *clip = Mask::new(self.pixmap.width(), self.pixmap.height());
                if let Some(mask) = clip {
                    mask.fill_path(path, FillRule::Winding, true, self.place);
                }
            }
            Step::Plain { path, light } => {
                let paint = painted(Shader::SolidColor(color(lit(base, *light), 1.0)));
                self.pixmap.fill_path(path, &paint, FillRule::Winding, self.place, None);
            }
            Step::Line { path, width, light, alpha } => {
                let paint = painted(Shader::SolidColor(color(lit(base, *light), *alpha)));
                self.pixmap.stroke_path(path, &paint, &stroke(*width), self.place, clip.as_ref());
            }
            Step::Fold { path, width } => {
                for (wider, alpha) in [(2.2, 13), (1.4, 15), (0.7, 18)] {
                    let paint = painted(Shader::SolidColor(Color::from_rgba8(12, 12, 24, alpha)));
                    self.pixmap.stroke_path(path, &paint, &stroke(width * wider), self.place, clip.as_ref());
                }
                // A fold in dark cloth shows by its lit edge.
                let paint = painted(Shader::SolidColor(Color::from_rgba8(255, 255, 255, 16)));
                let beside = self.place.pre_translate(width * 0.9, 0.0);
                self.pixmap.stroke_path(path, &paint, &stroke(width * 0.8), beside, clip.as_ref());
            }
            Step::Trim { path, width } => {
                let bright = 0.3 * base[0] + 0.59 * base[1] + 0.11 * base[2];
                let rgb = if bright > 120.0 { lit(base, 0.35) } else { [226.0, 222.0, 212.0] };
                let paint = painted(Shader::SolidColor(color(rgb, 1.0)));
                match width {
                    Some(width) => self.pixmap.stroke_path(path, &paint, &stroke(*width), self.place, None),
                    None => self.pixmap.fill_path(path, &paint, FillRule::Winding, self.place, None),
                }
            }
        }
    }

    /// One piece of cloth: pattern, then light from the left, then its edge.
    fn piece(&mut self, path: &Path, turn: f32) {
        let base = self.cloth.base;
        let paint = match (&self.cloth.tile, self.cloth.block) {
            (Some((tile, period)), _) => {
                let scale = period / tile.width() as f32;
                let at = Transform::from_scale(scale, scale).post_rotate(turn);
                painted(Pattern::new(tile.as_ref(), SpreadMode::Repeat, FilterQuality::Bilinear, 1.0, at))
            }
            (None, Some(height)) => {
                let (upper, lower) = (color(base, 1.0), color(self.cloth.second, 1.0));
                let stops = vec![GradientStop::new(0.499, upper), GradientStop::new(0.501, lower)];
                let shader = gradient((0.0, height - 50.0), (0.0, height + 50.0), stops);
                painted(shader.unwrap_or(Shader::SolidColor(upper)))
            }
            (None, None) => painted(Shader::SolidColor(color(base, 1.0))),
        };
        self.pixmap.fill_path(path, &paint, FillRule::Winding, self.place, None);

        let bounds = path.bounds();
        let dark = |alpha| Color::from_rgba8(10, 10, 22, alpha);
        let light = |alpha| Color::from_rgba8(255, 255, 255, alpha);
        let stops = vec![
            GradientStop::new(0.0, dark(52)),
            GradientStop::new(0.2, dark(8)),
            GradientStop::new(0.36, light(26)),
            GradientStop::new(0.6, dark(4)),
            GradientStop::new(1.0, dark(70)),
        ];
        if let Some(shader) = gradient((bounds.left(), 0.0), (bounds.right(), 0.0), stops) {
            self.pixmap.fill_path(path, &painted(shader), FillRule::Winding, self.place, None);
        }
        let stops =
            vec![GradientStop::new(0.0, light(14)), GradientStop::new(0.5, dark(0)), GradientStop::new(1.0, dark(34))];
        if let Some(shader) = gradient((0.0, bounds.top()), (0.0, bounds.bottom()), stops) {
            self.pixmap.fill_path(path, &painted(shader), FillRule::Winding, self.place, None);
        }
        let edge = painted(Shader::SolidColor(color(lit(base, 0.45), 0.75)));
        self.pixmap.stroke_path(path, &edge, &stroke(0.6), self.place, None);
    }
}

/// A colour times a brightness. Very dark cloth is lit a little, or its seams would not show.
fn lit(rgb: [f32; 3], light: f32) -> [f32; 3] {
    let dark = rgb.iter().sum::<f32>() < 150.0;
    rgb.map(|c| if dark && light < 1.0 { (c + 90.0 * (1.0 - light)).min(255.0) } else { (c * light).clamp(0.0, 255.0) })
}

fn painted(shader: Shader<'_>) -> Paint<'_> {
    Paint { shader, anti_alias: true, blend_mode: BlendMode::SourceOver, ..Paint::default() }
}

fn stroke(width: f32) -> Stroke {
    Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() }
}

fn gradient(from: (f32, f32), to: (f32, f32), stops: Vec<GradientStop>) -> Option<Shader<'static>> {
    let (from, to) = (Point::from_xy(from.0, from.1), Point::from_xy(to.0, to.1));
    LinearGradient::new(from, to, stops, SpreadMode::Pad, Transform::identity())
}
