//! Where a batch in decoding stands, kept on the device, so that a step needs nothing from the host and can be replayed as it is.

use super::write::write_numbers;
use super::{PLANE, whole_numbers};
use burn::tensor::{Int, Tensor, TensorData};
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;

/// The place of the next token and what was said so far.
pub struct Pace {
    /// `[1]`: positions read so far, padding included.
    position: Tensor<1, Int>,
    /// `[rows]`: positions at the left that are padding.
    padding: Tensor<1, Int>,
    /// The same of what an encoder read.
    crossed_padding: Tensor<1, Int>,
    /// `[rows]`: the tokens to read next.
    tokens: Tensor<1, Int>,
    /// `[steps · rows]`, step after step: the tokens chosen since the beginning.
    said: Tensor<1, Int>,
    /// The position at the beginning.
    begin: usize,
    /// Cosines and sines of every position, where positions turn.
    turns: Option<(Tensor<2>, Tensor<2>)>,
}

impl Pace {
    /// `tokens` `[rows]` are to be read at position `begin`; room for what `steps` steps choose.
    pub fn new(
        begin: usize,
        padding: &[usize],
        crossed_padding: &[usize],
        tokens: &Tensor<1, Int>,
        steps: usize,
        turns: Option<(Tensor<2>, Tensor<2>)>,
    ) -> Pace {
        let device = tokens.device();
        let numbers = |numbers: Vec<i32>| {
            let count = numbers.len();
            Tensor::<1, Int>::from_data(TensorData::new(numbers, [count]), &device)
        };
        let counts = |counts: &[usize]| numbers(counts.iter().map(|&count| count as i32).collect());
        Pace {
            position: numbers(vec![begin as i32]),
            padding: counts(padding),
            crossed_padding: counts(crossed_padding),
            // Of its own: steps write it in place.
            tokens: tokens.clone() + 0,
            said: Tensor::zeros([steps.max(1) * padding.len()], &device),
            begin,
            turns,
        }
    }

    /// Stands at the beginning again with another batch, of as many rows and as far.
    pub fn restart(&self, padding: &[usize], crossed_padding: &[usize], tokens: &Tensor<1, Int>) {
        let other = Pace::new(self.begin, padding, crossed_padding, tokens, 1, None);
        let pairs = [
            (&self.position, &other.position),
            (&self.padding, &other.padding),
            (&self.crossed_padding, &other.crossed_padding),
            (&self.tokens, &other.tokens),
        ];
        for (mine, new) in pairs {
            write_numbers(mine, new).expect("a pace stands on a GPU");
        }
    }

    /// The position of the next token, `[1]`, and how many positions at the left of each row are padding, `[rows]`.
    pub fn place(&self) -> (&Tensor<1, Int>, &Tensor<1, Int>) {
        (&self.position, &self.padding)
    }

    /// [`Pace::place`] of what an encoder read.
    pub fn crossed_place(&self) -> (&Tensor<1, Int>, &Tensor<1, Int>) {
        (&self.position, &self.crossed_padding)
    }

    pub fn turns(&self) -> Option<(&Tensor<2>, &Tensor<2>)> {
        self.turns.as_ref().map(|(cosines, sines)| (cosines, sines))
    }

    /// The tokens to read next, `[rows]`.
    pub fn tokens(&self) -> Tensor<1, Int> {
        self.tokens.clone()
    }

    /// Every row's position without its padding, `[rows]`.
    pub fn row_positions(&self) -> Tensor<1, Int> {
        self.position.clone().expand([self.padding.dims()[0]]) - self.padding.clone()
    }

    /// Takes the tokens that a step chose, `[rows]`, as those to read next, in place.
    pub fn advance(&self, chosen: &Tensor<1, Int>) {
        self.advanced(chosen).expect("a pace stands on a GPU");
    }

    fn advanced(&self, chosen: &Tensor<1, Int>) -> Option<()> {
        let rows = chosen.dims()[0];
        let (position, tokens, chosen) =
            (whole_numbers(&self.position)?, whole_numbers(&self.tokens)?, whole_numbers(chosen)?);
        let said = whole_numbers(&self.said)?;
        // SAFETY: the kernel's rows are those of the batch, and no more steps are taken than there is room for.
        unsafe {
            advance_kernel::launch_unchecked::<CudaRuntime>(
                &position.client.clone(),
                CubeCount::Static(1, 1, 1),
                CubeDim::new_1d(4 * PLANE as u32),
                position.into_buffer_arg(),
                tokens.into_buffer_arg(),
                chosen.into_buffer_arg(),
                said.into_buffer_arg(),
                self.begin,
                rows,
            );
        }
        Some(())
    }

    /// How many steps were taken. Waits for the device.
    pub fn taken(&self) -> usize {
        let position = self.position.clone().into_data().iter::<i64>().next().unwrap_or(0);
        (position as usize).saturating_sub(self.begin)
    }

    /// What the first so many steps chose, step after step. Waits for the device.
    pub fn said(&self, steps: usize) -> Vec<i64> {
        let rows = self.padding.dims()[0];
        self.said.clone().into_data().iter::<i64>().take(steps * rows).collect()
    }
}

#[cube(launch_unchecked)]
fn advance_kernel(
    position: &mut [i32],
    tokens: &mut [i32],
    chosen: &[i32],
    said: &mut [i32],
    begin: usize,
    rows: usize,
) {
    let step = position[0] as usize - begin;
    let mut row = UNIT_POS_X as usize;
    while row < rows {
        tokens[row] = chosen[row];
        said[step * rows + row] = chosen[row];
        row += comptime!(4 * PLANE);
    }
    sync_cube();
    if UNIT_POS_X == 0 {
        position[0] += 1;
    }
}
