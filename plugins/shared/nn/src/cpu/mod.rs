//! The CPU's own kernels for what decides its speed and burn's flex backend leaves on one core or packs anew each time.
//! They read and write the memory of flex tensors in place; every other device takes burn's operations.
//!
//! Each output number is summed in an order that depends on nothing but its own row, so that a caption does not depend on the
//! batch that its image was in.

mod adapter;
#[cfg(target_arch = "x86_64")]
mod attention;
mod backward;
#[cfg(target_arch = "x86_64")]
mod dense;
mod forward;
mod gelu;
mod heads;
mod product;
mod softmax;
#[cfg(target_arch = "x86_64")]
mod tile;
mod vector;

pub use adapter::{adapt, adapt_back};
pub use heads::{attend, attend_backward};

use crate::layers::Activation;
use burn::tensor::{DType, Tensor, TensorData};
use burn_flex::{Flex, FlexTensor};
use rayon::prelude::*;

/// A flex tensor's memory, if this is a contiguous f32 tensor on the CPU without a gradient.
fn contiguous<const D: usize>(x: &Tensor<D>) -> Option<FlexTensor> {
    if x.dtype() != DType::F32 {
        return None;
    }
    let x = x.clone().try_into_primitive::<Flex>().ok()?;
    x.is_contiguous().then_some(x)
}

fn numbers(x: &FlexTensor) -> &[f32] {
    let start = x.layout().start_offset();
    &x.storage::<f32>()[start..start + x.layout().num_elements()]
}

/// x·Wᵀ + b, `[rows, inputs]` by `[outputs, inputs]`; `None` where it is for burn to do. `one_position`: x is one position of each row of
/// a batch, as in a step of decoding. The kernel follows from that, and never from how many rows there are.
pub fn linear(x: &Tensor<2>, weight: &Tensor<2>, bias: Option<&Tensor<1>>, one_position: bool) -> Option<Tensor<2>> {
    let kernel = if one_position { product::product } else { dense()? };
    let [rows, inputs] = x.dims();
    let [outputs, _] = weight.dims();
    let (x_memory, weight) = (contiguous(x)?, contiguous(weight)?);
    let bias = match bias {
        Some(bias) => Some(contiguous(bias)?),
        None => None,
    };
    let mut out = vec![0.0_f32; rows * outputs];
    kernel(numbers(&x_memory), numbers(&weight), bias.as_ref().map(numbers), inputs, &mut out);
    Some(Tensor::from_data(TensorData::new(out, [rows, outputs]), &x.device()))
}

/// The way back through a linear layer: g·W, `[n, outputs]` by `[outputs, inputs]`; `None` where it is for burn to do.
pub fn linear_back(gradient: &Tensor<2>, weight: &Tensor<2>) -> Option<Tensor<2>> {
    #[cfg(target_arch = "x86_64")]
    if tile::is_available() {
        let ([rows, _], [_, inputs]) = (gradient.dims(), weight.dims());
        let (memory, weight) = (copied(gradient)?, contiguous(weight)?);
        let mut out = vec![0.0_f32; rows * inputs];
        dense::dense_back(numbers(&memory), numbers(&weight), inputs, &mut out);
        return Some(Tensor::from_data(TensorData::new(out, [rows, inputs]), &gradient.device()));
    }
    None
}

/// x, W, b, inputs and the place of the result.
type Product = fn(&[f32], &[f32], Option<&[f32]>, usize, &mut [f32]);

/// The kernel of many rows, where this processor has one.
fn dense() -> Option<Product> {
    #[cfg(target_arch = "x86_64")]
    if tile::is_available() {
        return Some(dense::dense);
    }
    None
}

/// Writes `new` `[rows, heads, n, size]` into `all` `[rows, heads, capacity, size]` from a position on, in place; gives `all` back where it
/// is for burn to do. burn-flex's own assignment copies all of it each time.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn assign_positions(all: Tensor<4>, new: &Tensor<4>, from: usize) -> Result<Tensor<4>, Tensor<4>> {
    let Some(new_memory) = copied(new) else { return Err(all) };
    let ([_, _, capacity, size], [_, _, added, _]) = (all.dims(), new.dims());
    in_place(all, |all| {
        let heads = all.chunks_exact_mut(capacity * size).zip(numbers(&new_memory).chunks_exact(added * size));
        for (head, new) in heads {
            head[from * size..(from + added) * size].copy_from_slice(new);
        }
    })
}

/// An activation, in place; gives the tensor back where it is for burn to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn activation<const D: usize>(activation: Activation, x: Tensor<D>) -> Result<Tensor<D>, Tensor<D>> {
    in_place(x, |values| forward::activation(activation, values))
}

/// Softmax along the last dimension, in place; gives the tensor back where it is for burn to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn softmax<const D: usize>(x: Tensor<D>) -> Result<Tensor<D>, Tensor<D>> {
    let width = x.dims()[D - 1];
    in_place(x, |values| softmax::softmax(values, width))
}

