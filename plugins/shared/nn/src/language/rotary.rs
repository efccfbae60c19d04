//! Rotary position embeddings (Su et al. 2021): pairs of a head's dimensions are turned by angles that grow with the position.

use burn::tensor::{DType, Device, Tensor, TensorData};

/// The angles of a head size.
pub struct Rotary {
    /// One frequency a pair of dimensions.
    frequencies: Vec<f32>,
}

/// Cosines and sines of the positions of some tokens, `[rows, 1, length, head size / 2]`.
pub struct Turn {
    cosine: Tensor<4>,
    sine: Tensor<4>,
}

impl Rotary {
    pub fn new(size: usize, theta: f64) -> Rotary {
        // In f32 throughout, as the checkpoints were trained: a power in f64 would turn late positions by other angles.
        let frequencies =
            (0..size / 2).map(|pair| 1.0 / (theta as f32).powf((2 * pair) as f32 / size as f32)).collect();
        Rotary { frequencies }
    }

    /// Cosines and sines of all positions below a number, `[positions, size / 2]`, in f32.
    #[cfg(feature = "cuda")]
    pub fn table(&self, positions: usize, device: &Device) -> (Tensor<2>, Tensor<2>) {
        let angles: Vec<f32> = (0..positions)
            .flat_map(|position| self.frequencies.iter().map(move |frequency| position as f32 * frequency))
            .collect();
        let shape = [positions, self.frequencies.len()];
        let place = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, shape), (device, DType::F32));
        (
            place(angles.iter().map(|angle| angle.cos()).collect()),
            place(angles.iter().map(|angle| angle.sin()).collect()),
        )
    }

    /// For `rows · length` positions, row after row.
    pub fn turn(&self, positions: &[u32], rows: usize, device: &Device, dtype: DType) -> Turn {
        let pairs = self.frequencies.len();
        let angles: Vec<f32> = positions
            .iter()
            .flat_map(|&position| self.frequencies.iter().map(move |frequency| position as f32 * frequency))
            .collect();
        let shape = [rows, 1, positions.len() / rows.max(1), pairs];
        let place = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, shape), (device, dtype));
        Turn {
            cosine: place(angles.iter().map(|angle| angle.cos()).collect()),
            sine: place(angles.iter().map(|angle| angle.sin()).collect()),
        }
    }
}

impl Turn {
    /// Turns `[rows, heads, length, size]`; dimension i is paired with i + size / 2, as checkpoints of Hugging Face have it.
    pub fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        self.turned(x, self.sine.clone())
    }

    /// Turns back: the way of a gradient.
    pub fn apply_back(&self, x: Tensor<4>) -> Tensor<4> {
        self.turned(x, -self.sine.clone())
    }

    fn turned(&self, x: Tensor<4>, sine: Tensor<4>) -> Tensor<4> {
        let half = x.dims()[3] / 2;
        let first = x.clone().narrow(3, 0, half);
        let second = x.narrow(3, half, half);
        let turned_first = first.clone() * self.cosine.clone() - second.clone() * sine.clone();
        let turned_second = second * self.cosine.clone() + first * sine;
        Tensor::cat(vec![turned_first, turned_second], 3)
    }
}

/// [`Rotary::table`] of a head size.
#[cfg(all(test, feature = "cuda"))]
pub(crate) fn table(size: usize, theta: f64, positions: usize, device: &Device) -> (Tensor<2>, Tensor<2>) {
    Rotary::new(size, theta).table(positions, device)
}
