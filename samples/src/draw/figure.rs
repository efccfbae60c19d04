//! From a design to the steps that paint it: which pieces there are, in which order, with which details.

use super::lower;
use super::scene::Scene;
use super::step::{Step, Steps, curve, disc, line, polygon};
use super::upper::{self, Body, WAIST};
use crate::garment::{Category, Closure, Design, Detail, Group, Length, Neckline, Shape};

/// The painting steps of a garment.
pub fn steps(design: &Design, scene: &Scene) -> Vec<Step> {
    let mut steps = Steps::default();
    let bottom = bottom(design);
    if design.category.group() == Group::Lower {
        lower_body(&mut steps, design, bottom);
    } else {
        upper_body(&mut steps, design, bottom, scene);
    }
    steps.0
}

/// The height of the hem, in centimetres below the neck.
fn bottom(design: &Design) -> f32 {
    match (design.category, design.length) {
        (Category::Coat, Length::Short) => 80.0,
        (Category::Shorts, Length::Short) => 78.0,
        (Category::Skirt, Length::Short) => 76.0,
        (Category::Dress, Length::Short) => 84.0,
        (Category::Jumpsuit, Length::Knee) => 92.0,
        (Category::Blazer, _) => 71.0,
        (_, Length::Cropped) => 47.0,
        (_, Length::Regular) => 64.0,
        (_, Length::Long) => 80.0,
        (_, Length::Short) => 80.0,
        (_, Length::Knee) => 100.0,
        (_, Length::Calf) => 119.0,
        (_, Length::Ankle) => 137.0,
    }
}

fn lower_body(steps: &mut Steps, design: &Design, bottom: f32) {
    if design.category == Category::Skirt {
        lower::skirt(steps, design, bottom);
    } else {
        lower::legs(steps, design, bottom);
    }
    let gathered = design.detail == Detail::Drawstring || design.category == Category::Leggings;
    lower::waistband(steps, gathered);
    match design.detail {
        Detail::Drawstring => {
            for s in [-1.0, 1.0] {
                steps.string(curve((s * 0.8, WAIST + 2.5), (s * 3.5, WAIST + 9.0), (s * 2.6, WAIST + 17.0)), 1.3);
            }
        }
        Detail::FrontPockets => {
            for s in [-1.0, 1.0] {
                steps.line(line(&[(s * 11.5, WAIST + 4.5), (s * 19.0, WAIST + 16.0)]), 1.0, 0.4, 0.9);
            }
            steps.trim(disc((0.0, WAIST + 2.3), 1.2));
            steps.line(curve((0.5, WAIST + 5.0), (6.0, WAIST + 14.0), (0.0, WAIST + 22.0)), 0.5, 0.5, 0.7);
        }
        Detail::TieBelt => tie_belt(steps, 15.5),
        _ => {}
    }
}

fn upper_body(steps: &mut Steps, design: &Design, bottom: f32, scene: &Scene) {
    let jumpsuit = design.category == Category::Jumpsuit;
    let body = Body::of(design, if jumpsuit { WAIST + 3.0 } else { bottom });
    let (neckline, category) = (design.neckline, design.category);
    if neckline == Neckline::Hood {
        upper::hood(steps);
    }
    if !matches!(neckline, Neckline::Turtleneck | Neckline::StandUp | Neckline::Hood) {
        steps.plain(body.inside(neckline), 0.45);
    }
    upper::sleeves(steps, design, &body, scene.swing);
    if jumpsuit {
        lower::legs(steps, design, bottom);
    }
    steps.cloth(body.outline(neckline, matches!(category, Category::Dress)), 0.0);
    body_texture(steps, design, &body, bottom);
    closure(steps, design, &body, bottom);
    upper::neck(steps, design, &body);
    details(steps, design, &body, bottom);
}

/// Folds, knitting, bands: what makes cloth of a flat shape.
fn body_texture(steps: &mut Steps, design: &Design, body: &Body, bottom: f32) {
    for s in [-1.0, 1.0] {
        steps.fold(curve((s * body.armpit.0, body.armpit.1), (s * 11.0, 27.0), (s * 6.0, 25.0)), 1.8);
        steps.fold(curve((s * body.waist, WAIST), (s * 12.0, WAIST + 1.0), (s * 8.0, WAIST - 3.0)), 1.5);
    }
    match design.category {
        Category::Dress => {
            steps.line(curve((-20.0, WAIST), (0.0, WAIST + 2.5), (20.0, WAIST)), 0.6, 0.5, 0.7);
            lower::folds(steps, body.hem.0, bottom, design.shape == Shape::Flared);
        }
        Category::Sweater | Category::Cardigan => {
            // The ribs of the knitting.
            let mut x = -22.0;
            while x <= 22.0 {
                steps.line(line(&[(x, 0.0), (x, bottom - 5.0)]), 0.45, 0.6, 0.28);
                x += 3.0;
            }
        }
        Category::Coat => steps.fold(curve((8.0, WAIST + 10.0), (9.0, 80.0), (13.0, bottom)), 1.6),
        Category::Jumpsuit => {}
        _ => steps.fold(curve((-6.0, bottom - 18.0), (-4.0, bottom - 9.0), (-7.0, bottom)), 1.5),
    }
    let ribbed = design.detail == Detail::Ribbing || matches!(design.category, Category::Hoodie | Category::Jacket);
    if ribbed {
        steps.ribs(24.0, bottom - 5.0, bottom + 2.0);
        steps.line(line(&[(-30.0, bottom - 5.0), (30.0, bottom - 5.0)]), 0.7, 0.5, 0.8);
    } else if design.category != Category::Jumpsuit {
        let y = bottom - 2.5;
        steps.line(curve((-40.0, y), (0.0, y + 2.0 * body.sag), (40.0, y)), 0.5, 0.5, 0.7);
    }
}