/// Changes a tensor's numbers where they lie, if nobody else holds them, else in a copy; gives the tensor back where it is none of the
/// CPU's in f32.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
fn in_place<const D: usize>(x: Tensor<D>, change: impl FnOnce(&mut [f32])) -> Result<Tensor<D>, Tensor<D>> {
    if x.dtype() != DType::F32 {
        return Err(x);
    }
    let Ok(memory) = x.clone().try_into_primitive::<Flex>() else { return Err(x) };
    let (shape, device) = (x.dims(), x.device());
    drop(x);
    let mut data = if memory.is_unique() || !memory.is_contiguous() {
        memory.into_data()
    } else {
        TensorData::new(copy(numbers(&memory)), shape)
    };
    match data.as_mut_slice::<f32>() {
        Ok(values) => change(values),
        Err(_) => return Err(Tensor::from_data(data, &device)),
    }
    Ok(Tensor::from_data(data, &device))
}

/// A copy, made on all cores.
fn copy(values: &[f32]) -> Vec<f32> {
    const CHUNK: usize = 64 * 1024;
    let mut copied = Vec::with_capacity(values.len());
    let place = &mut copied.spare_capacity_mut()[..values.len()];
    place.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(place, values)| {
        place.write_copy_of_slice(values);
    });
    // SAFETY: the chunks are all of them.
    unsafe { copied.set_len(values.len()) };
    copied
}

/// The sum of two tensors of one shape, where the first lies if nobody else holds it; gives that back where it is for burn to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn add<const D: usize>(a: Tensor<D>, b: &Tensor<D>) -> Result<Tensor<D>, Tensor<D>> {
    if a.dims() != b.dims() {
        return Err(a);
    }
    let Some(b) = copied(b) else { return Err(a) };
    in_place(a, |a| forward::add(a, numbers(&b)))
}

/// Normalisation over the last dimension, by its mean too where there is a bias.
pub fn norm<const D: usize>(
    x: &Tensor<D>,
    weight: &Tensor<1>,
    bias: Option<&Tensor<1>>,
    epsilon: f64,
) -> Option<Tensor<D>> {
    let (memory, weight) = (copied(x)?, contiguous(weight)?);
    let bias = match bias {
        Some(bias) => Some(contiguous(bias)?),
        None => None,
    };
    let mut out = vec![0.0_f32; numbers(&memory).len()];
    forward::norm(numbers(&memory), numbers(&weight), bias.as_ref().map(numbers), epsilon as f32, &mut out);
    Some(Tensor::from_data(TensorData::new(out, x.dims()), &x.device()))
}

/// The gradient of an activation's input, from its input and the gradient of its output; gives the gradient back where it is for burn to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn activation_backward<const D: usize>(
    activation: Activation,
    x: &Tensor<D>,
    gradient: Tensor<D>,
) -> Result<Tensor<D>, Tensor<D>> {
    let Some(x) = copied(x) else { return Err(gradient) };
    in_place(gradient, |gradient| backward::activation(activation, numbers(&x), gradient))
}

/// The gradient of a normalisation's input, from its input and the gradient of its output; gives the gradient back where it is for burn to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn norm_backward<const D: usize>(
    x: &Tensor<D>,
    gradient: Tensor<D>,
    weight: &Tensor<1>,
    epsilon: f64,
    centred: bool,
) -> Result<Tensor<D>, Tensor<D>> {
    let (Some(x), Some(weight)) = (copied(x), contiguous(weight)) else { return Err(gradient) };
    in_place(gradient, |gradient| {
        backward::norm(numbers(&x), gradient, numbers(&weight), epsilon as f32, centred);
    })
}

/// `scale` times the gradient of a softmax's scores, from its weights and their gradient; gives the gradient back where it is for burn to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn softmax_backward(weights: &Tensor<4>, gradient: Tensor<4>, scale: f64) -> Result<Tensor<4>, Tensor<4>> {
    let width = weights.dims()[3];
    let Some(weights) = copied(weights) else { return Err(gradient) };
    in_place(gradient, |gradient| backward::softmax(numbers(&weights), gradient, width, scale as f32))
}

/// Dropout by a seed; gives the tensor back where it is for burn to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn dropped<const D: usize>(x: Tensor<D>, seed: u64, probability: f64) -> Result<Tensor<D>, Tensor<D>> {
    in_place(x, |values| backward::dropped(values, seed, probability))
}

/// The losses of rows of scores `[n, vocabulary]`, and `weight` times the gradient of their sum; gives the scores back where it is for burn
/// to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn cross_entropy(scores: Tensor<2>, labels: &[u32], weight: f64) -> Result<(Vec<f64>, Tensor<2>), Tensor<2>> {
    let mut losses = Vec::new();
    let gradient = in_place(scores, |scores| losses = backward::cross_entropy(scores, labels, weight as f32))?;
    Ok((losses, gradient))
}

/// A flex tensor's memory, made contiguous if it is not.
fn copied<const D: usize>(x: &Tensor<D>) -> Option<FlexTensor> {
    (x.dtype() == DType::F32).then(|| x.clone().try_into_primitive::<Flex>().ok().map(|x| x.to_contiguous()))?
}
