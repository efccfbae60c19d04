//! The outlines of what hangs from the waist: legs and skirts.

use super::step::{Steps, curve, line};
use super::upper::WAIST;
use crate::garment::{Design, Shape};
use tiny_skia::{Path, PathBuilder};

/// The half width of a waistband.
const BAND: f32 = 15.5;

/// Both legs down to `bottom`, in one outline that begins at the waist.
pub fn legs(steps: &mut Steps, design: &Design, bottom: f32) {
    // Half width of the cuff, and where its middle lies.
    let (cuff, middle, hip) = match design.shape {
        Shape::Tight => (5.0, 8.0, 18.0),
        Shape::Tapered => (6.2, 9.5, 20.5),
        Shape::Wide | Shape::Flared => (14.5, 17.5, 21.5),
        Shape::Straight => (9.2, 11.5, 20.0),
    };
    // The leg narrows on its way to the ankle; a short one ends on that way.
    let way = ((bottom - 70.0) / (138.0 - 70.0)).clamp(0.0, 1.0);
    let (outer, inner) = (hip + (middle + cuff - hip) * way, 1.0 + (middle - cuff - 1.0) * way);
    let mut b = PathBuilder::new();
    b.move_to(-BAND, WAIST);
    b.line_to(BAND, WAIST);
    b.quad_to(hip, WAIST + 8.0, hip, 62.0);
    b.line_to(outer, bottom);
    b.line_to(inner, bottom + 0.8);
    b.quad_to(2.0, 80.0, 0.0, 70.0);
    b.quad_to(-2.0, 80.0, -inner, bottom + 0.8);
    b.line_to(-outer, bottom);
    b.line_to(-hip, 62.0);
    b.quad_to(-hip, WAIST + 8.0, -BAND, WAIST);
    b.close();
    steps.cloth(b.finish(), 0.0);
    steps.fold(curve((0.0, 52.0), (0.8, 62.0), (0.0, 70.0)), 1.2);
    for s in [-1.0, 1.0] {
        steps.fold(curve((0.0, 70.0), (s * 6.0, 71.0), (s * 11.0, 66.0)), 2.0);
        let center = (outer + inner) * 0.5;
        if design.shape == Shape::Tight {
            steps.fold(curve((s * 4.0, 98.0), (s * 8.0, 101.0), (s * 13.0, 97.0)), 1.4);
        } else {
            steps.fold(curve((s * 11.0, 62.0), (s * (center - 0.5), 80.0), (s * center, bottom)), 1.3);
        }
        steps.line(line(&[(s * (inner - 1.0), bottom - 2.0), (s * (outer + 1.0), bottom - 2.4)]), 0.5, 0.5, 0.7);
    }
}

/// A skirt from the waist to `bottom`.
pub fn skirt(steps: &mut Steps, design: &Design, bottom: f32) {
    let flared = design.shape == Shape::Flared;
    let hem = if flared { 20.0 + (bottom - 60.0) * 0.28 } else { 18.0 };
    let hip = if flared { 19.5 } else { 20.0 };
    steps.cloth(skirt_outline(hem, hip, bottom, flared), 0.0);
    folds(steps, hem, bottom, flared);
}

fn skirt_outline(hem: f32, hip: f32, bottom: f32, flared: bool) -> Option<Path> {
    let mut b = PathBuilder::new();
    b.move_to(-14.5, WAIST);
    b.line_to(14.5, WAIST);
    b.quad_to(if flared { 16.0 } else { hip }, WAIST + 7.0, hip, 60.0);
    b.line_to(hem, bottom);
    if flared {
        // The hem of a wide skirt hangs in waves.
        for wave in 0..4 {
            let x = |t: f32| hem - (wave as f32 + t) * hem * 0.5;
            b.quad_to(x(0.5), bottom + 5.0, x(1.0), bottom + if wave == 3 { 0.0 } else { 1.5 });
        }
    } else {
        b.quad_to(0.0, bottom + 1.5, -hem, bottom);
    }
    b.line_to(-hip, 60.0);
    b.quad_to(if flared { -16.0 } else { -hip }, WAIST + 7.0, -14.5, WAIST);
    b.close();
    b.finish()
}

/// The folds of a skirt below the waist.
pub fn folds(steps: &mut Steps, hem: f32, bottom: f32, flared: bool) {
    if flared {
        for x in [-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75] {
            steps.fold(curve((x * 13.0, WAIST + 4.0), (x * 16.0, 70.0), (x * hem, bottom + 2.0)), 1.8);
        }
    } else {
        steps.fold(curve((-9.0, WAIST + 6.0), (-8.0, 60.0), (-10.0, bottom)), 1.2);
        steps.fold(curve((9.0, WAIST + 6.0), (8.0, 60.0), (10.0, bottom)), 1.2);
    }
}

/// A waistband, plain or gathered by elastic.
pub fn waistband(steps: &mut Steps, gathered: bool) {
    let mut b = PathBuilder::new();
    b.move_to(-BAND, WAIST);
    b.line_to(BAND, WAIST);
    b.line_to(BAND + 0.8, WAIST + 4.5);
    b.line_to(-BAND - 0.8, WAIST + 4.5);
    b.close();
    steps.plain(b.finish(), 0.86);
    if gathered {
        steps.ribs(BAND, WAIST, WAIST + 4.5);
    }
    steps.line(line(&[(-BAND - 1.0, WAIST + 4.5), (BAND + 1.0, WAIST + 4.5)]), 0.6, 0.5, 0.8);
}
