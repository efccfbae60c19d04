//! Charts as SVG, drawn with plotters: one canvas, one palette, a file a kind of chart. Text is left to the reader's own fonts; colours
//! change with the reader's light or dark mode (see `palette`).

mod bars;
mod canvas;
mod curves;
mod dots;
mod heat;
mod histogram;
mod palette;

pub use bars::{Bar, bars};
pub use canvas::Svg;
pub use curves::losses;
pub use dots::{Dot, DotRow, dots};
pub use heat::heat;
pub use histogram::histogram;
pub use palette::{SERIES, css, series};

/// Width of a chart that stands among others, in CSS pixels: one fills a telephone, three a desk.
pub const WIDTH: f64 = 348.0;

#[cfg(test)]
mod tests {
    use super::curves::{Curve, curves};
    use super::*;

    #[test]
    fn no_name_breaks_out_of_a_chart_and_none_refers_to_the_outside() {
        let evil = "<script>\"x\"&'</svg>";
        let dot = Dot { value: 0.5, interval: None, series: 0, hollow: true };
        let curve = Curve { label: evil.into(), points: vec![(0.0, 1.0), (1.0, 0.5)], marked: true };
        let charts = [
            dots(evil, &[DotRow { label: evil.into(), dots: vec![dot], note: evil.into() }]),
            bars(evil, &[Bar { label: evil.into(), length: 3.0, note: evil.into() }], WIDTH),
            heat(evil, &[evil.into(), "b".into()], &[vec![Some(1.0), None], vec![Some(-0.5), Some(1.0)]]),
            histogram(evil, &[0.2, 0.8], &[0.5, 0.5], &[evil.into(), "b".into()]),
            curves(evil, &[curve], evil),
        ];
        for chart in charts {
            for text in [chart.inline(), chart.standalone()] {
                assert!(!text.contains("<script") && text.matches("</svg>").count() == 1, "{text}");
                assert!(text.contains("&lt;script&gt;") && text.starts_with("<svg "), "{text}");
                assert_eq!(text.matches("http").count(), text.matches("http://www.w3.org/2000/svg").count(), "{text}");
            }
        }
    }

    #[test]
    fn an_interval_is_drawn_where_its_numbers_are() {
        let dot = |value, low, high| Dot { value, interval: Some((low, high)), series: 0, hollow: false };
        let row = |label: &str, dot| DotRow { label: label.into(), dots: vec![dot], note: String::new() };
        let rows = [row("a", dot(20.0, 10.0, 30.0)), row("b", dot(40.0, 30.0, 50.0))];
        let svg = dots("t", &rows).inline();
        // The whisker of a ends where that of b begins.
        let ends: Vec<(i32, i32)> = svg
            .lines()
            .filter(|line| line.starts_with("<polyline") && line.contains(&palette::hex(series(0))))
            .map(|line| {
                let points = line.split("points=\"").nth(1).unwrap();
                let mut across = points.split(' ').map(|point| point.split(',').next().unwrap().parse().unwrap_or(-1));
                (across.next().unwrap(), across.next().unwrap())
            })
            .collect();
        assert_eq!(ends.len(), 2, "{svg}");
        assert_eq!(ends[0].1, ends[1].0);
        assert!(ends[0].0 < ends[0].1 && ends[1].0 < ends[1].1);
    }

    #[test]
    fn empty_and_constant_data_give_charts_and_not_panics() {
        assert!(dots("t", &[]).inline().contains("</svg>"));
        let dot = Dot { value: f64::NAN, interval: None, series: 99, hollow: false };
        assert!(
            dots("t", &[DotRow { label: String::new(), dots: vec![dot], note: String::new() }])
                .inline()
                .contains("</svg>")
        );
        assert!(
            bars("t", &[Bar { label: "a".into(), length: 0.0, note: "0".into() }], WIDTH).inline().contains("</svg>")
        );
        assert!(histogram("t", &[], &[], &[]).inline().contains("</svg>"));
        assert!(
            curves("t", &[Curve { label: "a".into(), points: vec![(1.0, 2.0)], marked: false }], "x")
                .inline()
                .contains("</svg>")
        );
        assert!(heat("t", &[], &[]).inline().contains("</svg>"));
    }
}
