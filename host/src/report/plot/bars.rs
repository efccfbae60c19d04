//! Horizontal bars.

use super::canvas::{Anchor, LETTER, Scale, Svg, label_width, shortened};
use super::palette::series;

/// A bar: what it is of, how long, and what is written behind it.
#[derive(Debug, Clone)]
pub struct Bar {
    pub label: String,
    pub length: f64,
    pub note: String,
}

const ROW: f64 = 20.0;
const LETTERS: usize = 30;

/// Bars below each other, in a chart of this width.
pub fn bars(title: &str, bars: &[Bar], width: f64) -> Svg {
    let left = label_width(bars.iter().map(|bar| bar.label.as_str()), LETTERS).min(width / 2.0);
    let notes = label_width(bars.iter().map(|bar| bar.note.as_str()), LETTERS);
    Svg::draw(title, width, bars.len() as f64 * ROW + 6.0, |canvas| {
        let scale = Scale::from_zero(bars.iter().map(|bar| bar.length), left + 6.0, width - notes - 8.0);
        for (place, bar) in bars.iter().enumerate() {
            let y = 3.0 + (place as f64 + 0.5) * ROW;
            canvas.label((left, y), Anchor::Right, &shortened(&bar.label, ((left - 8.0) / LETTER) as usize));
            let end = scale.at(bar.length.max(0.0));
            canvas.rectangle((left + 6.0, y - 7.0), end - left - 6.0, 14.0, series(0), 1.0);
            canvas.note((end + 5.0, y), Anchor::Left, &shortened(&bar.note, LETTERS));
        }
    })
}
