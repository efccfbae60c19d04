//! What stands between a model's scores and a choice: penalties, forbidden tokens, temperature, top-k and top-p.
//! Scores here are one row's, on the host, in f32.

use super::{Limits, Settings};
use crate::random::Random;
use crate::{Error, Result};

/// Applies the penalties and prohibitions, in the order of transformers. `said` is everything before, prompt included; `new` is
/// how many of them are new.
pub fn penalise(scores: &mut [f32], said: &[u32], new: usize, settings: &Settings, limits: Limits) {
    if settings.repetition_penalty != 1.0 {
        let penalty = settings.repetition_penalty as f32;
        let mut tokens: Vec<u32> = said.to_vec();
        tokens.sort_unstable();
        tokens.dedup();
        for token in tokens {
            if let Some(score) = scores.get_mut(token as usize) {
                *score = if *score < 0.0 { *score * penalty } else { *score / penalty };
            }
        }
    }
    if settings.no_repeat_ngram_size > 0 {
        for token in ends_of_repeated_ngrams(said, settings.no_repeat_ngram_size) {
            forbid(scores, token);
        }
    }
    if new < limits.least {
        for &token in &settings.end_tokens {
            forbid(scores, token);
        }
    }
}

fn forbid(scores: &mut [f32], token: u32) {
    if let Some(score) = scores.get_mut(token as usize) {
        *score = f32::NEG_INFINITY;
    }
}

/// The tokens that would complete an n-gram that stands already.
fn ends_of_repeated_ngrams(said: &[u32], size: usize) -> Vec<u32> {
    if said.len() < size {
        return Vec::new();
    }
    let begin = &said[said.len() + 1 - size..];
    said.windows(size).filter(|ngram| &ngram[..size - 1] == begin).map(|ngram| ngram[size - 1]).collect()
}

/// The index of the greatest score; the first of equals.
pub fn best(scores: &[f32]) -> u32 {
    let mut best = 0;
    for (token, &score) in scores.iter().enumerate() {
        if score > scores[best] {
            best = token;
        }
    }
    best as u32
}

/// # Errors
/// A score that was chosen is no number, as where a weight is none or numbers overflowed: whatever was chosen then says nothing.
pub fn check(chosen: impl IntoIterator<Item = f32>) -> Result<()> {
    let is_none = |score: f32| score.is_nan() || score == f32::INFINITY;
    if chosen.into_iter().any(is_none) { Err(Error::Scores) } else { Ok(()) }
}

/// The probabilities that a draw follows: temperature, then top-k, then top-p, then the softmax of what is left. Tokens with
/// their probabilities, which sum to 1; likelier ones first where top-k or top-p cut, else in the order of the vocabulary.
pub fn distribution(scores: &[f32], settings: &Settings) -> Vec<(u32, f64)> {
    let temperature = settings.temperature;
    let mut kept: Vec<(u32, f64)> = scores
        .iter()
        .enumerate()
        .filter(|(_, score)| **score > f32::NEG_INFINITY)
        .map(|(token, score)| (token as u32, f64::from(*score) / temperature))
        .collect();
    let cuts = (settings.top_k > 0 && settings.top_k < kept.len()) || settings.top_p < 1.0;
    if cuts {
        kept.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    }
    if settings.top_k > 0 && settings.top_k < kept.len() {
        // Ties with the last one stay, as in transformers.
        let least = kept[settings.top_k - 1].1;
        let end = kept.iter().take_while(|(_, score)| *score >= least).count();
        kept.truncate(end);
    }
    softmax(&mut kept);
    if settings.top_p < 1.0 {
        let mut before = 0.0;
        let end = kept
            .iter()
            .take_while(|(_, probability)| {
                let inside = before < settings.top_p;
                before += probability;
                inside
            })
            .count();
        kept.truncate(end.max(1));
        let sum: f64 = kept.iter().map(|(_, probability)| probability).sum();
        kept.iter_mut().for_each(|(_, probability)| *probability /= sum);
    }
    kept
}

fn softmax(scores: &mut [(u32, f64)]) {
    let greatest = scores.iter().fold(f64::NEG_INFINITY, |greatest, (_, score)| greatest.max(*score));
    let mut sum = 0.0;
    for (_, score) in scores.iter_mut() {
        *score = (*score - greatest).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|(_, score)| *score /= sum);
}

