//! The keys and values of the tokens so far, in buffers of fixed size.

use burn::tensor::{DType, Device, Int, Tensor};

/// One layer's keys and values, `[rows, heads, capacity, head size]`, of which the first `length` positions are filled.
pub struct KvCache {
    keys: Tensor<4>,
    values: Tensor<4>,
    length: usize,
}

impl KvCache {
    /// Room for `capacity` positions, allocated once.
    pub fn new(rows: usize, heads: usize, capacity: usize, size: usize, device: &Device, dtype: DType) -> KvCache {
        let empty = || Tensor::zeros([rows, heads, capacity, size], (device, dtype));
        KvCache { keys: empty(), values: empty(), length: 0 }
    }

    /// Positions filled so far.
    pub fn length(&self) -> usize {
        self.length
    }

    pub fn device(&self) -> Device {
        self.keys.device()
    }

    pub fn dtype(&self) -> DType {
        self.keys.dtype()
    }

    /// Writes the next positions in place and gives all keys and values so far, `[rows, heads, length, head size]`. The caller
    /// never exceeds the capacity: the generation loop makes room for the prompt and every new token.
    pub fn append(&mut self, keys: Tensor<4>, values: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let new = keys.dims()[2];
        self.keys.inplace(|all| assigned(all, keys, self.length));
        self.values.inplace(|all| assigned(all, values, self.length));
        self.length += new;
        (self.keys.clone().narrow(2, 0, self.length), self.values.clone().narrow(2, 0, self.length))
    }

    /// Keeps the rows of these numbers, in this order; a row may stand several times.
    pub fn select_rows(&mut self, rows: &Tensor<1, Int>) {
        self.keys.inplace(|all| all.select(0, rows.clone()));
        self.values.inplace(|all| all.select(0, rows.clone()));
    }
}

/// `all` with `new` from a position on.
fn assigned(all: Tensor<4>, new: Tensor<4>, from: usize) -> Tensor<4> {
    #[cfg(feature = "flex")]
    let all = match crate::cpu::assign_positions(all, &new, from) {
        Ok(all) => return all,
        Err(all) => all,
    };
    let [rows, heads, added, size] = new.dims();
    all.slice_assign([0..rows, 0..heads, from..from + added, 0..size], new)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    #[test]
    fn positions_come_back_as_they_were_written() {
        let device = crate::Placement::cpu().unwrap().device;
        let numbers = |count: usize, from: f32| (0..count).map(|i| i as f32 + from).collect::<Vec<_>>();
        let mut cache = KvCache::new(2, 3, 5, 4, &device, DType::F32);
        let mut all: [Vec<Tensor<4>>; 2] = Default::default();
        for (added, from) in [(3, 0.0), (1, 500.0), (1, 900.0)] {
            // As layers hand them over: heads split off a wider product, not contiguous.
            let wide =
                Tensor::<4>::from_data(TensorData::new(numbers(2 * added * 6 * 4, from), [2, added, 6, 4]), &device);
            let wide = wide.swap_dims(1, 2);
            let parts = [wide.clone().narrow(1, 0, 3), wide.narrow(1, 3, 3)];
            let (keys, values) = cache.append(parts[0].clone(), parts[1].clone());
            for ((seen, part), read) in all.iter_mut().zip(parts).zip([keys, values]) {
                seen.push(part);
                let expected = Tensor::cat(seen.clone(), 2);
                assert_eq!(read.into_data(), expected.into_data());
            }
        }
    }
}
