//! Training: multinomial logistic regression by stochastic gradient steps with AdaGrad's step sizes (Duchi, Hazan and Singer 2011), one
//! thread, seeded order: the same examples give the same file.
//!
//! The kept crates for linear models (linfa-logistic, smartcore) take dense matrices, which 65,536 features of 100,000 texts are not; liblinear's
//! binding compiles C++ and is no longer kept. This is all that is needed of one.

use crate::LinearClassifier;
use crate::features::{BITS, features};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

const EPOCHS: usize = 6;
const STEP: f32 = 0.5;
/// Where a category's probability is this near to its truth, its weights stay: most categories of most examples.
const NEAR: f32 = 2e-3;

/// A text's features, and its category's place.
#[derive(Debug, Clone)]
pub struct Example {
    features: Box<[u32]>,
    category: u32,
}

impl Example {
    /// `category` is a place in the list that [`train`] is given.
    pub fn new(text: &str, category: usize) -> Example {
        Example { features: features(text).into(), category: category as u32 }
    }
}

/// Trains a classifier. `categories` must not be empty; examples of places beyond it are left out.
pub fn train(categories: Vec<String>, examples: &[Example], seed: u64) -> LinearClassifier {
    let each = categories.len();
    let mut weights = vec![0.0f32; each << BITS];
    let mut squares = vec![1e-6f32; each << BITS];
    let mut bias = vec![0.0f32; each];
    let mut bias_squares = vec![1e-6f32; each];
    let mut order: Vec<usize> =
        (0..examples.len()).filter(|place| (examples[*place].category as usize) < each).collect();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut scores = vec![0.0f32; each];
    for _ in 0..EPOCHS {
        for last in (1..order.len()).rev() {
            let draw = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
            order.swap(last, draw as usize);
        }
        for place in &order {
            let example = &examples[*place];
            let value = 1.0 / (example.features.len().max(1) as f32).sqrt();
            scores.copy_from_slice(&bias);
            for feature in &example.features {
                let row = &weights[*feature as usize * each..][..each];
                for (score, weight) in scores.iter_mut().zip(row) {
                    *score += value * weight;
                }
            }
            softmax(&mut scores);
            scores[example.category as usize] -= 1.0;
            for (category, slope) in scores.iter().enumerate().filter(|(_, slope)| slope.abs() > NEAR) {
                step(&mut bias[category], &mut bias_squares[category], *slope);
                for feature in &example.features {
                    let at = *feature as usize * each + category;
                    step(&mut weights[at], &mut squares[at], slope * value);
                }
            }
        }
    }
    LinearClassifier::rounded(categories, bias, &weights)
}

fn step(weight: &mut f32, squares: &mut f32, slope: f32) {
    *squares += slope * slope;
    *weight -= STEP * slope / squares.sqrt();
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().fold(f32::NEG_INFINITY, |largest, score| largest.max(*score));
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}
