//! `loss.svg`: training and validation loss over the steps, as a report shows them.

use super::log::Record;
use crate::report::plot::losses;

/// The plot of a log; an empty log gives empty axes.
pub fn draw(log: &[Record]) -> String {
    let (mut training, mut validation) = (Vec::new(), Vec::new());
    for record in log {
        match record {
            Record::Step(record) => training.push((record.step as f64, record.loss)),
            Record::Validation(record) => validation.push((record.step as f64, record.validation_loss)),
        }
    }
    losses("Loss a token", &training, validation).standalone()
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
        let validation = |step: usize, validation_loss: f64| {
            let captions = indexmap::IndexMap::new();
            Record::Validation(Validation { step, epoch: 1.0, validation_loss, best: true, captions })
        };
        let mut log: Vec<Record> = (1..=20).map(step).collect();
        log.extend([validation(10, 0.7), validation(20, 0.5)]);
        let svg = draw(&log);
        assert!(svg.starts_with("<svg") && svg.contains("training") && svg.contains("validation"), "{svg}");
        // A line of twenty points, and one of two with a dot at each.
        let points: Vec<usize> = svg
            .lines()
            .filter_map(|line| line.split("points=\"").nth(1))
            .map(|points| points.split('"').next().unwrap().split_whitespace().count())
            .collect();
        assert!(points.contains(&20), "{points:?}");
        assert_eq!(svg.matches("<circle").count(), 2, "{svg}");
        assert!(draw(&[]).contains("</svg>"));
    }
}
