//! The outlines of what hangs from the shoulders: body, sleeves, necks, collars.

use super::step::{Point, Steps, curve, line, polygon};
use crate::garment::{Category, Design, Detail, Neckline, Shape, Sleeve};
use tiny_skia::{Path, PathBuilder};

/// The measures of a body piece, in centimetres.
pub struct Body {
    /// Half width and depth of the neck opening.
    pub neck: Point,
    /// The outer end of the shoulder seam.
    pub shoulder: Point,
    pub armpit: Point,
    /// Half widths at the waist (y = 42) and at the hem, and the hem's height.
    pub waist: f32,
    pub hem: Point,
    /// How much the hem hangs lower in the middle.
    pub sag: f32,
}

/// The height of the waist.
pub const WAIST: f32 = 42.0;

impl Body {
    /// The measures that a design asks for; `bottom` is the height of its hem.
    pub fn of(design: &Design, bottom: f32) -> Self {
        let neck = match design.neckline {
            Neckline::Round | Neckline::Absent => (7.5, 7.0),
            Neckline::V if design.category == Category::Cardigan => (7.5, 32.0),
            Neckline::V => (8.0, 18.0),
            Neckline::Square => (9.5, 12.0),
            Neckline::Boat => (13.0, 3.5),
            Neckline::Turtleneck | Neckline::StandUp => (6.5, 2.0),
            Neckline::Collar => (7.0, 8.0),
            Neckline::Lapels => (8.0, 34.0),
            Neckline::Hood => (8.5, 7.0),
        };
        let (waist, hem) = match design.category {
            Category::VestTop => (17.0, 18.5),
            Category::Shirt => (19.0, 20.5),
            Category::Sweater | Category::Cardigan => (21.0, 20.0),
            Category::Hoodie => (22.0, 21.0),
            Category::Jacket => (22.0, 20.0),
            Category::Blazer => (18.0, 21.0),
            Category::Coat => (20.0, 26.0),
            Category::Dress if design.shape == Shape::Flared => (15.5, 20.0 + (bottom - 60.0) * 0.2),
            Category::Dress => (16.5, 18.5),
            Category::Jumpsuit => (16.0, 16.0),
            _ => (19.0, 20.0),
        };
        let (shoulder, armpit) = match (design.category, design.sleeve) {
            (Category::VestTop, _) => ((neck.0 + 3.5, 1.0), (18.0, 23.0)),
            (_, Sleeve::Sleeveless) => ((15.5, 3.5), (18.0, 22.0)),
            (Category::Sweater | Category::Hoodie | Category::Cardigan, _) => ((21.5, 5.5), (21.0, 24.0)),
            _ => ((20.0, 4.5), (19.5, 22.0)),
        };
        let sag = match design.category {
            Category::Shirt => 3.5,
            Category::Dress if design.shape == Shape::Flared => 3.0,
            _ => 1.0,
        };
        Body { neck, shoulder, armpit, waist, hem: (hem, bottom), sag }
    }

    /// Half the width at a height below the armpits.
    pub fn half_width(&self, y: f32) -> f32 {
        if y <= WAIST {
            let t = ((y - self.armpit.1) / (WAIST - self.armpit.1)).clamp(0.0, 1.0);
            self.armpit.0 + (self.waist - self.armpit.0) * t
        } else {
            let t = ((y - WAIST) / (self.hem.1 - WAIST).max(1.0)).clamp(0.0, 1.0);
            self.waist + (self.hem.0 - self.waist) * t
        }
    }

    /// The outline of front and back together, with the neck cut out.
    pub fn outline(&self, neckline: Neckline, fitted: bool) -> Option<Path> {
        let mut b = PathBuilder::new();
        let (nw, depth) = self.neck;
        let side = |b: &mut PathBuilder, s: f32, down: bool| {
            // One side from shoulder to hem, or back up.
            let (shoulder, armpit) = (self.shoulder, self.armpit);
            let hip = 60.0;
            let low = self.hem.1 > hip + 4.0 && fitted;
            let hip_width = if fitted { self.half_width(hip).max(18.5) } else { self.half_width(hip) };
            if down {
                b.line_to(s * shoulder.0, shoulder.1);
                b.quad_to(s * (armpit.0 - 4.0).min(shoulder.0), armpit.1 - 4.0, s * armpit.0, armpit.1);
                if self.hem.1 > WAIST + 2.0 {
                    b.quad_to(s * self.waist, WAIST - 8.0, s * self.waist, WAIST);
                    if low {
                        b.quad_to(s * self.waist, WAIST + 5.0, s * hip_width, hip);
                    }
                }
                b.line_to(s * self.hem.0, self.hem.1);
            } else {
                if self.hem.1 > WAIST + 2.0 {
                    if low {
                        b.line_to(s * hip_width, hip);
                        b.quad_to(s * self.waist, WAIST + 5.0, s * self.waist, WAIST);
                    } else {
                        b.line_to(s * self.waist, WAIST);
                    }
                    b.quad_to(s * self.waist, WAIST - 8.0, s * armpit.0, armpit.1);
                } else {
                    b.line_to(s * armpit.0, armpit.1);
                }
                b.quad_to(s * (armpit.0 - 4.0).min(shoulder.0), armpit.1 - 4.0, s * shoulder.0, shoulder.1);
            }
        };
        b.move_to(-nw, 0.0);
        side(&mut b, -1.0, true);
        b.quad_to(0.0, self.hem.1 + 2.0 * self.sag, self.hem.0, self.hem.1);
        side(&mut b, 1.0, false);
        b.line_to(nw, 0.0);
        neck_edge(&mut b, neckline, nw, depth);
        b.close();
        b.finish()
    }

