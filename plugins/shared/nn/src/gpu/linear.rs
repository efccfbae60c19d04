//! Linear layers, and who makes them: `hopper` where it can; elsewhere `few` for a few rows, and for more a matrix product of `product` with
//! what follows in one pass of `elementwise`.

use super::few::{MOST, few};
use super::hopper::Product;
use super::product::product;
use super::{Rows, VECTOR, biased, rows as rows_of, tensor};
use crate::layers::Activation;
use burn::tensor::Tensor;

/// activation(x·Wᵀ + b) + residual, `[rows, inputs]` by `[outputs, inputs]`; `None` where it is for burn to do.
pub fn linear(
    x: &Tensor<2>,
    weight: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    activation: Option<Activation>,
    residual: Option<&Tensor<2>>,
) -> Option<Tensor<2>> {
    let [rows, inputs] = x.dims();
    let [outputs, _] = weight.dims();
    if !inputs.is_multiple_of(VECTOR) || !outputs.is_multiple_of(VECTOR) || rows == 0 {
        return None;
    }
    let operands = (rows_of(x)?, rows_of(weight)?, rows_of_some(bias)?, rows_of_some(residual)?);
    let (x_rows, weight_rows, bias_rows, residual_rows) = operands;
    let on_hopper = Product {
        x: &x_rows,
        weight: &weight_rows,
        turned: false,
        bias: bias_rows.as_ref(),
        activation,
        residual: residual_rows.as_ref(),
        rows,
        inputs,
        outputs,
    };
    if let Some(y) = on_hopper.run() {
        return Some(tensor(y));
    }
    if rows > MOST {
        let y = product(x, weight).unwrap_or_else(|| x.clone().matmul(weight.clone().transpose()));
        if bias.is_none() && activation.is_none() && residual.is_none() {
            return Some(y);
        }
        return biased(&y, bias, activation, residual);
    }
    Some(tensor(few(x_rows, weight_rows, bias_rows, activation, residual_rows, [rows, inputs, outputs])))
}

/// x·W, `[rows, outputs]` by `[outputs, inputs]`, as a gradient goes back through a layer; `None` where it is for burn to do.
pub fn linear_back(x: &Tensor<2>, weight: &Tensor<2>) -> Option<Tensor<2>> {
    let [rows, inputs] = x.dims();
    let [_, outputs] = weight.dims();
    let (x, weight) = (&rows_of(x)?, &rows_of(weight)?);
    let back = Product { x, weight, turned: true, bias: None, activation: None, residual: None, rows, inputs, outputs };
    back.run().map(tensor)
}

/// As [`rows_of`], of what may be missing; `None` where it is there and cannot be taken.
fn rows_of_some<const D: usize>(x: Option<&Tensor<D>>) -> Option<Option<Rows>> {
    match x {
        Some(x) => rows_of(x).map(Some),
        None => Some(None),
    }
}
