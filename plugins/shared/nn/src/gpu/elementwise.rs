//! What follows a matrix product, in one pass: bias, activation, residual.

use super::{VECTOR, activated, even, room, rows as rows_of, tensor};
use crate::layers::Activation;
use burn::tensor::Tensor;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;
use half::bf16;

/// Units of a cube.
const UNITS: usize = 256;

/// activation(x + bias) + residual, with any of the three, over `[n, width]`; `None` where it is for burn to do.
pub fn biased(
    x: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    activation: Option<Activation>,
    residual: Option<&Tensor<2>>,
) -> Option<Tensor<2>> {
    let [rows, width] = x.dims();
    if !width.is_multiple_of(VECTOR) || rows == 0 {
        return None;
    }
    let (x, bias_rows) = (rows_of(x)?, bias.map_or_else(|| rows_of(x), rows_of)?);
    let out = room(&x.memory, [rows, width]);
    let residual_rows = residual.map_or_else(|| Some(even(x.memory.clone())), rows_of)?;
    let vectors = rows * width / VECTOR;
    // SAFETY: the kernel leaves out what is behind the end, and all tensors have the shape of the output but the bias, one row.
    unsafe {
        biased_kernel::launch_unchecked::<CudaRuntime>(
            &out.client,
            CubeCount::Static(vectors.div_ceil(UNITS) as u32, 1, 1),
            CubeDim::new_1d(UNITS as u32),
            VECTOR,
            x.memory.into_buffer_arg(),
            bias_rows.memory.into_buffer_arg(),
            residual_rows.memory.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            vectors,
            x.pitch / VECTOR,
            residual_rows.pitch / VECTOR,
            width / VECTOR,
            bias.is_some(),
            activation,
            residual.is_some(),
        );
    }
    Some(tensor(out))
}

#[cube(launch_unchecked)]
fn biased_kernel<N: Size>(
    x: &[Vector<bf16, N>],
    bias: &[Vector<bf16, N>],
    residual: &[Vector<bf16, N>],
    y: &mut [Vector<bf16, N>],
    vectors: usize,
    x_pitch: usize,
    residual_pitch: usize,
    #[comptime] width: usize,
    #[comptime] has_bias: bool,
    #[comptime] activation: Option<Activation>,
    #[comptime] has_residual: bool,
) {
    let at = CUBE_POS_X as usize * UNITS + UNIT_POS_X as usize;
    if at >= vectors {
        terminate!();
    }
    let mut value = Vector::<f32, N>::cast_from(x[at / width * x_pitch + at % width]);
    if has_bias {
        value += Vector::<f32, N>::cast_from(bias[at % width]);
    }
    if comptime!(activation.is_some()) {
        let mut after = Vector::<f32, N>::new(0.0f32);
        #[unroll]
        for component in 0..VECTOR {
            after.insert(component, activated(value.extract(component), activation));
        }
        value = after;
    }
    if has_residual {
        value += Vector::<f32, N>::cast_from(residual[at / width * residual_pitch + at % width]);
    }
    y[at] = Vector::<bf16, N>::cast_from(value);
}

/// activation(first half) · second half of `[n, 2 · width]`; `None` where it is for burn to do.
pub fn gated(x: &Tensor<2>, activation: Activation) -> Option<Tensor<2>> {
    let [rows, both] = x.dims();
    let width = both / 2;
    if !width.is_multiple_of(VECTOR) || rows == 0 {
        return None;
    }
    let x = rows_of(x)?;
    let out = room(&x.memory, [rows, width]);
    let vectors = rows * width / VECTOR;
    // SAFETY: the kernel leaves out what is behind the end of the output; the input has twice as much.
    unsafe {
        gated_kernel::launch_unchecked::<CudaRuntime>(
            &out.client,
            CubeCount::Static(vectors.div_ceil(UNITS) as u32, 1, 1),
            CubeDim::new_1d(UNITS as u32),
            VECTOR,
            x.memory.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            vectors,
            x.pitch / VECTOR,
            width / VECTOR,
            Some(activation),
        );
    }
    Some(tensor(out))
}

#[cube(launch_unchecked)]
fn gated_kernel<N: Size>(
    x: &[Vector<bf16, N>],
    y: &mut [Vector<bf16, N>],
    vectors: usize,
    x_pitch: usize,
    #[comptime] width: usize,
    #[comptime] activation: Option<Activation>,
) {
    let at = CUBE_POS_X as usize * UNITS + UNIT_POS_X as usize;
    if at >= vectors {
        terminate!();
    }
    let first = at / width * x_pitch + at % width;
    let gate = Vector::<f32, N>::cast_from(x[first]);
    let up = Vector::<f32, N>::cast_from(x[first + width]);
    let mut opened = Vector::<f32, N>::new(0.0f32);
    #[unroll]
    for component in 0..VECTOR {
        opened.insert(component, activated(gate.extract(component), activation));
    }
    y[at] = Vector::<bf16, N>::cast_from(opened * up);
}
