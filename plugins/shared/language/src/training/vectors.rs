//! Word vectors from running text: skip-gram with negative sampling (Mikolov et al. 2013), with outputs of their own for each place
//! in the window (Ling et al. 2015), which suits syntax. The text is the treebank's and WordNet's definitions.

use crate::network::features::normalised;
use crate::network::weights::Tensor;
use std::collections::HashMap;

/// Places around a word that it is to predict.
const OFFSETS: [isize; 4] = [-2, -1, 1, 2];
const NEGATIVES: usize = 5;
/// Words seen less often have no vector.
const LEAST: usize = 4;
/// Root mean square of the finished vectors' numbers.
const SIZE: f32 = 0.4;

/// Words and their vectors, most frequent first.
pub fn induce(
    sentences: &[Vec<String>],
    width: usize,
    epochs: usize,
    random: &mut fastrand::Rng,
) -> (Vec<String>, Tensor) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for word in sentences.iter().flatten() {
        *counts.entry(normalised(word)).or_default() += 1;
    }
    let mut words: Vec<(String, usize)> = counts.into_iter().filter(|(_, count)| *count >= LEAST).collect();
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rows: HashMap<&str, usize> = words.iter().enumerate().map(|(row, (word, _))| (word.as_str(), row)).collect();
    let total: usize = words.iter().map(|(_, count)| count).sum();
    let text: Vec<Vec<usize>> = sentences
        .iter()
        .map(|sentence| sentence.iter().filter_map(|word| rows.get(normalised(word).as_str()).copied()).collect())
        .collect();

    // Negatives by frequency to the power ¾, from a table.
    let mut negatives = Vec::new();
    for (row, (_, count)) in words.iter().enumerate() {
        let times = (*count as f64).powf(0.75).ceil() as usize;
        negatives.extend(std::iter::repeat_n(row as u32, times));
    }
    let mut inputs = Tensor::zeros(words.len(), width);
    inputs.values.iter_mut().for_each(|value| *value = (random.f32() - 0.5) / width as f32);
    let mut outputs: Vec<Tensor> = OFFSETS.iter().map(|_| Tensor::zeros(words.len(), width)).collect();
    let steps = epochs * text.len();
    let mut sum = vec![0.0; width];
    for step in 0..steps {
        let rate = 0.04 * (1.0 - step as f32 / steps as f32).max(0.02);
        let sentence = &text[step % text.len()];
        for (at, &center) in sentence.iter().enumerate() {
            // Frequent words are passed over by chance.
            let share = words[center].1 as f32 / total as f32;
            if random.f32() > (1e-4 / share).sqrt() + 0.1 {
                continue;
            }
            sum.fill(0.0);
            for (offset, outputs) in OFFSETS.iter().zip(&mut outputs) {
                let Some(&target) = at.checked_add_signed(*offset).and_then(|place| sentence.get(place)) else {
                    continue;
                };
                for draw in 0..=NEGATIVES {
                    let (row, truth) = match draw {
                        0 => (target, 1.0),
                        _ => (negatives[random.usize(..negatives.len())] as usize, 0.0),
                    };
                    if truth == 0.0 && row == target {
                        continue;
                    }
                    let (input, output) = (inputs.row(center), outputs.row_mut(row));
                    let score: f32 = dot(input, output);
                    let error = (truth - crate::network::activation::sigmoid(score)) * rate;
                    for ((sum, output), input) in sum.iter_mut().zip(output).zip(input) {
                        *sum += error * *output;
                        *output += error * input;
                    }
                }
            }
            inputs.row_mut(center).iter_mut().zip(&sum).for_each(|(value, sum)| *value += sum);
        }
    }
    let squares: f64 = inputs.values.iter().map(|value| f64::from(value * value)).sum();
    let scale = SIZE / (squares / inputs.values.len().max(1) as f64).sqrt().max(1e-9) as f32;
    inputs.values.iter_mut().for_each(|value| *value = (*value * scale).clamp(-3.0, 3.0));
    (words.into_iter().map(|(word, _)| word).collect(), inputs)
}

/// Eight sums side by side, so that the compiler vectorises.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>()
        + a.chunks_exact(8).remainder().iter().zip(b.chunks_exact(8).remainder()).map(|(a, b)| a * b).sum::<f32>()
}
