//! Whether a training made its model worse than it was: then the best of its checkpoints is none to use, and nothing else says so.

use super::log::{Record, read_log};
use super::plan::TrainResult;
use std::path::Path;

/// Nats a token by which the end may be worse than the beginning, in the items that are learnt and in those of the validation: other items differ by
/// less, and rarely both; a training that diverged by more.
const MARGIN: f64 = 1.0;

/// What is to be said of a finished training, if anything. A new adapter changes nothing, so the loss of the first step is that of the model without one.
pub fn remark(folder: &Path, result: &TrainResult) -> Option<String> {
    let losses: Vec<f64> = read_log(&folder.join("log.jsonl"))
        .ok()?
        .into_iter()
        .filter_map(|record| match record {
            Record::Step(step) => Some(step.loss),
            Record::Validation(_) => None,
        })
        .collect();
    let (first, last) = (*losses.first()?, *losses.last()?);
    let (what, kept) = match result.validation_loss {
        Some(loss) => ("the best validation loss", loss),
        None => ("the last step's loss", last),
    };
    (kept.min(last) > first + MARGIN).then(|| {
        format!(
            "{what} is {kept:.4}, and the first step's, before anything was learnt, was {first:.4}: the training made the model worse; try a \
             lower --learning-rate in a new folder"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_that_ends_worse_than_it_began_is_remarked_on() {
        let folder = tempfile::tempdir().unwrap();
        let step = |step: usize, loss: f64| {
            format!(
                r#"{{"step":{step},"epoch":1.0,"loss":{loss},"learning_rate":1.0,"grad_norm":1.0,"tokens":9,"images":4}}"#
            )
        };
        let text = format!("{}\n{}\n{}\n", step(1, 0.5), step(2, 7.0), step(3, 5.0));
        std::fs::write(folder.path().join("log.jsonl"), text).unwrap();
        let of = |validation_loss: Option<f64>| {
            let result = TrainResult {
                steps: 3,
                planned_steps: 3,
                epochs: 1.0,
                stopped_early: false,
                best_step: 3,
                validation_loss,
            };
            remark(folder.path(), &result)
        };
        assert!(of(Some(5.3)).is_some_and(|text| text.contains("5.3000") && text.contains("0.5000")));
        assert!(of(None).is_some_and(|text| text.contains("the last step's loss is 5.0000")));
        assert_eq!(of(Some(1.4)), None);
        // The validation items may be the harder ones.
        std::fs::write(folder.path().join("log.jsonl"), format!("{}\n{}\n", step(1, 0.5), step(2, 0.4))).unwrap();
        assert_eq!(of(Some(5.3)), None);
    }
}
