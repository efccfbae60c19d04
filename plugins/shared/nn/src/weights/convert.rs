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

/// Whether a stored tensor's numbers are all finite. Of a format that is not read, nothing is known.
pub fn all_finite(stored: Dtype, bytes: &[u8]) -> bool {
    // NaN and the infinities alone have all bits of the exponent. No early end: so many numbers are looked at with one instruction.
    let short = |exponent: u16| {
        let is_none = |word: [u8; 2]| u16::from_le_bytes(word) & exponent == exponent;
        !words::<2>(bytes).fold(false, |found, word| found | is_none(word))
    };
    match stored {
        Dtype::F32 => {
            let is_none = |word: [u8; 4]| u32::from_le_bytes(word) & 0x7f80_0000 == 0x7f80_0000;
            !words::<4>(bytes).fold(false, |found, word| found | is_none(word))
        }
        Dtype::BF16 => short(0x7f80),
        Dtype::F16 => short(0x7c00),
        _ => true,
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_found_in_every_format() {
        let f32s = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let f16s =
            |values: &[f32]| values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect::<Vec<u8>>();
        let bf16s =
            |values: &[f32]| values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect::<Vec<u8>>();
        let fine = [0.0, -0.0, 1.0, -65504.0, 65504.0, 1e-7, 3.0];
        assert!(all_finite(Dtype::F32, &f32s(&[f32::MAX, f32::MIN, f32::MIN_POSITIVE])));
        for none in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in 0..fine.len() {
                let mut values = fine;
                let forms = |values: &[f32]| {
                    [(Dtype::F32, f32s(values)), (Dtype::F16, f16s(values)), (Dtype::BF16, bf16s(values))]
                };
                assert!(forms(&values).iter().all(|(dtype, bytes)| all_finite(*dtype, bytes)));
                values[place] = none;
                assert!(forms(&values).iter().all(|(dtype, bytes)| !all_finite(*dtype, bytes)), "{none} at {place}");
            }
        }
    }
}
