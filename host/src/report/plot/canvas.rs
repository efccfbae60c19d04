//! What charts are drawn on: plotters' SVG backend, in CSS pixels with fractions, and the texts and ticks that all charts share.

use super::palette::{GRID, INK, MUTED, SURFACE, css};
use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

/// plotters has whole coordinates: a CSS pixel is so many of them.
const FINE: f64 = 4.0;
/// plotters divides the sizes of fonts by this.
const FONT: f64 = 1.24;

/// A drawn chart.
#[derive(Debug, Clone)]
pub struct Svg {
    title: String,
    width: f64,
    height: f64,
    body: String,
}

/// Where a text stands to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Left,
    Middle,
    Right,
}

/// Takes shapes; coordinates are CSS pixels from the left top.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Svg {
    /// Draws a chart of this size. The title is what a screen reader says of it.
    pub fn draw(title: &str, width: f64, height: f64, draw: impl FnOnce(&Canvas<'_>)) -> Svg {
        let mut text = String::new();
        {
            let size = ((width * FINE) as u32, (height * FINE) as u32);
            let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
            draw(&Canvas { area: area.clone() });
            // Writing to a string does not fail.
            let _ = area.present();
        }
        // The backend's own root is left off: its size would be that of the fine coordinates.
        let body = text.find('>').map_or("", |end| &text[end + 1..]).trim();
        let body = body.strip_suffix("</svg>").unwrap_or(body).trim().to_owned();
        Svg { title: title.to_owned(), width, height, body }
    }

    /// For a page whose style sheet has [`css`].
    pub fn inline(&self) -> String {
        self.root("class=\"chart\" ", "", "")
    }

    /// A file of its own, with a background.
    pub fn standalone(&self) -> String {
        let style = format!("<style>@media (prefers-color-scheme: dark){{{}}}</style>\n", css("svg"));
        let (width, height) = (self.width * FINE, self.height * FINE);
        let surface = super::palette::hex(SURFACE);
        let back = format!("<rect width=\"{width}\" height=\"{height}\" fill=\"{surface}\"/>\n");
        self.root("xmlns=\"http://www.w3.org/2000/svg\" ", &style, &back) + "\n"
    }

    fn root(&self, attributes: &str, style: &str, back: &str) -> String {
        let title = escape(&self.title);
        format!(
            "<svg {attributes}width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{title}\">\n\
             <title>{title}</title>\n{style}{back}{}\n</svg>",
            self.width,
            self.height,
            self.width * FINE,
            self.height * FINE,
            self.body
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn fine(value: f64) -> i32 {
    (value * FINE).round() as i32
}

impl Canvas<'_> {
    pub fn line(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor, width: f64) {
        self.path(&[from, to], colour, width);
    }

    pub fn path(&self, points: &[(f64, f64)], colour: RGBColor, width: f64) {
        let style = ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: fine(width).max(1) as u32 };
        let points: Vec<(i32, i32)> = points.iter().map(|(x, y)| (fine(*x), fine(*y))).collect();
        let _ = match points.as_slice() {
            [from, to] => self.area.draw(&PathElement::new([*from, *to], style)),
            _ => self.area.draw(&PathElement::new(points, style)),
        };
    }

    /// `opacity` from 0 to 1.
    pub fn rectangle(&self, corner: (f64, f64), width: f64, height: f64, colour: RGBColor, opacity: f64) {
        let corners = [corner, (corner.0 + width, corner.1 + height)].map(|(x, y)| (fine(x), fine(y)));
        let _ = self.area.draw(&Rectangle::new(corners, colour.mix(opacity).filled()));
    }

    pub fn dot(&self, at: (f64, f64), radius: f64, colour: RGBColor, hollow: bool) {
        let style = ShapeStyle { color: colour.to_rgba(), filled: !hollow, stroke_width: fine(1.5) as u32 };
        let _ = self.area.draw(&Circle::new((fine(at.0), fine(at.1)), fine(radius), style));
    }

    /// A text whose middle line is at the point.
    pub fn text(&self, at: (f64, f64), anchor: Anchor, size: f64, colour: RGBColor, text: &str) {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let style: TextStyle<'_> = ("sans-serif", size * FINE * FONT).into_font().color(&colour);
        let style = style.pos(Pos::new(horizontal, VPos::Center));
        // Nothing that a terminal or a parser of XML would stumble over.
        let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let _ = self.area.draw(&Text::new(text, (fine(at.0), fine(at.1)), style));
    }

    pub fn label(&self, at: (f64, f64), anchor: Anchor, text: &str) {
        self.text(at, anchor, 12.0, INK, text);
    }

    pub fn note(&self, at: (f64, f64), anchor: Anchor, text: &str) {
        self.text(at, anchor, 11.0, MUTED, text);
    }

    /// Ticks of a horizontal axis with lines up through the plot.
    pub fn horizontal_axis(&self, scale: &Scale, top: f64, bottom: f64, ticks: usize) {
        for tick in scale.ticks(ticks) {
            let x = scale.at(tick);
            self.line((x, top), (x, bottom), GRID, 1.0);
            self.note((x, bottom + 11.0), Anchor::Middle, &tick_text(tick, scale.step(ticks)));
        }
    }

    /// Ticks of a vertical axis with lines across the plot.
    pub fn vertical_axis(&self, scale: &Scale, left: f64, right: f64, ticks: usize) {
        for tick in scale.ticks(ticks) {
            let y = scale.at(tick);
            self.line((left, y), (right, y), GRID, 1.0);
            self.note((left - 6.0, y), Anchor::Right, &tick_text(tick, scale.step(ticks)));
        }
    }
}

/// From values to pixels.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    low: f64,
    high: f64,
    begin: f64,
    end: f64,
}

