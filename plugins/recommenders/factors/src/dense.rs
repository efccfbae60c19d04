//! Parameters that every batch changes as a whole, with Adam (Kingma and Ba 2015; torch's defaults).

use rayon::prelude::*;

pub const BETA1: f32 = 0.9;
pub const BETA2: f32 = 0.999;
pub const EPSILON: f32 = 1e-8;

/// The step size and the second moment's correction of step `t`, counted from 1.
#[derive(Debug, Clone, Copy)]
pub struct AdamStep {
    pub rate: f32,
    pub correction: f32,
}

impl AdamStep {
    pub fn new(learning_rate: f64, t: u64) -> AdamStep {
        let t = t.min(i32::MAX as u64) as i32;
        let rate = learning_rate / (1.0 - f64::from(BETA1).powi(t));
        AdamStep { rate: rate as f32, correction: (1.0 - f64::from(BETA2).powi(t)).sqrt() as f32 }
    }

    /// One parameter's change.
    #[inline(always)]
    pub fn apply(self, value: &mut f32, first: &mut f32, second: &mut f32, gradient: f32) {
        *first = BETA1 * *first + (1.0 - BETA1) * gradient;
        *second = BETA2 * *second + (1.0 - BETA2) * gradient * gradient;
        *value -= self.rate * *first / (second.sqrt() / self.correction + EPSILON);
    }
}

/// A dense block of parameters.
#[derive(Debug, Clone)]
pub struct Dense {
    pub values: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Dense {
    pub fn new(values: Vec<f32>) -> Dense {
        let zeros = vec![0.0; values.len()];
        Dense { values, first: zeros.clone(), second: zeros }
    }

    pub fn update(&mut self, gradient: &[f32], step: AdamStep) {
        const CHUNK: usize = 4096;
        self.values
            .par_chunks_mut(CHUNK)
            .zip(self.first.par_chunks_mut(CHUNK))
            .zip(self.second.par_chunks_mut(CHUNK))
            .zip(gradient.par_chunks(CHUNK))
            .for_each(|(((values, first), second), gradient)| {
                for (((value, first), second), gradient) in values.iter_mut().zip(first).zip(second).zip(gradient) {
                    step.apply(value, first, second, *gradient);
                }
            });
    }
}
