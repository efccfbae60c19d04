//! Scaled dot-product attention with several heads, and the biases that hide positions.

use burn::tensor::{DType, Device, Tensor, TensorData, activation};

/// What is added to the score of a hidden position: its weight becomes 0, and a row of nothing but hidden positions (padding)
/// still gives finite numbers, unlike with −∞.
const HIDDEN: f32 = -1.0e9;

/// `[rows, length, heads · size]` to `[rows, heads, length, size]`, without a copy.
pub fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [rows, length, width] = x.dims();
    x.reshape([rows, length, heads, width / heads]).swap_dims(1, 2)
}

/// `[rows, heads, length, size]` to `[rows, length, heads · size]`.
pub fn joined_heads(x: Tensor<4>) -> Tensor<3> {
    let [rows, heads, length, size] = x.dims();
    x.swap_dims(1, 2).reshape([rows, length, heads * size])
}

/// softmax(scale · Q·Kᵀ + bias)·V (Vaswani et al. 2017).
///
/// `query` is `[rows, heads, length, size]`, `keys` and `values` `[rows, groups, positions, size]` where `groups` divides `heads`
/// (grouped queries: neighbouring heads share keys), `bias` broadcasts to `[rows, heads, length, positions]`.
pub fn attend(query: Tensor<4>, keys: Tensor<4>, values: Tensor<4>, bias: Option<Tensor<4>>, scale: f64) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if let Some(attended) = crate::cpu::attend(&query, &keys, &values, bias.as_ref(), scale) {
        return attended;
    }
    #[cfg(feature = "cuda")]
    if let Some(attended) = crate::gpu::attend(&query, &keys, &values, bias.as_ref(), scale) {
        return attended;
    }
    let [rows, heads, length, size] = query.dims();
    let groups = keys.dims()[1];
    let positions = keys.dims()[2];
    let weights = weights(query, keys, bias, scale);
    if groups == heads {
        weights.matmul(values)
    } else {
        let grouped = weights.reshape([rows, groups, heads / groups * length, positions]);
        grouped.matmul(values).reshape([rows, heads, length, size])
    }
}

/// softmax(scale · Q·Kᵀ + bias), `[rows, heads, length, positions]`.
fn weights(query: Tensor<4>, keys: Tensor<4>, bias: Option<Tensor<4>>, scale: f64) -> Tensor<4> {
    let [rows, heads, length, size] = query.dims();
    let groups = keys.dims()[1];
    let positions = keys.dims()[2];
    let product = |query: Tensor<4>| {
        if groups == heads {
            query.matmul(keys.clone().swap_dims(2, 3))
        } else {
            // The heads of a group become further query positions of one head.
            let grouped = query.reshape([rows, groups, heads / groups * length, size]);
            grouped.matmul(keys.clone().swap_dims(2, 3)).reshape([rows, heads, length, positions])
        }
    };
    #[cfg(feature = "cuda")]
    if query.dtype() == DType::BF16 {
        let scores = product(query.clone());
        if let Ok(weights) = crate::gpu::softmax(scores, bias.as_ref(), scale) {
            return weights;
        }
    }
    let mut scores = product(if scale == 1.0 { query } else { query * scale });
    if let Some(bias) = bias {
        scores = scores + bias;
    }
    #[cfg(feature = "flex")]
    let scores = match crate::cpu::softmax(scores) {
        Ok(weights) => return weights,
        Err(scores) => scores,
    };
    activation::softmax(scores, 3)
}

