//! From the bytes of a stored tensor to the number format of the device.

use burn::tensor::DType;
use half::{bf16, f16};
use safetensors::Dtype;

/// A growing buffer of numbers in the device's format.
pub enum Numbers {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
}

impl Numbers {
    /// `None` where the device's format is neither f32 nor bf16.
    pub fn with_capacity(dtype: DType, count: usize) -> Option<Numbers> {
        match dtype {
            DType::F32 => Some(Numbers::F32(Vec::with_capacity(count))),
            DType::BF16 => Some(Numbers::Bf16(Vec::with_capacity(count))),
            _ => None,
        }
    }

    /// Appends a stored tensor's numbers. False if its format is not one of f32, f16, bf16.
    #[must_use]
    pub fn extend(&mut self, stored: Dtype, bytes: &[u8]) -> bool {
        match (self, stored) {
            (Numbers::F32(out), Dtype::F32) => out.extend(words::<4>(bytes).map(f32::from_le_bytes)),
            (Numbers::F32(out), Dtype::BF16) => {
                out.extend(words::<2>(bytes).map(|word| bf16::from_le_bytes(word).to_f32()));
            }
            (Numbers::F32(out), Dtype::F16) => {
                out.extend(words::<2>(bytes).map(|word| f16::from_le_bytes(word).to_f32()));
            }
            (Numbers::Bf16(out), Dtype::BF16) => out.extend(words::<2>(bytes).map(bf16::from_le_bytes)),
            (Numbers::Bf16(out), Dtype::F32) => {
                out.extend(words::<4>(bytes).map(|word| bf16::from_f32(f32::from_le_bytes(word))));
            }
            (Numbers::Bf16(out), Dtype::F16) => {
                out.extend(words::<2>(bytes).map(|word| bf16::from_f32(f16::from_le_bytes(word).to_f32())));
            }
            _ => return false,
        }
        true
    }

    pub fn push_repeated(&mut self, value: f32, count: usize) {
        match self {
            Numbers::F32(out) => out.resize(out.len() + count, value),
            Numbers::Bf16(out) => out.resize(out.len() + count, bf16::from_f32(value)),
        }
    }

    pub fn push(&mut self, values: impl Iterator<Item = f32>) {
        match self {
            Numbers::F32(out) => out.extend(values),
            Numbers::Bf16(out) => out.extend(values.map(bf16::from_f32)),
        }
    }
}

/// A stored tensor's numbers in f32; `None` if its format is not one of f32, f16, bf16.
pub fn f32_numbers(stored: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    let mut numbers = Numbers::with_capacity(DType::F32, bytes.len() / 2)?;
    match (numbers.extend(stored, bytes), numbers) {
        (true, Numbers::F32(values)) => Some(values),
        _ => None,
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}
