//! Writes into memory that others hold too: a batch takes the place of the one before, in the buffers that a recorded step reads.

use super::{VECTOR, whole_numbers};
use burn::tensor::{DType, Int, Tensor};
use burn_cubecl::kernel::into_contiguous;
use burn_cuda::Cuda;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;
use half::bf16;

/// Units of a cube.
const UNITS: usize = 256;

/// Writes `new` `[rows, heads, n, size]` into `all` `[rows, heads, capacity, size]` from a position on; `None` where it is for burn to do.
pub fn write_positions(all: &Tensor<4>, new: &Tensor<4>, from: usize) -> Option<()> {
    let [rows, heads, added, size] = new.dims();
    let vectors = size / VECTOR;
    if all.dtype() != DType::BF16
        || new.dtype() != DType::BF16
        || !size.is_multiple_of(VECTOR)
        || rows == 0
        || added == 0
    {
        return None;
    }
    let all = all.clone().try_into_primitive::<Cuda>().ok()?;
    let new = new.clone().try_into_primitive::<Cuda>().ok()?;
    let even = |strides: &[usize]| strides[3] == 1 && strides[..3].iter().all(|stride| stride.is_multiple_of(VECTOR));
    let new = if even(new.meta.strides()) { new } else { into_contiguous(new) };
    if !even(new.meta.strides()) || !even(all.meta.strides()) {
        return None;
    }
    let steps = |strides: &[usize]| [0, 1, 2].map(|dimension| strides[dimension] / VECTOR);
    let (to, of) = (steps(all.meta.strides()), steps(new.meta.strides()));
    let count = rows * heads * added * vectors;
    // SAFETY: the positions are within the cache, and the kernel leaves out what is behind the end of the new ones.
    unsafe {
        write_kernel::launch_unchecked::<CudaRuntime>(
            &new.client.clone(),
            CubeCount::Static(count.div_ceil(UNITS) as u32, 1, 1),
            CubeDim::new_1d(UNITS as u32),
            VECTOR,
            new.into_buffer_arg(),
            all.into_buffer_arg(),
            from,
            added,
            count,
            of[0],
            of[1],
            of[2],
            to[0],
            to[1],
            to[2],
            heads,
            vectors,
        );
    }
    Some(())
}

#[cube(launch_unchecked)]
fn write_kernel<N: Size>(
    new: &[Vector<bf16, N>],
    all: &mut [Vector<bf16, N>],
    from: usize,
    added: usize,
    count: usize,
    new_row: usize,
    new_head: usize,
    new_position: usize,
    row: usize,
    head: usize,
    position: usize,
    #[comptime] heads: usize,
    #[comptime] vectors: usize,
) {
    let at = CUBE_POS_X as usize * UNITS + UNIT_POS_X as usize;
    if at >= count {
        terminate!();
    }
    let v = at % vectors;
    let p = at / vectors % added;
    let h = at / vectors / added % heads;
    let r = at / vectors / added / heads;
    all[r * row + h * head + (from + p) * position + v] = new[r * new_row + h * new_head + p * new_position + v];
}

/// Writes whole numbers over as many others.
pub fn write_numbers(all: &Tensor<1, Int>, new: &Tensor<1, Int>) -> Option<()> {
    let count = new.dims()[0];
    let (all, new) = (whole_numbers(all)?, whole_numbers(new)?);
    // SAFETY: both hold so many numbers, and the kernel leaves out what is behind them.
    unsafe {
        write_numbers_kernel::launch_unchecked::<CudaRuntime>(
            &new.client.clone(),
            CubeCount::Static(count.div_ceil(UNITS) as u32, 1, 1),
            CubeDim::new_1d(UNITS as u32),
            new.into_buffer_arg(),
            all.into_buffer_arg(),
            count,
        );
    }
    Some(())
}

#[cube(launch_unchecked)]
fn write_numbers_kernel(new: &[i32], all: &mut [i32], count: usize) {
    let at = CUBE_POS_X as usize * UNITS + UNIT_POS_X as usize;
    if at < count {
        all[at] = new[at];
    }
}
