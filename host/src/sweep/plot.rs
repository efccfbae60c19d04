//! `parallel.svg`: a line a trial through the axes of the varied options to its validation loss; the darker, the better.

use super::Swept;
use super::file::plain;
use crate::error::{Error, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const HEIGHT: u32 = 480;
/// Pixels between two axes.
const GAP: i32 = 190;
const MARGIN: i32 = 90;
const TOP: i32 = 70;
const BOTTOM: i32 = 430;
const BEST: RGBColor = RGBColor(0, 68, 136);
const WORST: RGBColor = RGBColor(200, 210, 220);
const AXIS: RGBColor = RGBColor(60, 60, 60);

/// Where values lie on an axis, as a share of its height.
enum Axis {
    /// In the order of first mention.
    Names(Vec<String>),
    Numbers {
        low: f64,
        high: f64,
        log: bool,
    },
}

impl Axis {
    fn of(values: &[toml::Value]) -> Axis {
        let number = |value: &toml::Value| value.as_float().or(value.as_integer().map(|value| value as f64));
        match values.iter().map(number).collect::<Option<Vec<f64>>>() {
            Some(numbers) if !numbers.is_empty() => Axis::numbers(&numbers),
            _ => {
                let mut names: Vec<String> = Vec::new();
                for name in values.iter().map(plain) {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                Axis::Names(names)
            }
        }
    }

    fn numbers(numbers: &[f64]) -> Axis {
        let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Axis::Numbers { low, high, log: low > 0.0 && high / low >= 8.0 }
    }

    fn share(&self, value: &toml::Value) -> f64 {
        match self {
            Axis::Names(names) => {
                let place = names.iter().position(|name| *name == plain(value)).unwrap_or(0);
                (place as f64 + 0.5) / names.len().max(1) as f64
            }
            Axis::Numbers { .. } => {
                self.share_of(value.as_float().or(value.as_integer().map(|value| value as f64)).unwrap_or(0.0))
            }
        }
    }

    fn share_of(&self, value: f64) -> f64 {
        match *self {
            Axis::Numbers { low, high, log: true } => (value / low).ln() / (high / low).ln(),
            Axis::Numbers { low, high, log: false } if high > low => (value - low) / (high - low),
            _ => 0.5,
        }
    }

    fn labels(&self) -> Vec<(f64, String)> {
        match self {
            Axis::Names(names) => {
                let share = |place: usize| (place as f64 + 0.5) / names.len() as f64;
                names.iter().enumerate().map(|(place, name)| (share(place), name.clone())).collect()
            }
            Axis::Numbers { low, high, .. } if low == high => vec![(0.5, short(*low))],
            Axis::Numbers { low, high, log } => {
                let middle = if *log { (low * high).sqrt() } else { (low + high) / 2.0 };
                [(0.0, *low), (0.5, middle), (1.0, *high)].map(|(share, value)| (share, short(value))).to_vec()
            }
        }
    }
}

fn short(value: f64) -> String {
    let size = value.abs();
    match size == 0.0 || (1e-3..1e5).contains(&size) {
        true => {
            let text = format!("{value:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        false => format!("{value:.1e}"),
    }
}

/// The plot of the trials that have a loss.
pub fn draw(swept: &Swept) -> Result<String> {
    let mut svg = String::new();
    lines(&mut svg, swept).map_err(|error| Error::failed(format!("cannot draw the sweep: {error}")))?;
    Ok(svg)
}

fn lines(svg: &mut String, swept: &Swept) -> Result<(), Box<dyn std::error::Error>> {
    let done: Vec<_> = swept.trials.iter().filter(|outcome| outcome.validation_loss.is_some()).collect();
    let width = (MARGIN * 2 + GAP * swept.varied.len() as i32) as u32;
    let root = SVGBackend::with_string(svg, (width, HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let height = |share: f64| BOTTOM - (share * f64::from(BOTTOM - TOP)).round() as i32;
    let mut axes: Vec<(String, Axis)> = swept
        .varied
        .iter()
        .map(|name| {
            let values: Vec<toml::Value> =
                swept.trials.iter().filter_map(|outcome| outcome.values.get(name).cloned()).collect();
            (name.clone(), Axis::of(&values))
        })
        .collect();
    let losses: Vec<f64> = done.iter().filter_map(|outcome| outcome.validation_loss).collect();
    axes.push(("validation loss".to_owned(), Axis::numbers(&losses)));
    // The best comes last and lies on top.
    for (rank, outcome) in done.iter().enumerate().rev() {
        let share = if done.len() > 1 { rank as f64 / (done.len() - 1) as f64 } else { 0.0 };
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share) as u8;
        let colour = RGBColor(mix(BEST.0, WORST.0), mix(BEST.1, WORST.1), mix(BEST.2, WORST.2));
        let points = axes.iter().enumerate().map(|(place, (name, axis))| {
            let share = match outcome.values.get(name) {
                Some(value) => axis.share(value),
                None => axis.share_of(outcome.loss()),
            };
            (MARGIN + GAP * place as i32, height(share))
        });
        let line = colour.stroke_width(if rank == 0 { 3 } else { 1 });
        root.draw(&PathElement::new(points.collect::<Vec<_>>(), line))?;
    }
    let title = ("sans-serif", 15).into_font().color(&AXIS).pos(Pos::new(HPos::Center, VPos::Bottom));
    let label = ("sans-serif", 12).into_font().color(&AXIS).pos(Pos::new(HPos::Left, VPos::Center));
    for (place, (name, axis)) in axes.iter().enumerate() {
        let x = MARGIN + GAP * place as i32;
        root.draw(&PathElement::new(vec![(x, TOP), (x, BOTTOM)], AXIS.stroke_width(1)))?;
        root.draw(&Text::new(name.clone(), (x, TOP - 14), title.clone()))?;
        for (share, text) in axis.labels() {
            root.draw(&PathElement::new(vec![(x - 4, height(share)), (x + 4, height(share))], AXIS.stroke_width(1)))?;
            root.draw(&Text::new(text, (x + 8, height(share)), label.clone()))?;
        }
    }
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    #[test]
    fn every_trial_with_a_loss_is_a_line_and_axes_show_names_and_orders_of_magnitude() {
        let outcome = |number: usize, strategy: &str, rate: f64, validation_loss: Option<f64>| Outcome {
            trial: number.to_string(),
            values: [("strategy".to_owned(), strategy.into()), ("learning-rate".to_owned(), rate.into())].into(),
            validation_loss,
            best_step: None,
            steps: None,
            kwh: None,
            failure: None,
        };
        let trials = vec![
            outcome(1, "query-value", 1e-5, Some(0.5)),
            outcome(2, "all-linear", 1e-3, Some(0.7)),
            outcome(3, "all-linear", 1e-3, None),
        ];
        let swept = Swept { varied: vec!["strategy".into(), "learning-rate".into()], trials };
        let svg = draw(&swept).unwrap();
        assert_eq!(svg.matches("<polyline").count(), 2 + 3 + 2 + 3 + 3, "{svg}");
        assert!(svg.contains("all-linear") && svg.contains("1.0e-5") && svg.contains("1.0e-4"), "{svg}");
        assert!(draw(&Swept { varied: vec!["rank".into()], trials: Vec::new() }).is_ok());
    }
}
