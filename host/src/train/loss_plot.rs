//! `loss.svg`: training and validation loss over the steps, and the learning rate below.

use super::log::Record;
use crate::error::{Error, Result};
use plotters::prelude::*;

const SIZE: (u32, u32) = (900, 540);
/// Blue and orange that people with any kind of colour vision tell apart (Okabe and Ito).
const TRAINING: RGBColor = RGBColor(0, 114, 178);
const VALIDATION: RGBColor = RGBColor(213, 94, 0);
const GREY: RGBColor = RGBColor(110, 110, 110);

/// The plot of a log; an empty log gives empty axes.
pub fn draw(log: &[Record]) -> Result<String> {
    let mut svg = String::new();
    let mut training = Vec::new();
    let mut rates = Vec::new();
    let mut validation = Vec::new();
    for record in log {
        match record {
            Record::Step(step) => {
                training.push((step.step as f64, step.loss));
                rates.push((step.step as f64, step.learning_rate));
            }
            Record::Validation(record) => validation.push((record.step as f64, record.validation_loss)),
        }
    }
    plot(&mut svg, &training, &validation, &rates)
        .map_err(|error| Error::failed(format!("cannot draw the losses: {error}")))?;
    Ok(svg)
}

type Points = [(f64, f64)];

fn plot(
    svg: &mut String,
    training: &Points,
    validation: &Points,
    rates: &Points,
) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (losses, below) = root.split_vertically(400);
    let steps = training.last().map_or(1.0, |(step, _)| *step).max(1.0);
    let whole = |step: &f64| format!("{step:.0}");
    let top = training.iter().chain(validation).map(|(_, loss)| *loss).fold(0.0, f64::max).max(1e-6);
    let mut chart = ChartBuilder::on(&losses)
        .margin(12)
        .caption("Loss", ("sans-serif", 18))
        .x_label_area_size(30)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..steps, 0.0..top * 1.05)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(8)
        .x_label_formatter(&whole)
        .y_desc("loss a token")
        .draw()?;
    chart
        .draw_series(LineSeries::new(training.iter().copied(), TRAINING.mix(0.8).stroke_width(1)))?
        .label("training")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], TRAINING));
    chart
        .draw_series(LineSeries::new(validation.iter().copied(), VALIDATION.stroke_width(2)).point_size(3))?
        .label("validation")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], VALIDATION.stroke_width(2)));
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(GREY.mix(0.4)).draw()?;
    let most = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max).max(1e-12);
    let mut chart = ChartBuilder::on(&below)
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..steps, 0.0..most * 1.05)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(8)
        .x_label_formatter(&whole)
        .y_labels(3)
        .x_desc("step")
        .y_desc("learning rate")
        .y_label_formatter(&|rate| format!("{rate:.0e}"))
        .draw()?;
    chart.draw_series(LineSeries::new(rates.iter().copied(), GREY.stroke_width(1)))?;
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::log::{StepRecord, Validation};
    use super::*;

    #[test]
    fn a_plot_has_both_curves_and_an_empty_log_has_axes() {
        let step = |step: usize| {
            let (loss, learning_rate) = (2.0 / step as f64, 1e-4);
            Record::Step(StepRecord { step, epoch: 0.0, loss, learning_rate, grad_norm: 1.0, tokens: 1, images: 1 })
        };
        let mut log: Vec<Record> = (1..=20).map(step).collect();
        let (validation_loss, captions) = (0.5, indexmap::IndexMap::new());
        log.push(Record::Validation(Validation { step: 20, epoch: 1.0, validation_loss, best: true, captions }));
        let svg = draw(&log).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("validation") && svg.contains("#0072B2"), "{svg}");
        assert!(draw(&[]).unwrap().contains("</svg>"));
    }
}