fn closure(steps: &mut Steps, design: &Design, body: &Body, bottom: f32) {
    let top = body.neck.1 + 0.5;
    match design.closure {
        Closure::Absent => {}
        Closure::Buttons if design.category == Category::PoloShirt => {
            steps.plain(polygon(&[(-2.2, 6.0), (2.2, 6.0), (2.2, 26.0), (-2.2, 26.0)]), 0.8);
            for y in [12.0, 17.0, 22.0] {
                steps.trim(disc((0.0, y), 1.0));
            }
        }
        Closure::Buttons => {
            steps.line(line(&[(2.4, top), (2.4, bottom + 3.0)]), 0.6, 0.45, 0.9);
            let (first, apart, radius) = match design.category {
                Category::Shirt => (12.0, 8.5, 1.1),
                Category::Blazer => (38.0, 11.0, 1.7),
                Category::Coat if design.neckline == Neckline::Lapels => (39.0, 12.0, 1.9),
                Category::Coat | Category::Jacket => (9.0, 12.0, 1.8),
                _ => (top + 3.0, 7.5, 1.5),
            };
            let last = match design.category {
                Category::Blazer => 52.0,
                Category::Coat => 78.0,
                _ => bottom - 2.0,
            };
            let mut y = first;
            while y < last {
                steps.trim(disc((0.0, y), radius));
                y += apart;
            }
        }
        Closure::Zip => {
            let top = top.min(6.0);
            steps.line(line(&[(0.0, top), (0.0, bottom + 3.0)]), 3.2, 0.6, 0.8);
            steps.string(line(&[(0.0, top), (0.0, bottom + 0.5)]), 1.1);
            steps.trim(polygon(&[(-1.0, top + 4.0), (1.0, top + 4.0), (0.7, top + 9.0), (-0.7, top + 9.0)]));
        }
    }
}

fn details(steps: &mut Steps, design: &Design, body: &Body, bottom: f32) {
    match design.detail {
        Detail::ChestPocket => {
            let pocket = [(5.0, 20.0), (14.5, 20.0), (14.5, 30.0), (9.75, 32.5), (5.0, 30.0)];
            steps.plain(polygon(&pocket), 0.8);
            steps.line(line(&[pocket[0], pocket[4], pocket[3], pocket[2], pocket[1], pocket[0]]), 0.6, 0.4, 0.9);
            steps.line(line(&[(5.0, 22.3), (14.5, 22.3)]), 0.6, 0.4, 0.9);
        }
        Detail::FrontPockets if design.category == Category::Hoodie => {
            let (top, low) = (bottom - 21.0, bottom - 6.0);
            let pocket = [(-9.0, top), (9.0, top), (15.0, low - 5.0), (15.0, low), (-15.0, low), (-15.0, low - 5.0)];
            let mut edge = pocket.to_vec();
            edge.push(pocket[0]);
            steps.plain(polygon(&pocket), 0.85);
            steps.line(line(&edge), 0.8, 0.4, 0.9);
        }
        Detail::FrontPockets => {
            let y = (bottom * 0.7).min(56.0);
            for s in [-1.0, 1.0] {
                if matches!(design.category, Category::Blazer | Category::Coat) {
                    let flap = [(s * 7.0, y), (s * 16.5, y - 1.0), (s * 16.5, y + 3.5), (s * 7.0, y + 4.5)];
                    steps.plain(polygon(&flap), 0.72);
                    steps.line(line(&[flap[1], flap[2], flap[3], flap[0]]), 0.5, 0.4, 0.9);
                } else {
                    steps.line(line(&[(s * 10.0, y - 10.0), (s * 14.5, y + 1.0)]), 1.4, 0.4, 0.9);
                }
            }
        }
        Detail::TieBelt => tie_belt(steps, body.waist + 0.8),
        _ => {}
    }
}

/// A belt around the waist with a bow whose ends hang down.
fn tie_belt(steps: &mut Steps, half_width: f32) {
    let (top, low) = (WAIST - 2.0, WAIST + 2.5);
    steps.plain(polygon(&[(-half_width, top), (half_width, top), (half_width, low), (-half_width, low)]), 0.62);
    for s in [-1.0, 1.0] {
        steps.plain(polygon(&[(0.0, WAIST), (s * 7.5, WAIST - 4.0), (s * 7.5, WAIST + 3.5)]), 0.7);
        let end = [(s * 0.3, WAIST), (s * 2.8, WAIST), (s * 6.0, WAIST + 19.0), (s * 3.0, WAIST + 20.0)];
        steps.plain(polygon(&end), 0.62);
    }
    steps.plain(disc((0.0, WAIST + 0.3), 2.1), 0.5);
}
