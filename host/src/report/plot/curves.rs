//! Curves over a common horizontal axis, such as losses over steps.

use super::WIDTH;
use super::canvas::{Anchor, LETTER, Scale, Svg, shortened};
use super::palette::series;

/// One curve.
#[derive(Debug, Clone)]
pub struct Curve {
    pub label: String,
    pub points: Vec<(f64, f64)>,
    /// With a dot at every point.
    pub marked: bool,
}

const HEIGHT: f64 = 200.0;

pub fn curves(title: &str, curves: &[Curve], horizontal: &str) -> Svg {
    let (left, right, top, bottom) = (44.0, WIDTH - 8.0, 24.0, HEIGHT - 36.0);
    Svg::draw(title, WIDTH, HEIGHT, |canvas| {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let across = Scale::exact(points().map(|point| point.0), left, right);
        let up = Scale::around(points().map(|point| point.1), bottom, top);
        canvas.vertical_axis(&up, left, right, 5);
        canvas.horizontal_axis(&across, bottom, bottom, 5);
        canvas.note(((left + right) / 2.0, HEIGHT - 8.0), Anchor::Middle, horizontal);
        let mut legend = left;
        for (number, curve) in curves.iter().enumerate() {
            let colour = series(number);
            let finite = curve.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
            let points: Vec<(f64, f64)> = finite.map(|(x, y)| (across.at(*x), up.at(*y))).collect();
            if points.len() > 1 {
                canvas.path(&points, colour, 1.5);
            }
            if curve.marked || points.len() == 1 {
                points.iter().for_each(|point| canvas.dot(*point, 2.5, colour, false));
            }
            let label = shortened(&curve.label, 24);
            canvas.line((legend, 10.0), (legend + 14.0, 10.0), colour, 2.5);
            canvas.label((legend + 18.0, 10.0), Anchor::Left, &label);
            legend += 18.0 + label.chars().count() as f64 * LETTER + 14.0;
        }
    })
}

/// The losses of a training over its optimizer steps.
pub fn losses(title: &str, training: &[(f64, f64)], validation: Vec<(f64, f64)>) -> Svg {
    let training = Curve { label: "training".into(), points: thinned(training), marked: false };
    let validation = Curve { label: "validation".into(), points: validation, marked: true };
    curves(title, &[training, validation], "optimizer step")
}

/// At most some hundreds of points, each the mean of its neighbours.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(400).max(1);
    let mean = |chunk: &[(f64, f64)]| {
        let count = chunk.len() as f64;
        let sum = chunk.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / count, sum.1 / count)
    };
    points.chunks(each).map(mean).collect()
}
