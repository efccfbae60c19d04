//! Counts as horizontal bars: as text for the terminal, and as SVG.

use crate::report::plot;
use std::fmt::Write;

/// A bar: what it is of, and how long.
#[derive(Debug, Clone)]
pub struct Bar {
    pub label: String,
    pub count: usize,
}

/// Lines of `label  count  ████`, the longest bar `width` wide.
pub fn text(bars: &[Bar], width: usize) -> String {
    let label = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
    let largest = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    let digits = grouped(largest).len();
    let mut out = String::new();
    for bar in bars {
        let length = (bar.count * width).div_ceil(largest);
        let _ = writeln!(out, "  {:<label$}  {:>digits$}  {}", bar.label, grouped(bar.count), "█".repeat(length));
    }
    out
}

/// A stand-alone SVG file, readable on light and dark pages.
pub fn svg(title: &str, bars: &[Bar]) -> String {
    let bars: Vec<plot::Bar> = bars
        .iter()
        .map(|bar| plot::Bar { label: bar.label.clone(), length: bar.count as f64, note: grouped(bar.count) })
        .collect();
    plot::bars(title, &bars, 720.0).standalone()
}

/// `105542` as `105,542`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_aligned_and_a_name_cannot_break_the_svg() {
        let bars = [("Dress", 10_362), ("T-shirt <b>", 5)].map(|(label, count)| Bar { label: label.into(), count });
        let lines = text(&bars, 10);
        assert_eq!(lines.lines().next(), Some("  Dress        10,362  ██████████"));
        assert_eq!(lines.lines().nth(1), Some("  T-shirt <b>       5  █"));
        let drawn = svg("Categories", &bars);
        assert!(drawn.contains("T-shirt &lt;b&gt;") && !drawn.contains("<b>"), "{drawn}");
    }
}
