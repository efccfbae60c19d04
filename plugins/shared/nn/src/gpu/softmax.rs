//! Softmax of attention's scores with its scale and bias, in place: one plane a row, in f32.

use super::{LEAST, PLANE, Rows, pitch, tensor, together};
use burn::tensor::{DType, Tensor};
use burn_cuda::Cuda;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;
use half::bf16;

/// Rows that a cube takes.
const PLANES: usize = 4;

/// Rows that lie evenly, as they are where they do.
fn even(x: super::Memory) -> Rows {
    match pitch(&x) {
        Some(pitch) => Rows { memory: x, pitch },
        None => together(x),
    }
}

/// softmax(scale · scores + bias) along the last dimension of `[rows, heads, queries, keys]`; the bias has 1 or as many of each but
/// the last. Gives the scores back where it is for burn to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn softmax(scores: Tensor<4>, bias: Option<&Tensor<4>>, scale: f64) -> Result<Tensor<4>, Tensor<4>> {
    let [rows, heads, queries, keys] = scores.dims();
    if scores.dtype() != DType::BF16 || rows * heads * queries == 0 {
        return Err(scores);
    }
    let bias_memory = match bias.map(|bias| bias.clone().try_into_primitive::<Cuda>()) {
        Some(Err(_)) => return Err(scores),
        Some(Ok(bias)) => Some(even(bias)),
        None => None,
    };
    // What one step of each dimension moves on in the bias.
    let strides = bias.map_or([0; 3], |bias| {
        let [b_rows, b_heads, b_queries, _] = bias.dims();
        let keys = bias_memory.as_ref().map_or(keys, |bias| bias.pitch);
        let step = |count: usize, stride: usize| if count == 1 { 0 } else { stride };
        [step(b_rows, b_heads * b_queries * keys), step(b_heads, b_queries * keys), step(b_queries, keys)]
    });
    let shape_kept = scores.clone();
    let Ok(scores) = scores.try_into_primitive::<Cuda>() else { return Err(shape_kept) };
    drop(shape_kept);
    let scores = even(scores);
    let all = rows * heads * queries;
    let biased = bias_memory.is_some();
    let bias = bias_memory.map_or_else(|| scores.memory.clone(), |bias| bias.memory);
    // SAFETY: the kernel's rows are those of the tensor, and it leaves those out that are too many.
    unsafe {
        softmax_kernel::launch_unchecked::<CudaRuntime>(
            &scores.memory.client,
            CubeCount::Static(all.div_ceil(PLANES) as u32, 1, 1),
            CubeDim::new_2d(PLANE as u32, PLANES as u32),
            scores.memory.clone().into_buffer_arg(),
            bias.into_buffer_arg(),
            scale as f32,
            scores.pitch,
            all,
            heads,
            queries,
            strides[0],
            strides[1],
            strides[2],
            keys,
            biased,
        );
    }
    Ok(tensor(scores.memory))
}

#[cube(launch_unchecked)]
fn softmax_kernel(
    scores: &mut [bf16],
    bias: &[bf16],
    scale: f32,
    pitch: usize,
    rows: usize,
    heads: usize,
    queries: usize,
    row_stride: usize,
    head_stride: usize,
    query_stride: usize,
    #[comptime] keys: usize,
    #[comptime] biased: bool,
) {
    let row = CUBE_POS_X as usize * PLANES + UNIT_POS_Y as usize;
    if row >= rows {
        terminate!();
    }
    let begin = row * pitch;
    let lane = UNIT_POS_X as usize;
    let of_head = row / queries;
    let bias_begin = of_head / heads * row_stride + of_head % heads * head_stride + row % queries * query_stride;
    let each = comptime!(keys.div_ceil(PLANE));
    let mut kept = Array::<f32>::new(each);
    let mut greatest = f32::new(LEAST);
    #[unroll]
    for i in 0..each {
        let key = lane + i * PLANE;
        let mut score = f32::new(LEAST);
        if key < keys {
            score = f32::cast_from(scores[begin + key]) * scale;
            if biased {
                score += f32::cast_from(bias[bias_begin + key]);
            }
        }
        kept[i] = score;
        greatest = max(greatest, score);
    }
    let greatest = plane_max(greatest);
    let mut sum = 0.0f32;
    #[unroll]
    for i in 0..each {
        let weight = (kept[i] - greatest).exp();
        kept[i] = weight;
        sum += weight;
    }
    let inverse = 1.0f32 / plane_sum(sum);
    #[unroll]
    for i in 0..each {
        let key = lane + i * PLANE;
        if key < keys {
            scores[begin + key] = bf16::cast_from(kept[i] * inverse);
        }
    }
}
