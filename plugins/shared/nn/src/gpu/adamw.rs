//! A step of AdamW in one pass over an adapter's factor, and the squares of all gradients summed: in burn's operations these are most of
//! the launches of a training step.

use super::{Memory, PLANE, tensor};
use burn::tensor::{DType, Tensor};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cuda::Cuda;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;

/// f32 numbers that one load of 16 bytes holds.
const QUAD: usize = 4;
/// Units of a cube.
const UNITS: usize = 256;

/// The numbers of a step: value ← keep · value − rate · mean / (√square · root + epsilon), where mean ← first · mean + (1 − first) · g and
/// square ← second · square + (1 − second) · g², with g the gradient times `shrink`.
#[derive(Clone, Copy)]
pub struct Step {
    pub shrink: f32,
    pub first: f32,
    pub second: f32,
    pub keep: f32,
    pub rate: f32,
    pub root: f32,
    pub epsilon: f32,
}

/// The new value, mean and square; `None` where it is for burn to do. Without moments, both are 0.
pub fn adamw(
    value: &Tensor<2>,
    gradient: &Tensor<2>,
    moments: Option<(&Tensor<2>, &Tensor<2>)>,
    step: Step,
) -> Option<[Tensor<2>; 3]> {
    let numbers = value.dims().iter().product::<usize>();
    if !numbers.is_multiple_of(QUAD) || numbers == 0 {
        return None;
    }
    let (value_memory, gradient) = (f32_memory(value)?, f32_memory(gradient)?);
    let (mean, square) = match moments {
        Some((mean, square)) => (f32_memory(mean)?, f32_memory(square)?),
        None => (value_memory.clone(), value_memory.clone()),
    };
    let room = || f32_room(&value_memory, value.dims());
    let out = [room(), room(), room()];
    let [new_value, new_mean, new_square] = out.each_ref().map(|memory| memory.clone().into_buffer_arg());
    let quads = numbers / QUAD;
    // SAFETY: all tensors are of the same shape and in one piece, and the kernel leaves out what is behind their end.
    unsafe {
        adamw_kernel::launch_unchecked::<CudaRuntime>(
            &value_memory.client,
            CubeCount::Static(quads.div_ceil(UNITS) as u32, 1, 1),
            CubeDim::new_1d(UNITS as u32),
            QUAD,
            value_memory.clone().into_buffer_arg(),
            gradient.into_buffer_arg(),
            mean.into_buffer_arg(),
            square.into_buffer_arg(),
            new_value,
            new_mean,
            new_square,
            quads,
            step.shrink,
            step.first,
            step.second,
            step.keep,
            step.rate,
            step.root,
            step.epsilon,
            moments.is_some(),
        );
    }
    Some(out.map(tensor))
}

#[cube(launch_unchecked)]
fn adamw_kernel<N: Size>(
    value: &[Vector<f32, N>],
    gradient: &[Vector<f32, N>],
    mean: &[Vector<f32, N>],
    square: &[Vector<f32, N>],
    new_value: &mut [Vector<f32, N>],
    new_mean: &mut [Vector<f32, N>],
    new_square: &mut [Vector<f32, N>],
    quads: usize,
    shrink: f32,
    first: f32,
    second: f32,
    keep: f32,
    rate: f32,
    root: f32,
    epsilon: f32,
    #[comptime] has_moments: bool,
) {
    let at = CUBE_POS_X as usize * UNITS + UNIT_POS_X as usize;
    if at >= quads {
        terminate!();
    }
    let gradient = gradient[at] * Vector::<f32, N>::new(shrink);
    let mut next_mean = gradient * Vector::<f32, N>::new(1.0f32 - first);
    let mut next_square = gradient * gradient * Vector::<f32, N>::new(1.0f32 - second);
    if has_moments {
        next_mean += mean[at] * Vector::<f32, N>::new(first);
        next_square += square[at] * Vector::<f32, N>::new(second);
    }
    let below = next_square.sqrt() * Vector::<f32, N>::new(root) + Vector::<f32, N>::new(epsilon);
    new_value[at] = value[at] * Vector::<f32, N>::new(keep) - next_mean * Vector::<f32, N>::new(rate) / below;
    new_mean[at] = next_mean;
    new_square[at] = next_square;
}

/// Sums of the squares of the tensors, which together are the sum of all; `None` where it is for burn to do.
pub fn squares(tensors: &[&Tensor<2>]) -> Option<Tensor<1>> {
    let memories: Vec<Memory> = tensors.iter().map(|&tensor| f32_memory(tensor)).collect::<Option<_>>()?;
    let numbers = |memory: &Memory| memory.meta.shape().iter().product::<usize>();
    if !memories.iter().all(|memory| numbers(memory).is_multiple_of(QUAD)) {
        return None;
    }
    let sums = f32_room(memories.first()?, [tensors.len() * PARTS * PLANES]);
    for (place, memory) in memories.into_iter().enumerate() {
        let quads = numbers(&memory) / QUAD;
        // SAFETY: the kernel reads up to the end of the tensor and writes its own part of the sums.
        unsafe {
            squares_kernel::launch_unchecked::<CudaRuntime>(
                &sums.client,
                CubeCount::Static(PARTS as u32, 1, 1),
                CubeDim::new_2d(PLANE as u32, PLANES as u32),
                QUAD,
                memory.into_buffer_arg(),
                sums.clone().into_buffer_arg(),
                quads,
                place * PARTS * PLANES,
            );
        }
    }
    Some(tensor(sums))
}

/// Cubes that share a tensor, and planes of a cube: a sum each, so that the order of the sum never changes.
const PARTS: usize = 32;
const PLANES: usize = UNITS / PLANE;

#[cube(launch_unchecked)]
fn squares_kernel<N: Size>(x: &[Vector<f32, N>], sums: &mut [f32], quads: usize, first: usize) {
    let unit = UNIT_POS as usize;
    let part = CUBE_POS_X as usize;
    let mut sum = Vector::<f32, N>::new(0.0f32);
    let mut at = part * UNITS + unit;
    while at < quads {
        sum += x[at] * x[at];
        at += PARTS * UNITS;
    }
    let mut total = 0.0f32;
    #[unroll]
    for component in 0..QUAD {
        total += sum.extract(component);
    }
    let total = plane_sum(total);
    if UNIT_POS_X == 0 {
        sums[first + part * PLANES + UNIT_POS_Y as usize] = total;
    }
}

/// The memory of an f32 tensor on a GPU, in one piece.
fn f32_memory(x: &Tensor<2>) -> Option<Memory> {
    if x.dtype() != DType::F32 {
        return None;
    }
    Some(into_contiguous(x.clone().try_into_primitive::<Cuda>().ok()?))
}

fn f32_room(beside: &Memory, shape: impl Into<burn::tensor::Shape>) -> Memory {
    empty_device_contiguous_dtype(beside.client.clone(), beside.device.clone(), shape.into(), DType::F32)
}
