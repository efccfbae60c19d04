//! Horizontal bars, as text for the terminal and as SVG for a page.

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
    const ROW: usize = 20;
    const LEFT: usize = 220;
    const WIDTH: usize = 420;
    let largest = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    let height = 44 + bars.len() * ROW;
    let total = LEFT + WIDTH + 80;
    let title = escaped(title);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {total} {height}\" width=\"{total}\" height=\"{height}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"12\" y=\"22\" font-size=\"15\" fill=\"#222\">{title}</text>\n"
    );
    for (place, bar) in bars.iter().enumerate() {
        let top = 36 + place * ROW;
        let length = bar.count as f64 / largest as f64 * WIDTH as f64;
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#222\">{}</text><rect x=\"{LEFT}\" y=\"{top}\" width=\"{length:.1}\" \
             height=\"14\" fill=\"#3a6ea5\"/><text x=\"{:.1}\" y=\"{}\" fill=\"#444\">{}</text>",
            LEFT - 8,
            top + 11,
            escaped(&bar.label),
            LEFT as f64 + length + 6.0,
            top + 11,
            grouped(bar.count)
        );
    }
    out + "</svg>\n"
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
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