/// Draws a token.
pub fn draw(scores: &[f32], settings: &Settings, random: &mut Random) -> u32 {
    let distribution = distribution(scores, settings);
    let point = random.uniform();
    let mut sum = 0.0;
    for (token, probability) in &distribution {
        sum += probability;
        if point < sum {
            return *token;
        }
    }
    // Rounding left the sum just below 1, or there was nothing to draw from.
    distribution.last().map_or(0, |(token, _)| *token)
}

/// ln softmax, in place.
pub fn log_softmax(scores: &mut [f32]) {
    let greatest = scores.iter().fold(f32::NEG_INFINITY, |greatest, &score| greatest.max(score));
    let sum: f64 = scores.iter().map(|&score| f64::from((score - greatest).exp())).sum();
    let shift = greatest + sum.ln() as f32;
    scores.iter_mut().for_each(|score| *score -= shift);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { least: 0, most: 10 };

    #[test]
    fn repetition_weakens_what_was_said() {
        let settings = Settings { repetition_penalty: 2.0, ..Settings::greedy(10, vec![]) };
        let mut scores = [4.0, -4.0, 1.0];
        penalise(&mut scores, &[0, 1, 1], 1, &settings, LIMITS);
        assert_eq!(scores, [2.0, -8.0, 1.0]);
    }

    #[test]
    fn an_ngram_is_not_said_twice() {
        assert_eq!(ends_of_repeated_ngrams(&[1, 2, 3, 1, 2], 3), [3]);
        assert_eq!(ends_of_repeated_ngrams(&[1, 2, 3, 1, 2], 1), [1, 2, 3, 1, 2]);
        assert!(ends_of_repeated_ngrams(&[1], 3).is_empty());
    }

    #[test]
    fn the_end_waits_for_the_least_number_of_tokens() {
        let settings = Settings::greedy(10, vec![2]);
        let limits = Limits { least: 2, most: 10 };
        let mut scores = [0.0, 1.0, 9.0];
        penalise(&mut scores, &[], 1, &settings, limits);
        assert_eq!(best(&scores), 1);
        let mut scores = [0.0, 1.0, 9.0];
        penalise(&mut scores, &[], 2, &settings, limits);
        assert_eq!(best(&scores), 2);
    }

    #[test]
    fn top_k_and_top_p_keep_the_likeliest() {
        let probabilities: [f32; 4] = [0.1, 0.4, 0.2, 0.3];
        let scores = probabilities.map(f32::ln);
        let sampling = Settings { do_sample: true, top_k: 0, ..Settings::greedy(1, vec![]) };
        let tokens = |settings: &Settings| {
            distribution(&scores, settings).into_iter().map(|(token, _)| token).collect::<Vec<_>>()
        };
        assert_eq!(tokens(&sampling), [0, 1, 2, 3]);
        assert_eq!(tokens(&Settings { top_k: 2, ..sampling.clone() }), [1, 3]);
        assert_eq!(tokens(&Settings { top_p: 0.65, ..sampling.clone() }), [1, 3]);
        assert_eq!(tokens(&Settings { top_p: 0.75, ..sampling.clone() }), [1, 3, 2]);
        let sum: f64 = distribution(&scores, &Settings { top_p: 0.75, ..sampling }).iter().map(|(_, p)| p).sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ten_thousand_draws_follow_the_softmax() {
        let scores: Vec<f32> = (0..12).map(|token| (token as f32 * 0.7).sin() * 2.0).collect();
        let settings = Settings { do_sample: true, top_k: 0, temperature: 1.3, ..Settings::greedy(1, vec![]) };
        let expected: Vec<f64> = {
            let weights: Vec<f64> = scores.iter().map(|&score| (f64::from(score) / 1.3).exp()).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter().map(|weight| weight / sum * 10_000.0).collect()
        };
        let mut counts = [0.0_f64; 12];
        for item in 0..10_000_u64 {
            // As the captioners draw: every item has a stream of its own.
            counts[draw(&scores, &settings, &mut Random::new(item)) as usize] += 1.0;
        }
        let statistic: f64 =
            counts.iter().zip(&expected).map(|(count, expected)| (count - expected).powi(2) / expected).sum();
        // The 99.9 % point of chi-squared with 11 degrees of freedom.
        assert!(statistic < 31.264, "chi-squared is {statistic}");
    }
}