/// From the gradient of what [`attend`] gives and its inputs: the gradients of queries, keys and values, joined as [`joined_parts`] does.
pub fn attend_backward(
    gradient: Tensor<4>,
    query: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    bias: Option<Tensor<4>>,
    scale: f64,
    crossed: bool,
) -> (Tensor<3>, Option<Tensor<3>>) {
    #[cfg(feature = "flex")]
    if let Some(back) = crate::cpu::attend_backward(&gradient, &query, &keys, &values, bias.as_ref(), scale, crossed) {
        return back;
    }
    let [rows, heads, length, size] = query.dims();
    let groups = keys.dims()[1];
    let positions = keys.dims()[2];
    // The heads of a group become further query positions of one head, as forwards.
    let of_groups = |x: Tensor<4>, last: usize| x.reshape([rows, groups, heads / groups * length, last]);
    let weights = of_groups(weights(query.clone(), keys.clone(), bias, scale), positions);
    let gradient = of_groups(gradient, size);
    let values_gradient = weights.clone().swap_dims(2, 3).matmul(gradient.clone());
    let weights_gradient = gradient.matmul(values.swap_dims(2, 3));
    let scores_gradient = softmax_backward(weights, weights_gradient, scale);
    let query_gradient = scores_gradient.clone().matmul(keys).reshape([rows, heads, length, size]);
    let keys_gradient = scores_gradient.swap_dims(2, 3).matmul(of_groups(query, size));
    joined_parts(query_gradient, keys_gradient, values_gradient, crossed)
}

/// Queries, keys and values of all heads side by side at each position; if `crossed`, queries apart from keys and values.
pub fn joined_parts(
    query: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    crossed: bool,
) -> (Tensor<3>, Option<Tensor<3>>) {
    if crossed {
        (joined_heads(query), Some(joined_heads(Tensor::cat(vec![keys, values], 1))))
    } else {
        (joined_heads(Tensor::cat(vec![query, keys, values], 1)), None)
    }
}

/// scale · p · (g − Σ p·g), along the last dimension.
fn softmax_backward(weights: Tensor<4>, gradient: Tensor<4>, scale: f64) -> Tensor<4> {
    #[cfg(feature = "flex")]
    let gradient = match crate::cpu::softmax_backward(&weights, gradient, scale) {
        Ok(back) => return back,
        Err(gradient) => gradient,
    };
    let product = weights.clone() * gradient;
    let sum = product.clone().sum_dim(3);
    (product - weights * sum) * scale
}

/// Hides the future and the padding at the left: `[rows or 1, 1, length, length]`.
pub fn causal_bias(length: usize, padding: &[usize], device: &Device, dtype: DType) -> Tensor<4> {
    let rows = if padding.iter().all(|&pad| pad == 0) { &[0][..] } else { padding };
    let mut bias = Vec::with_capacity(rows.len() * length * length);
    for &pad in rows {
        for query in 0..length {
            bias.extend((0..length).map(|key| if key > query || key < pad { HIDDEN } else { 0.0 }));
        }
    }
    Tensor::from_data(TensorData::new(bias, [rows.len(), 1, length, length]), (device, dtype))
}

/// Hides the padding at the left: `[rows, 1, 1, length]`, or nothing where there is no padding.
pub fn padding_bias(length: usize, padding: &[usize], device: &Device, dtype: DType) -> Option<Tensor<4>> {
    if padding.iter().all(|&pad| pad == 0) {
        return None;
    }
    let bias: Vec<f32> =
        padding.iter().flat_map(|&pad| (0..length).map(move |key| if key < pad { HIDDEN } else { 0.0 })).collect();
    Some(Tensor::from_data(TensorData::new(bias, [padding.len(), 1, 1, length]), (device, dtype)))
}

/// Hides what stands behind the end of each row's text, `[rows, 1, 1, longest]`, or nothing where all are equally long.
pub fn length_bias(lengths: &[usize], device: &Device, dtype: DType) -> Option<Tensor<4>> {
    let longest = lengths.iter().copied().max().unwrap_or(0);
    if lengths.iter().all(|&length| length == longest) {
        return None;
    }
    let bias: Vec<f32> = lengths
        .iter()
        .flat_map(|&length| (0..longest).map(move |key| if key < length { 0.0 } else { HIDDEN }))
        .collect();
    Some(Tensor::from_data(TensorData::new(bias, [lengths.len(), 1, 1, longest]), (device, dtype)))
}
