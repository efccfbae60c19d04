//! Normalisation over the last dimension: one cube a row, sums in f32.

use super::{PLANE, Rows, VECTOR, room, rows, tensor};
use burn::tensor::Tensor;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;
use half::bf16;

/// Planes that share a row.
const PLANES: usize = 4;

/// As [`crate::layers::LayerNorm`]; `None` where it is for burn to do.
pub fn layer_norm<const D: usize>(
    x: &Tensor<D>,
    weight: &Tensor<1>,
    bias: &Tensor<1>,
    epsilon: f64,
) -> Option<Tensor<D>> {
    let (weight, bias) = (rows(weight)?, rows(bias)?);
    normalised(x, weight, bias, epsilon, true)
}

/// As [`crate::layers::RmsNorm`]; `None` where it is for burn to do.
pub fn rms_norm<const D: usize>(x: &Tensor<D>, weight: &Tensor<1>, epsilon: f64) -> Option<Tensor<D>> {
    let (weight, unused) = (rows(weight)?, rows(weight)?);
    normalised(x, weight, unused, epsilon, false)
}

fn normalised<const D: usize>(
    x: &Tensor<D>,
    weight: Rows,
    bias: Rows,
    epsilon: f64,
    centred: bool,
) -> Option<Tensor<D>> {
    let (shape, (count, width)) = (x.dims(), whole_vectors(x)?);
    let x = rows(x)?;
    let out = room(&x.memory, shape);
    // SAFETY: the kernel reads and writes `count` rows of `width` numbers, which is what the tensors hold.
    unsafe {
        norm_kernel::launch_unchecked::<CudaRuntime>(
            &out.client,
            CubeCount::Static(count as u32, 1, 1),
            CubeDim::new_2d(PLANE as u32, PLANES as u32),
            VECTOR,
            x.memory.into_buffer_arg(),
            weight.memory.into_buffer_arg(),
            bias.memory.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            epsilon as f32,
            x.pitch / VECTOR,
            width / VECTOR,
            centred,
        );
    }
    Some(tensor(out))
}

/// How many rows there are, and how wide, if they are whole vectors and there are any.
fn whole_vectors<const D: usize>(x: &Tensor<D>) -> Option<(usize, usize)> {
    let shape = x.dims();
    let width = shape[D - 1];
    let count = shape.iter().product::<usize>() / width.max(1);
    (width.is_multiple_of(VECTOR) && count > 0).then_some((count, width))
}

/// One row of `vectors` vectors: y = (x − mean) / √(variance + ε) · weight + bias, or without mean and bias.
#[cube(launch_unchecked)]
fn norm_kernel<N: Size>(
    x: &[Vector<bf16, N>],
    weight: &[Vector<bf16, N>],
    bias: &[Vector<bf16, N>],
    y: &mut [Vector<bf16, N>],
    epsilon: f32,
    pitch: usize,
    #[comptime] vectors: usize,
    #[comptime] centred: bool,
) {
    let row = CUBE_POS_X as usize * pitch;
    let y_row = CUBE_POS_X as usize * vectors;
    let units = comptime!(PLANE * PLANES);
    let unit = UNIT_POS as usize;
    let mut sums = Shared::<[f32]>::new_slice(comptime!(2 * PLANES));
    let count = f32::cast_from(comptime!(vectors * VECTOR) as u32);
    let mut mean = 0.0f32;
    if centred {
        let mut sum = Vector::<f32, N>::new(0.0f32);
        let mut v = unit;
        while v < vectors {
            sum += Vector::<f32, N>::cast_from(x[row + v]);
            v += units;
        }
        mean = cube_sum::<N>(sum, &mut sums, 0usize) / count;
    }
    let mut squares = Vector::<f32, N>::new(0.0f32);
    let mut v = unit;
    while v < vectors {
        let from_mean = Vector::<f32, N>::cast_from(x[row + v]) - Vector::<f32, N>::new(mean);
        squares += from_mean * from_mean;
        v += units;
    }
    let variance = cube_sum::<N>(squares, &mut sums, PLANES) / count;
    let scale = 1.0f32 / (variance + epsilon).sqrt();
    let mut v = unit;
    while v < vectors {
        let from_mean = Vector::<f32, N>::cast_from(x[row + v]) - Vector::<f32, N>::new(mean);
        let mut value = from_mean * Vector::<f32, N>::new(scale) * Vector::<f32, N>::cast_from(weight[v]);
        if centred {
            value += Vector::<f32, N>::cast_from(bias[v]);
        }
        y[y_row + v] = Vector::<bf16, N>::cast_from(value);
        v += units;
    }
}

