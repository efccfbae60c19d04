//! Adam (Kingma and Ba 2015); the rows of the tables move only when a batch has touched them.

use super::gradient::Touched;
use crate::network::weights::Weights;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.98;
const EPSILON: f32 = 1e-8;
/// Gradients with a greater norm are scaled down to it.
const CLIP: f32 = 2.0;

pub struct Adam {
    first: Weights,
    second: Weights,
    steps: i32,
}

impl Adam {
    /// `zeros` has the weights' shape.
    pub fn new(zeros: Weights) -> Adam {
        Adam { first: zeros.clone(), second: zeros, steps: 0 }
    }

    /// Moves the weights and clears the gradient.
    pub fn step(&mut self, weights: &mut Weights, gradient: &mut Weights, touched: &Touched, rate: f32) {
        self.steps += 1;
        let squares = |values: &[f32]| values.iter().map(|value| f64::from(value * value)).sum::<f64>();
        let mut norm: f64 = gradient.dense().iter().map(|tensor| squares(&tensor.values)).sum();
        norm += touched.words.iter().map(|&row| squares(gradient.words.row(row as usize))).sum::<f64>();
        norm += touched.hashed.iter().map(|&row| squares(gradient.hashed.row(row as usize))).sum::<f64>();
        let scale = (CLIP / norm.sqrt().max(1e-12) as f32).min(1.0);
        let rate = rate * (1.0 - BETA2.powi(self.steps)).sqrt() / (1.0 - BETA1.powi(self.steps));
        let update = |weights: &mut [f32], gradient: &mut [f32], first: &mut [f32], second: &mut [f32]| {
            for (((weight, gradient), first), second) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
                let value = *gradient * scale;
                *first = BETA1 * *first + (1.0 - BETA1) * value;
                *second = BETA2 * *second + (1.0 - BETA2) * value * value;
                *weight -= rate * *first / (second.sqrt() + EPSILON);
                *gradient = 0.0;
            }
        };
        let moments = self.first.dense_mut().into_iter().zip(self.second.dense_mut());
        for ((weight, gradient), (first, second)) in
            weights.dense_mut().into_iter().zip(gradient.dense_mut()).zip(moments)
        {
            update(&mut weight.values, &mut gradient.values, &mut first.values, &mut second.values);
        }
        for (table, rows) in [(0, &touched.words), (1, &touched.hashed)] {
            let [weights, gradient, first, second] = [&mut *weights, &mut *gradient, &mut self.first, &mut self.second]
                .map(|all| {
                    let [words, hashed, _] = all.tables_mut();
                    if table == 0 { words } else { hashed }
                });
            for &row in rows {
                let row = row as usize;
                update(weights.row_mut(row), gradient.row_mut(row), first.row_mut(row), second.row_mut(row));
            }
        }
    }
}
