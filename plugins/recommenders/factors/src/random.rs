//! Seeded streams of random numbers, one a purpose.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// A stream of random numbers.
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream of a seed, a purpose and a number.
    pub fn keyed(seed: u64, purpose: u64, number: u64) -> Random {
        let key = seed ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03);
        Random(Xoshiro256PlusPlus::seed_from_u64(key))
    }

    /// 0 ≤ x < `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.0.next_u64()) * end as u128) >> 64) as usize
    }

    /// 0 ≤ x < 1.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Glorot and Bengio's uniform initialisation: ±√(6 / (inputs + outputs)).
    pub fn xavier(&mut self, inputs: usize, outputs: usize, count: usize) -> Vec<f32> {
        let bound = (6.0 / (inputs + outputs) as f64).sqrt();
        (0..count).map(|_| ((2.0 * self.unit() - 1.0) * bound) as f32).collect()
    }
}