    /// The edge of the neck opening as a line of its own, for its trim.
    pub fn neck_line(&self, neckline: Neckline) -> Option<Path> {
        let mut b = PathBuilder::new();
        b.move_to(self.neck.0, 0.0);
        neck_edge(&mut b, neckline, self.neck.0, self.neck.1);
        b.finish()
    }

    /// The inside of the back, seen through the neck.
    pub fn inside(&self, neckline: Neckline) -> Option<Path> {
        let (nw, depth) = self.neck;
        let mut b = PathBuilder::new();
        b.move_to(nw, 0.0);
        neck_edge(&mut b, neckline, nw, depth);
        b.quad_to(0.0, 2.5, nw, 0.0);
        b.close();
        b.finish()
    }
}

/// From the right of the neck to the left.
fn neck_edge(b: &mut PathBuilder, neckline: Neckline, nw: f32, depth: f32) {
    match neckline {
        Neckline::V | Neckline::Lapels | Neckline::Collar => {
            b.line_to(0.0, depth);
            b.line_to(-nw, 0.0);
        }
        Neckline::Square => {
            b.line_to(nw - 0.8, depth);
            b.line_to(-nw + 0.8, depth);
            b.line_to(-nw, 0.0);
        }
        _ => b.cubic_to(nw * 0.75, depth * 1.3, -nw * 0.75, depth * 1.3, -nw, 0.0),
    }
}

/// Both sleeves; `swing` degrees is how far the arms stand off.
pub fn sleeves(steps: &mut Steps, design: &Design, body: &Body, swing: f32) {
    let (length, cuff, swing) = match design.sleeve {
        Sleeve::Absent | Sleeve::Sleeveless => return,
        Sleeve::Short => (21.0, 9.0, swing + 16.0),
        Sleeve::ThreeQuarter => (41.0, 7.0, swing + 3.0),
        Sleeve::Long => (60.0, 5.2, swing),
    };
    let loose = matches!(design.category, Category::Coat | Category::Jacket | Category::Hoodie | Category::Sweater);
    let cuff = if loose { cuff + 1.2 } else { cuff };
    for s in [-1.0, 1.0] {
        let (sin, cos) = swing.to_radians().sin_cos();
        let along = |t: f32, across: f32| -> Point {
            (s * (body.shoulder.0 - 3.0 + sin * t + cos * across), 8.0 + cos * t - sin * across)
        };
        let mut b = PathBuilder::new();
        b.move_to(s * (body.shoulder.0 - 3.0), body.shoulder.1 - 1.0);
        b.line_to(s * body.shoulder.0, body.shoulder.1);
        let bend = along(length * 0.35, 9.0);
        let outer = along(length, cuff);
        b.quad_to(bend.0, bend.1, outer.0, outer.1);
        let inner = along(length, -cuff);
        b.line_to(inner.0, inner.1);
        let elbow = along(length * 0.5, -cuff - 1.0);
        b.quad_to(elbow.0, elbow.1, s * (body.armpit.0 - 0.5), body.armpit.1 + 1.0);
        b.line_to(s * (body.armpit.0 - 5.0), body.armpit.1 - 3.0);
        b.close();
        steps.cloth(b.finish(), -s * swing);
        if length > 30.0 {
            steps.fold(
                curve(along(length * 0.45, -cuff), along(length * 0.5, 0.0), along(length * 0.4, cuff * 0.6)),
                1.6,
            );
            steps.fold(
                curve(along(length * 0.6, cuff), along(length * 0.62, 0.0), along(length * 0.55, -cuff * 0.5)),
                1.4,
            );
        }
        let band = if design.detail == Detail::Ribbing || design.category == Category::Hoodie { 5.0 } else { 1.6 };
        if band > 2.0 {
            let mut across = -cuff;
            while across <= cuff {
                steps.line(line(&[along(length - band, across), along(length, across)]), 0.5, 0.55, 0.5);
                across += 1.4;
            }
        }
        let edge = length - band;
        steps.line(line(&[along(edge, -cuff - 1.0), along(edge, cuff + 2.0)]), 0.6, 0.55, 0.7);
        if design.category == Category::Shirt && design.sleeve == Sleeve::Long {
            steps.line(line(&[along(length - 6.0, -cuff - 1.0), along(length - 6.0, cuff + 2.0)]), 0.6, 0.55, 0.7);
        }
    }
}

