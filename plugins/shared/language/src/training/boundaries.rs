//! Training of the boundary model: averaged perceptrons (Collins 2002) over the treebank's text.

use crate::boundaries::features::{join_features, split_features};
use crate::boundaries::{BUCKETS, Boundaries, Piece, Place, chunks, may_end};
use crate::conllu::{Line, Sentence};
use std::collections::HashSet;

const EPOCHS: usize = 8;

/// The text of a treebank, paragraphs apart, and where its words and sentences are.
#[derive(Debug, Default)]
pub struct Running {
    pub text: String,
    /// Each sentence's words.
    pub sentences: Vec<Vec<Piece>>,
    /// Bytes of the paragraphs.
    paragraphs: Vec<std::ops::Range<usize>>,
}

/// Joins sentences into running text by their `SpaceAfter=No` and `newpar`. Words of a multiword token whose forms do not spell it
/// (`wo n't` of a misspelt `wont`) are divided where the first form's length says.
pub fn running_text(sentences: &[Sentence]) -> Running {
    let mut running = Running::default();
    let mut paragraph = 0;
    for sentence in sentences {
        if sentence.has_comment("newpar") || sentence.has_comment("newdoc") {
            if !running.text.is_empty() {
                running.paragraphs.push(paragraph..running.text.len());
                running.text.push_str("\n\n");
            }
            paragraph = running.text.len();
        }
        let mut pieces = Vec::new();
        let mut inside = 0;
        for line in &sentence.lines {
            match line {
                Line::Multiword { first, last, form, space_after, .. } => {
                    inside = *last;
                    let from = running.text.len();
                    running.text.push_str(form);
                    let end = running.text.len();
                    let mut at = from;
                    for number in *first..=*last {
                        let length = sentence.words[number - 1].form.len();
                        let mut to = if number == *last { end } else { (at + length).min(end) };
                        while !running.text.is_char_boundary(to) {
                            to -= 1;
                        }
                        if to > at {
                            pieces.push(Piece { range: at..to, continues: number > *first });
                        }
                        at = to;
                    }
                    running.text.push_str(if *space_after { " " } else { "" });
                }
                Line::Word(number) if *number > inside => {
                    let word = &sentence.words[number - 1];
                    let from = running.text.len();
                    running.text.push_str(&word.form);
                    pieces.push(Piece { range: from..running.text.len(), continues: false });
                    running.text.push_str(if word.space_after() { " " } else { "" });
                }
                _ => {}
            }
        }
        running.sentences.push(pieces);
    }
    running.paragraphs.push(paragraph..running.text.len());
    running
}

struct Perceptron {
    weights: Vec<f32>,
    sums: Vec<f64>,
}

impl Perceptron {
    fn new() -> Perceptron {
        Perceptron { weights: vec![0.0; BUCKETS], sums: vec![0.0; BUCKETS] }
    }

    fn score(&self, features: &[u32]) -> f32 {
        features.iter().map(|&id| self.weights[id as usize]).sum()
    }

    /// `time` counts examples: the sum of weights over time is `now · weights − sums`.
    fn update(&mut self, features: &[u32], change: f32, time: f64) {
        for &id in features {
            self.weights[id as usize] += change;
            self.sums[id as usize] += f64::from(change) * time;
        }
    }

    fn average(&self, time: f64) -> Vec<f64> {
        self.weights.iter().zip(&self.sums).map(|(weight, sum)| f64::from(*weight) - sum / time).collect()
    }
}

/// Trains on the sentences' text.
pub fn train_boundaries(sentences: &[Sentence], random: &mut fastrand::Rng) -> Boundaries {
    let running = running_text(sentences);
    let all: Vec<&Piece> = running.sentences.iter().flatten().collect();
    let begins: HashSet<usize> = all.iter().map(|piece| piece.range.start).collect();
    let continuing: HashSet<usize> =
        all.iter().filter(|piece| piece.continues).map(|piece| piece.range.start).collect();
    let sentence_ends: HashSet<usize> =
        running.sentences.iter().filter_map(|pieces| pieces.last()).map(|piece| piece.range.end).collect();

    let mut places: Vec<(Vec<u32>, usize)> = Vec::new();
    let mut ends: Vec<(Vec<u32>, bool)> = Vec::new();
    for paragraph in &running.paragraphs {
        for chunk in chunks(&running.text, paragraph.clone()) {
            let mut from = 0;
            for at in 1..chunk.characters.len() {
                let offset = chunk.range(at, at).start;
                let truth = match (begins.contains(&offset), continuing.contains(&offset)) {
                    (true, true) => Place::Word,
                    (true, false) => Place::Token,
                    (false, _) => Place::Inside,
                };
                if chunk.fixed(at).is_none() {
                    let mut features = Vec::new();
                    split_features(&chunk, from, at, &mut features);
                    places.push((features, truth as usize));
                }
                if truth != Place::Inside {
                    from = at;
                }
            }
        }
        let from = all.partition_point(|piece| piece.range.start < paragraph.start);
        let to = all.partition_point(|piece| piece.range.start < paragraph.end);
        let pieces: Vec<Piece> = all[from..to].iter().map(|piece| (*piece).clone()).collect();
        for at in 0..pieces.len().saturating_sub(1) {
            if may_end(&running.text[pieces[at].range.clone()]) {
                let mut features = Vec::new();
                join_features(&running.text, &pieces, at, &mut features);
                ends.push((features, sentence_ends.contains(&pieces[at].range.end)));
            }
        }
    }

    let mut of_places = [Perceptron::new(), Perceptron::new(), Perceptron::new()];
    let mut time = 1.0;
    for _ in 0..EPOCHS {
        random.shuffle(&mut places);
        for (features, truth) in &places {
            let scores = of_places.each_ref().map(|perceptron| perceptron.score(features));
            // A margin, so that the averaged and rounded weights decide alike.
            let guess = (0..3).filter(|guess| guess != truth).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
            if let Some(guess) = guess.filter(|&guess| scores[guess] + 1.0 > scores[*truth]) {
                of_places[*truth].update(features, 1.0, time);
                of_places[guess].update(features, -1.0, time);
            }
            time += 1.0;
        }
    }
    let averages = of_places.each_ref().map(|perceptron| perceptron.average(time));
    let scale = scale_of(averages.iter().flatten());
    let places = averages.map(|average| round(&average, scale));

    let mut of_ends = Perceptron::new();
    let mut time = 1.0;
    for _ in 0..EPOCHS {
        random.shuffle(&mut ends);
        for (features, truth) in &ends {
            let sign = if *truth { 1.0 } else { -1.0 };
            if of_ends.score(features) * sign <= 1.0 {
                of_ends.update(features, sign, time);
            }
            time += 1.0;
        }
    }
    let average = of_ends.average(time);
    let scale = scale_of(average.iter());
    Boundaries { places, ends: round(&average, scale) }
}

fn scale_of<'a>(weights: impl Iterator<Item = &'a f64>) -> f64 {
    127.0 / weights.fold(1e-9, |most: f64, weight| most.max(weight.abs()))
}

fn round(weights: &[f64], scale: f64) -> Vec<i8> {
    weights.iter().map(|weight| (weight * scale).round() as i8).collect()
}
