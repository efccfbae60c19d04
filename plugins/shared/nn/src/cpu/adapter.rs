//! The small products of low-rank adapters, added where they belong instead of into tensors of their own.

#[cfg(target_arch = "x86_64")]
use super::dense::{Out, Right, Sizes, multiply};
#[cfg(target_arch = "x86_64")]
use super::tile::{Left, Then, is_available};
use super::{copied, in_place, numbers};
use burn::tensor::{Tensor, TensorData};
use std::ops::Range;

/// Adds s·(x·Aᵀ)·Bᵀ to columns of `y`; gives x·Aᵀ too. `y` comes back alone where it is for burn to do.
#[allow(clippy::result_large_err)] // The tensor comes back where this path does not take it.
pub fn adapt(
    y: Tensor<2>,
    x: &Tensor<2>,
    down: &Tensor<2>,
    up: &Tensor<2>,
    part: &Range<usize>,
    scaling: f64,
) -> Result<(Tensor<2>, Tensor<2>), Tensor<2>> {
    #[cfg(target_arch = "x86_64")]
    if is_available()
        && let (Some(x_memory), Some(down_memory), Some(up_memory)) = (copied(x), copied(down), copied(up))
    {
        let ([rows, inputs], [rank, _], [_, width]) = (x.dims(), down.dims(), y.dims());
        let mut inner = vec![0.0_f32; rows * rank];
        let sizes = Sizes { rows, inner: inputs, columns: rank };
        let out = Out { numbers: &mut inner, width: rank, first: 0 };
        let left = Left::rows(numbers(&x_memory), inputs);
        multiply(left, Right::Turned(numbers(&down_memory)), sizes, 1.0, Then::Set(None), out);
        let y = in_place(y, |y| {
            let sizes = Sizes { rows, inner: rank, columns: part.len() };
            let out = Out { numbers: y, width, first: part.start };
            let up = Right::Turned(numbers(&up_memory));
            multiply(Left::rows(&inner, rank), up, sizes, scaling as f32, Then::Add, out);
        })?;
        let inner = Tensor::from_data(TensorData::new(inner, [rows, rank]), &x.device());
        return Ok((y, inner));
    }
    let _ = (x, down, up, part, scaling);
    Err(y)
}

/// From the gradient `[n, all outputs]` of such a layer, `x` and x·Aᵀ: the gradients of A, of B, and s·g·B, which times A is that of `x`. `None`
/// where it is for burn to do.
pub fn adapt_back(
    gradient: &Tensor<2>,
    x: &Tensor<2>,
    inner: &Tensor<2>,
    up: &Tensor<2>,
    part: &Range<usize>,
    scaling: f64,
) -> Option<[Tensor<2>; 3]> {
    #[cfg(target_arch = "x86_64")]
    if is_available() {
        let ([rows, width], [_, inputs], [_, rank]) = (gradient.dims(), x.dims(), inner.dims());
        let (gradient_memory, x_memory) = (copied(gradient)?, copied(x)?);
        let (inner, up) = (copied(inner)?, copied(up)?);
        let device = gradient.device();
        let product = |left: Left<'_>, right: Right<'_>, sizes: Sizes, factor: f64| {
            let mut out = vec![0.0_f32; sizes.rows * sizes.columns];
            let place = Out { numbers: &mut out, width: sizes.columns, first: 0 };
            multiply(left, right, sizes, factor as f32, Then::Set(None), place);
            out
        };
        let gradient = &numbers(&gradient_memory)[part.start.min(rows * width)..];
        let sizes = Sizes { rows: part.len(), inner: rows, columns: rank };
        let up_gradient = product(Left::columns(gradient, width), Right::Plain(numbers(&inner)), sizes, scaling);
        let sizes = Sizes { rows, inner: part.len(), columns: rank };
        let inner_gradient = product(Left::rows(gradient, width), Right::Plain(numbers(&up)), sizes, scaling);
        let sizes = Sizes { rows: rank, inner: rows, columns: inputs };
        let down_gradient = product(Left::columns(&inner_gradient, rank), Right::Plain(numbers(&x_memory)), sizes, 1.0);
        let tensor = |values: Vec<f32>, shape: [usize; 2]| Tensor::from_data(TensorData::new(values, shape), &device);
        return Some([
            tensor(down_gradient, [rank, inputs]),
            tensor(up_gradient, [part.len(), rank]),
            tensor(inner_gradient, [rows, rank]),
        ]);
    }
    let _ = (gradient, x, inner, up, part, scaling);
    None
}
