//! A square of correlations: blue for together, orange for opposite, the stronger the fuller, with the figures.

use super::WIDTH;
use super::canvas::{Anchor, Svg, label_width, shortened};
use super::palette::{GRID, INK, series};

const LETTERS: usize = 16;

/// `values[row][column]` from −1 to 1; none where there is no correlation.
pub fn heat(title: &str, labels: &[String], values: &[Vec<Option<f64>>]) -> Svg {
    let left = label_width(labels.iter().map(String::as_str), LETTERS);
    // A cell must hold `−0.12`.
    let side = ((WIDTH - left) / labels.len().max(1) as f64).clamp(30.0, 44.0);
    let width = left + side * labels.len() as f64 + 2.0;
    let height = (side.min(26.0)) * labels.len() as f64 + 24.0;
    let row_height = side.min(26.0);
    Svg::draw(title, width, height, |canvas| {
        for (row, label) in labels.iter().enumerate() {
            let y = row as f64 * row_height + 2.0;
            canvas.label(
                (left - 4.0, y + row_height / 2.0),
                Anchor::Right,
                &format!("{}. {}", row + 1, shortened(label, LETTERS - 3)),
            );
            for (column, value) in values.get(row).into_iter().flatten().enumerate() {
                let x = left + column as f64 * side;
                match value {
                    Some(value) => {
                        let colour = series(usize::from(*value < 0.0));
                        // Weak enough for the figures to be read on it.
                        canvas.rectangle(
                            (x + 0.5, y + 0.5),
                            side - 1.0,
                            row_height - 1.0,
                            colour,
                            value.abs().min(1.0) * 0.45,
                        );
                        let text = format!("{value:.2}").replace('-', "−");
                        canvas.text((x + side / 2.0, y + row_height / 2.0), Anchor::Middle, 10.5, INK, &text);
                    }
                    None => canvas.rectangle((x + 0.5, y + 0.5), side - 1.0, row_height - 1.0, GRID, 0.5),
                }
            }
        }
        let below = labels.len() as f64 * row_height + 14.0;
        for column in 0..labels.len() {
            canvas.note((left + (column as f64 + 0.5) * side, below), Anchor::Middle, &(column + 1).to_string());
        }
    })
}
