//! The keys and values of the tokens so far, in buffers of fixed size.

use super::{attend, joined_heads, split_heads};
use crate::gpu::Pace;
use crate::language::Turn;
use burn::tensor::{DType, Device, Int, Tensor};

/// One layer's keys and values, `[rows, heads, capacity, head size]`, of which the first `length` positions are filled.
#[derive(Clone)]
pub struct KvCache {
    keys: Tensor<4>,
    values: Tensor<4>,
    length: usize,
}

/// How new positions attend.
#[derive(Clone, Copy)]
pub struct Attending<'a> {
    pub heads: usize,
    /// Heads of keys and values.
    pub groups: usize,
    pub scale: f64,
    /// Rotary positions of queries and keys.
    pub turn: Option<&'a Turn>,
    /// Broadcasts to `[rows, heads, length, positions]`; with a pace, what it is for every position.
    pub bias: Option<&'a Tensor<4>>,
    /// Where a batch stands that decodes on a GPU: turns and hidden positions then follow from it.
    pub pace: Option<&'a Pace>,
}

impl KvCache {
    /// Room for `capacity` positions, allocated once.
    pub fn new(rows: usize, heads: usize, capacity: usize, size: usize, device: &Device, dtype: DType) -> KvCache {
        let empty = || Tensor::zeros([rows, heads, capacity, size], (device, dtype));
        KvCache { keys: empty(), values: empty(), length: 0 }
    }

    /// The same memory, to be filled anew.
    #[cfg(feature = "cuda")]
    pub fn emptied(&self) -> KvCache {
        KvCache { length: 0, ..self.clone() }
    }

    /// Whether the GPU's kernels can attend to these keys and values.
    #[cfg(feature = "cuda")]
    pub fn fits_gpu(&self, turns: bool) -> bool {
        crate::gpu::fits(&self.keys, turns) && crate::gpu::fits(&self.values, turns)
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

    /// Attention of the next positions to themselves and all before, whose keys and values are kept on the way. `all` is
    /// `[rows, length, (heads + 2 · groups) · size]`: queries, keys, values. Gives `[rows, length, heads · size]`.
    pub fn attend(&mut self, all: Tensor<3>, attending: &Attending<'_>) -> Tensor<3> {
        let Attending { heads, groups, scale, turn, bias, pace } = *attending;
        #[cfg(feature = "cuda")]
        if let Some(pace) = pace {
            let [rows, _, width] = all.dims();
            let step = crate::gpu::Step { heads, scale, appends: true, place: pace.place(), turns: pace.turns(), bias };
            let attended = crate::gpu::attend_step(&all.reshape([rows, width]), &self.keys, &self.values, &step);
            return attended.unsqueeze_dim(1);
        }
        let _ = pace;
        let all = split_heads(all, heads + 2 * groups);
        // Queries and keys turn together: they stand side by side.
        let turned = all.clone().narrow(1, 0, heads + groups);
        let turned = match turn {
            Some(turn) => turn.apply(turned),
            None => turned,
        };
        let query = turned.clone().narrow(1, 0, heads);
        let (keys, values) = self.append(turned.narrow(1, heads, groups), all.narrow(1, heads + groups, groups));
        joined_heads(attend(query, keys, values, bias.cloned(), scale))
    }

    /// Writes the next positions in place and gives all keys and values so far, `[rows, heads, length, head size]`. The caller
    /// never exceeds the capacity: the generation loop makes room for the prompt and every new token.
    pub fn append(&mut self, keys: Tensor<4>, values: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let new = keys.dims()[2];
        write(&mut self.keys, keys, self.length);
        write(&mut self.values, values, self.length);
        self.length += new;
        (self.keys.clone().narrow(2, 0, self.length), self.values.clone().narrow(2, 0, self.length))
    }

    /// Keeps the rows of these numbers, in this order; a row may stand several times.
    pub fn select_rows(&mut self, rows: &Tensor<1, Int>) {
        self.keys.inplace(|all| all.select(0, rows.clone()));
        self.values.inplace(|all| all.select(0, rows.clone()));
    }
}

/// Writes `new` from a position on.
fn write(all: &mut Tensor<4>, new: Tensor<4>, from: usize) {
    #[cfg(feature = "cuda")]
    if crate::gpu::write_positions(all, &new, from).is_some() {
        return;
    }
    all.inplace(|all| {
        #[cfg(feature = "flex")]
        let all = match crate::cpu::assign_positions(all, &new, from) {
            Ok(all) => return all,
            Err(all) => all,
        };
        let [rows, heads, added, size] = new.dims();
        all.slice_assign([0..rows, 0..heads, from..from + added, 0..size], new)
    });
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