impl Scale {
    /// The range of the values with a little room, or around one value; from 0 to 1 without any.
    pub fn around(values: impl Iterator<Item = f64>, begin: f64, end: f64) -> Scale {
        let (low, high) = range(values);
        let room = if high > low { (high - low) * 0.06 } else { high.abs().max(1.0) * 0.1 };
        Scale { low: low - room, high: high + room, begin, end }
    }

    /// From zero to the largest value, with a little room.
    pub fn from_zero(values: impl Iterator<Item = f64>, begin: f64, end: f64) -> Scale {
        let (_, high) = range(values);
        Scale { low: 0.0, high: if high > 0.0 { high * 1.04 } else { 1.0 }, begin, end }
    }

    /// From the least value to the largest exactly.
    pub fn exact(values: impl Iterator<Item = f64>, begin: f64, end: f64) -> Scale {
        let (low, high) = range(values);
        Scale { low, high: if high > low { high } else { low + 1.0 }, begin, end }
    }

    pub fn at(&self, value: f64) -> f64 {
        self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)
    }

    fn ticks(&self, most: usize) -> Vec<f64> {
        let ticks = RangedCoordf64::from(self.low..self.high).key_points(most);
        ticks.into_iter().filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }

    fn step(&self, most: usize) -> f64 {
        let ticks = self.ticks(most);
        ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(self.high - self.low, f64::min)
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

fn tick_text(tick: f64, step: f64) -> String {
    let decimals = if step >= 1.0 { 0 } else { (-step.log10()).ceil().clamp(0.0, 6.0) as usize };
    // A tick at zero that came of subtraction has no sign.
    let tick = if tick.abs() < step / 1e6 { 0.0 } else { tick };
    format!("{tick:.decimals$}")
}

/// A text of at most so many letters, with an ellipsis for the middle.
pub fn shortened(text: &str, most: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= most {
        return text.to_owned();
    }
    let tail = (most - 1) / 2;
    let head = most - 1 - tail;
    let ends = [&letters[..head], &['…'], &letters[letters.len() - tail..]];
    ends.concat().into_iter().collect()
}

/// About how wide a letter is at 12 pixels, in the wider of the usual sans-serif fonts.
pub const LETTER: f64 = 7.0;

/// About how wide the longest of these labels is, at 12 pixels.
pub fn label_width<'a>(labels: impl Iterator<Item = &'a str>, most: usize) -> f64 {
    labels.map(|label| label.chars().count().min(most)).max().unwrap_or(0) as f64 * LETTER + 8.0
}