/// From the input and the gradient of the output of [`layer_norm`] (`centred`) or [`rms_norm`], the gradient of the input; `None` where it
/// is for burn to do.
pub fn norm_backward<const D: usize>(
    x: &Tensor<D>,
    gradient: &Tensor<D>,
    weight: &Tensor<1>,
    epsilon: f64,
    centred: bool,
) -> Option<Tensor<D>> {
    let (shape, (count, width)) = (x.dims(), whole_vectors(x)?);
    let (x, gradient, weight) = (rows(x)?, rows(gradient)?, rows(weight)?);
    let out = room(&x.memory, shape);
    // SAFETY: the kernel reads and writes `count` rows of `width` numbers, which is what the tensors hold.
    unsafe {
        backward_kernel::launch_unchecked::<CudaRuntime>(
            &out.client,
            CubeCount::Static(count as u32, 1, 1),
            CubeDim::new_2d(PLANE as u32, PLANES as u32),
            VECTOR,
            x.memory.into_buffer_arg(),
            weight.memory.into_buffer_arg(),
            gradient.memory.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            epsilon as f32,
            x.pitch / VECTOR,
            gradient.pitch / VECTOR,
            width / VECTOR,
            centred,
        );
    }
    Some(tensor(out))
}

/// With n the normalised input and g the gradient times the weight: (g − mean(g) − n · mean(g · n)) / √(variance + ε), or without mean(g).
#[cube(launch_unchecked)]
fn backward_kernel<N: Size>(
    x: &[Vector<bf16, N>],
    weight: &[Vector<bf16, N>],
    gradient: &[Vector<bf16, N>],
    back: &mut [Vector<bf16, N>],
    epsilon: f32,
    x_pitch: usize,
    gradient_pitch: usize,
    #[comptime] vectors: usize,
    #[comptime] centred: bool,
) {
    let row = CUBE_POS_X as usize * x_pitch;
    let gradient_row = CUBE_POS_X as usize * gradient_pitch;
    let back_row = CUBE_POS_X as usize * vectors;
    let units = comptime!(PLANE * PLANES);
    let unit = UNIT_POS as usize;
    let mut sums = Shared::<[f32]>::new_slice(comptime!(4 * PLANES));
    let count = f32::cast_from(comptime!(vectors * VECTOR) as u32);
    let mut mean = 0.0f32;
    if centred {
        let mut sum = Vector::<f32, N>::new(0.0f32);
        let mut v = unit;
        while v < vectors {
            sum += Vector::<f32, N>::cast_from(x[row + v]);
            v += units;
        }
        mean = cube_sum::<N>(sum, &mut sums, 0usize) / count;
    }
    let mut squares = Vector::<f32, N>::new(0.0f32);
    let mut along = Vector::<f32, N>::new(0.0f32);
    let mut all = Vector::<f32, N>::new(0.0f32);
    let mut v = unit;
    while v < vectors {
        let from_mean = Vector::<f32, N>::cast_from(x[row + v]) - Vector::<f32, N>::new(mean);
        let weighted = Vector::<f32, N>::cast_from(gradient[gradient_row + v]) * Vector::<f32, N>::cast_from(weight[v]);
        squares += from_mean * from_mean;
        along += weighted * from_mean;
        all += weighted;
        v += units;
    }
    let variance = cube_sum::<N>(squares, &mut sums, PLANES) / count;
    let scale = 1.0f32 / (variance + epsilon).sqrt();
    let along = cube_sum::<N>(along, &mut sums, comptime!(2 * PLANES)) / count * scale * scale;
    let mut level = 0.0f32;
    if centred {
        level = cube_sum::<N>(all, &mut sums, comptime!(3 * PLANES)) / count;
    }
    let mut v = unit;
    while v < vectors {
        let from_mean = Vector::<f32, N>::cast_from(x[row + v]) - Vector::<f32, N>::new(mean);
        let weighted = Vector::<f32, N>::cast_from(gradient[gradient_row + v]) * Vector::<f32, N>::cast_from(weight[v]);
        let value = weighted - Vector::<f32, N>::new(level) - from_mean * Vector::<f32, N>::new(along);
        back[back_row + v] = Vector::<bf16, N>::cast_from(value * Vector::<f32, N>::new(scale));
        v += units;
    }
}

/// The sum over a cube of all components of a vector.
#[cube]
fn cube_sum<N: Size>(x: Vector<f32, N>, sums: &mut Shared<[f32]>, from: usize) -> f32 {
    let mut sum = 0.0f32;
    #[unroll]
    for component in 0..VECTOR {
        sum += x.extract(component);
    }
    let sum = plane_sum(sum);
    if UNIT_POS_X == 0 {
        sums[from + UNIT_POS_Y as usize] = sum;
    }
    sync_cube();
    let mut total = 0.0f32;
    #[unroll]
    for plane in 0..PLANES {
        total += sums[from + plane];
    }
    total
}