/// Collars, hoods and trims, over the body.
pub fn neck(steps: &mut Steps, design: &Design, body: &Body) {
    let nw = body.neck.0;
    match design.neckline {
        Neckline::Absent => {}
        Neckline::Round | Neckline::V | Neckline::Square | Neckline::Boat => {
            steps.line(body.neck_line(design.neckline), 3.2, 0.72, 0.9);
            steps.line(body.neck_line(design.neckline), 0.5, 0.4, 0.8);
        }
        Neckline::Turtleneck => {
            steps.cloth(polygon(&[(-nw - 1.0, 2.5), (-nw, -10.0), (nw, -10.0), (nw + 1.0, 2.5), (0.0, 5.0)]), 0.0);
            steps.ribs(nw, -10.0, 4.0);
            steps.fold(curve((-nw, -4.0), (0.0, -1.0), (nw, -4.0)), 2.0);
        }
        Neckline::StandUp => {
            steps.plain(polygon(&[(-nw, -5.5), (nw, -5.5), (nw * 0.7, 0.0), (-nw * 0.7, 0.0)]), 0.45);
            for s in [-1.0, 1.0] {
                let flap =
                    [(s * (nw + 1.5), 1.5), (s * nw, -7.0), (s * (nw - 1.5), -6.5), (s * 0.6, 0.5), (s * 0.6, 5.0)];
                steps.cloth(polygon(&flap), 0.0);
            }
        }
        Neckline::Collar => {
            steps.plain(polygon(&[(-nw, -4.0), (nw, -4.0), (nw, 1.5), (-nw, 1.5)]), 0.8);
            for s in [-1.0, 1.0] {
                let flap = [(s * nw, -4.5), (s * 0.3, 6.5), (s * 6.5, 14.0), (s * 13.5, 4.5)];
                steps.cloth(polygon(&flap), s * 35.0);
            }
        }
        Neckline::Lapels => {
            steps.plain(polygon(&[(-nw, -3.5), (nw, -3.5), (nw, 1.0), (-nw, 1.0)]), 0.8);
            for s in [-1.0, 1.0] {
                let lapel = [
                    (s * nw, -3.5),
                    (s * 0.2, 36.0),
                    (s * 11.0, 21.0),
                    (s * 13.5, 14.0),
                    (s * 9.5, 13.0),
                    (s * 14.0, 8.0),
                ];
                steps.cloth(polygon(&lapel), s * 20.0);
                steps.line(line(&[(s * 6.0, 9.5), (s * 9.5, 13.0)]), 0.6, 0.4, 0.9);
            }
        }
        Neckline::Hood => {
            for s in [-1.0, 1.0] {
                steps.line(curve((s * nw, 0.0), (s * 7.0, 9.0), (0.0, 9.5)), 2.6, 0.72, 0.9);
                steps.string(line(&[(s * 3.5, 9.0), (s * 4.2, 25.0)]), 0.9);
            }
        }
    }
}

/// The hood lies behind the body.
pub fn hood(steps: &mut Steps) {
    let mut b = PathBuilder::new();
    b.move_to(-14.5, 5.0);
    b.cubic_to(-17.0, -12.0, -8.0, -18.0, 0.0, -18.0);
    b.cubic_to(8.0, -18.0, 17.0, -12.0, 14.5, 5.0);
    b.quad_to(0.0, 14.0, -14.5, 5.0);
    b.close();
    steps.cloth(b.finish(), 0.0);
    let mut b = PathBuilder::new();
    b.move_to(-9.5, 3.0);
    b.cubic_to(-11.0, -9.0, -5.0, -13.0, 0.0, -13.0);
    b.cubic_to(5.0, -13.0, 11.0, -9.0, 9.5, 3.0);
    b.quad_to(0.0, 14.0, -9.5, 3.0);
    b.close();
    steps.plain(b.finish(), 0.5);
}
