//! What a reader of a cell's scores should know of its captions, though nothing failed: empty ones, one caption for most items, captions cut
//! off. Each of them makes scores that say little of the model.

use crate::run::{Outcome, Prediction};
use plugin_api::Finish;
use std::collections::HashMap;

/// Captions that were cut off are told where they are at least one in so many.
const CUT_OFF: usize = 20;
/// Fewer captions than these may well be the same.
const FEW: usize = 5;
/// Characters of a caption that are shown.
const SHOWN: usize = 60;

/// A sentence for each thing.
pub fn remarks(predictions: &[Prediction]) -> Vec<String> {
    let captions: Vec<(&str, Finish)> = predictions
        .iter()
        .filter_map(|prediction| match &prediction.outcome {
            Outcome::Caption { caption, finish, .. } => Some((caption.trim(), *finish)),
            Outcome::Failed { .. } => None,
        })
        .collect();
    let all = captions.len();
    let mut remarks = Vec::new();
    let empty = captions.iter().filter(|(caption, _)| caption.is_empty()).count();
    if empty > 0 {
        remarks.push(format!("{empty} of {all} captions are empty"));
    }
    let mut times: HashMap<&str, usize> = HashMap::new();
    for (caption, _) in captions.iter().filter(|(caption, _)| !caption.is_empty()) {
        *times.entry(caption).or_default() += 1;
    }
    if let Some((caption, count)) = times.into_iter().max_by_key(|(_, count)| *count)
        && all >= FEW
        && 2 * count > all
    {
        let shown: String = caption.chars().take(SHOWN).collect();
        let more = if shown.len() < caption.len() { "…" } else { "" };
        remarks.push(format!("{count} of {all} captions are the same: “{shown}{more}”"));
    }
    let cut_off = captions.iter().filter(|(_, finish)| *finish == Finish::Length).count();
    if cut_off > 0 && CUT_OFF * cut_off >= all {
        remarks.push(format!(
            "{cut_off} of {all} captions were cut off: they reached the most new tokens (--max-new-tokens)"
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caption(caption: &str, finish: Finish) -> Prediction {
        Prediction {
            id: "1".into(),
            outcome: Outcome::Caption { caption: caption.into(), token_ids: Vec::new(), finish },
        }
    }

    #[test]
    fn different_whole_captions_need_no_remark() {
        let mut captions: Vec<Prediction> =
            (0..100).map(|number| caption(&format!("dress {number}"), Finish::Eos)).collect();
        for cut in &mut captions[..4] {
            *cut = caption("a long dress", Finish::Length);
        }
        captions.push(Prediction { id: "2".into(), outcome: Outcome::Failed { error: "no image".into() } });
        assert_eq!(remarks(&captions), [""; 0]);
        assert_eq!(remarks(&[]), [""; 0]);
        assert_eq!(remarks(&[caption("a dress", Finish::Eos)]), [""; 0]);
    }

    #[test]
    fn what_makes_scores_mean_little_is_told() {
        let long = "a dress ".repeat(20);
        let mut captions = vec![caption(&long, Finish::Length); 6];
        captions.extend(vec![caption(" \n", Finish::Eos); 4]);
        let shown: String = long.chars().take(60).collect();
        assert_eq!(
            remarks(&captions),
            [
                "4 of 10 captions are empty".to_owned(),
                format!("6 of 10 captions are the same: “{shown}…”"),
                "6 of 10 captions were cut off: they reached the most new tokens (--max-new-tokens)".to_owned(),
            ]
        );
    }
}
