//! The GPU's own kernels, in CubeCL or, where that lacks an instruction, CUDA C, for what decides its speed and burn does in many launches:
//! normalisation, softmax, products, attention, the greatest score, a step of AdamW. They take tensors of burn's CUDA backend, bf16 but for AdamW's; everything
//! else takes burn's operations.

// Kernels are CubeCL's Rust, which has no `is_multiple_of`, joins no comptime condition with another, and passes numbers one by one.
#![allow(clippy::manual_is_multiple_of, clippy::collapsible_if, clippy::too_many_arguments)]

mod adamw;
mod argmax;
mod attend;
mod elementwise;
mod faults;
mod few;
mod flash;
mod hopper;
mod linear;
mod norm;
mod pace;
mod pools;
mod product;
mod settings;
mod softmax;
mod source;
#[cfg(test)]
mod tests;
mod write;

pub use adamw::{Step as AdamWStep, adamw, squares};
pub use argmax::argmax;
pub use attend::{Step, attend_step, fits};
pub use elementwise::{biased, gated};
pub use faults::watched;
pub use flash::{attend, attend_joined};
pub use linear::{linear, linear_back};
pub use norm::{layer_norm, norm_backward, rms_norm};
pub use pace::Pace;
pub use pools::lay_out;
pub use settings::{check, set_up};
pub use softmax::softmax;
pub use write::write_positions;

use burn::tensor::{DType, Device, Int, Tensor};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use burn_cuda::Cuda;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;

/// A tensor of the CUDA backend.
type Memory = CubeTensor<CudaRuntime>;

/// bf16 numbers that one load of 16 bytes holds.
const VECTOR: usize = 8;
/// Units of a plane (a warp).
const PLANE: usize = 32;
/// Below every score, and finite.
const LEAST: f32 = -3.0e38;

/// The memory of a tensor's last dimension, row after row. Rows may lie further apart than they are wide: burn aligns them.
struct Rows {
    memory: Memory,
    /// Numbers from one row to the next.
    pitch: usize,
}

/// The memory of a bf16 tensor on a GPU; a copy where its rows do not lie evenly.
fn rows<const D: usize>(x: &Tensor<D>) -> Option<Rows> {
    if x.dtype() != DType::BF16 {
        return None;
    }
    Some(even(x.clone().try_into_primitive::<Cuda>().ok()?))
}

fn even(x: Memory) -> Rows {
    match pitch(&x).filter(|pitch| pitch.is_multiple_of(VECTOR)) {
        Some(pitch) => Rows { memory: x, pitch },
        None => together(x),
    }
}

fn together(x: Memory) -> Rows {
    let memory = into_contiguous(x);
    let pitch = pitch(&memory).unwrap_or(1);
    Rows { memory, pitch }
}

/// The same in memory of its own, without gaps: for what is read at every step.
pub fn settled(x: Tensor<4>) -> Tensor<4> {
    match x.clone().try_into_primitive::<Cuda>() {
        Ok(memory) => tensor(into_contiguous(memory)),
        Err(_) => x,
    }
}

/// Numbers from one row of the last dimension to the next, if all are as far apart.
fn pitch(x: &Memory) -> Option<usize> {
    let (shape, strides) = (x.meta.shape(), x.meta.strides());
    let rank = shape.len();
    if strides[rank - 1] != 1 && shape[rank - 1] != 1 {
        return None;
    }
    if rank == 1 {
        return Some(shape[0]);
    }
    let mut expected = strides[rank - 2];
    for dimension in (0..rank - 1).rev() {
        if shape[dimension] != 1 && strides[dimension] != expected {
            return None;
        }
        expected *= shape[dimension];
    }
    let pitch = strides[rank - 2];
    (pitch >= shape[rank - 1]).then_some(pitch)
}

fn whole_numbers(x: &Tensor<1, Int>) -> Option<Memory> {
    x.clone().try_into_primitive::<Cuda>().ok()
}

/// Room for a result of this shape, beside a tensor of the same device.
fn room(beside: &Memory, shape: impl Into<burn::tensor::Shape>) -> Memory {
    empty_device_contiguous_dtype(beside.client.clone(), beside.device.clone(), shape.into(), DType::BF16)
}

fn tensor<const D: usize>(memory: Memory) -> Tensor<D> {
    Tensor::from_primitive::<Cuda>(memory)
}

/// Whether this device is a GPU of the CUDA backend.
pub fn is_gpu(device: &Device) -> bool {
    crate::Placement::cpu().map_or(true, |cpu| cpu.device != *device)
}

/// As [`crate::layers::Activation`], in a kernel.
#[cube]
fn activated(x: f32, #[comptime] activation: Option<crate::layers::Activation>) -> f32 {
    use crate::layers::Activation;
    match comptime!(activation) {
        None => x,
        Some(Activation::Relu) => max(x, 0.0f32),
        Some(Activation::Gelu) => x * 0.5f32 * (1.0f32 + Erf::erf(x * 0.707_106_77_f32)),
        Some(Activation::GeluTanh) => {
            let bent = (0.797_884_6_f32 * (x + 0.044_715_f32 * x * x * x)).tanh();
            0.5f32 * x * (1.0f32 + bent)
        }
        Some(Activation::QuickGelu) => x / (1.0f32 + (x * -1.702f32).exp()),
        Some(Activation::Silu) => x / (1.0f32 + (-x).exp()),
    }
}
