//! Values as dots with their intervals as whiskers, a row each: what a table says, to be compared at a glance.

use super::WIDTH;
use super::canvas::{Anchor, Scale, Svg, label_width, shortened};
use super::palette::{GRID, series};

/// One row.
#[derive(Debug, Clone)]
pub struct DotRow {
    pub label: String,
    pub dots: Vec<Dot>,
    /// At the right, such as the value in figures.
    pub note: String,
}

/// One value, as it is printed (scaled).
#[derive(Debug, Clone, Copy)]
pub struct Dot {
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    /// Decides the colour.
    pub series: usize,
    /// A published value.
    pub hollow: bool,
}

const ROW: f64 = 22.0;
const LETTERS: usize = 20;

pub fn dots(title: &str, rows: &[DotRow]) -> Svg {
    let left = label_width(rows.iter().map(|row| row.label.as_str()), LETTERS);
    let notes = label_width(rows.iter().map(|row| row.note.as_str()), LETTERS);
    let (top, bottom) = (4.0, 4.0 + rows.len() as f64 * ROW);
    Svg::draw(title, WIDTH, bottom + 24.0, |canvas| {
        let ends = rows.iter().flat_map(|row| &row.dots).flat_map(|dot| {
            let (low, high) = dot.interval.unwrap_or((dot.value, dot.value));
            [dot.value, low, high]
        });
        let scale = Scale::around(ends, left + 6.0, WIDTH - notes - 4.0);
        canvas.horizontal_axis(&scale, top, bottom, 5);
        for (place, row) in rows.iter().enumerate() {
            let y = top + (place as f64 + 0.5) * ROW;
            canvas.label((left, y), Anchor::Right, &shortened(&row.label, LETTERS));
            canvas.note((WIDTH - 2.0, y), Anchor::Right, &shortened(&row.note, LETTERS));
            if row.dots.len() > 1 {
                canvas.line((left + 6.0, y), (WIDTH - notes - 4.0, y), GRID, 1.0);
            }
            for dot in row.dots.iter().filter(|dot| dot.value.is_finite()) {
                let colour = series(dot.series);
                if let Some((low, high)) = dot.interval {
                    canvas.line((scale.at(low), y), (scale.at(high), y), colour, 2.0);
                }
                canvas.dot((scale.at(dot.value), y), 4.0, colour, dot.hollow);
            }
        }
    })
}
