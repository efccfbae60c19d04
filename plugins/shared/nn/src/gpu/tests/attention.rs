//! Attention's two kernels.

use super::*;
use crate::layers::{causal_bias, padding_bias, split_heads};

/// One step of attention: `(rows, heads, groups, size, capacity, position, turns, bias)`.
#[test]
fn attention_of_one_position() {
    let Some(gpu) = gpu() else { return };
    let cases =
        [(3, 4, 4, 80, 53, 40, false, false), (2, 8, 2, 128, 300, 299, true, false), (2, 4, 4, 64, 21, 0, false, true)];
    for (rows, heads, groups, size, capacity, at, turns, has_bias) in cases {
        let new = numbers([rows, (heads + 2 * groups) * size], 0.33, &gpu);
        let keys = numbers([rows, groups, capacity, size], 0.21, &gpu);
        let values = numbers([rows, groups, capacity, size], 0.57, &gpu);
        let bias = numbers([1, heads, capacity, capacity], 0.9, &gpu);
        let padding: Vec<usize> = (0..rows).map(|row| (row * 2).min(at)).collect();
        let (cosines, sines) = crate::language::rotary_table(size, 10_000.0, capacity, &gpu.device);

        let all = f32_of(&new).reshape([rows, heads + 2 * groups, 1, size]);
        let turned = |x: Tensor<4>| match turns {
            true => turned_by_hand(x, (&cosines, &sines), at, &padding),
            false => x,
        };
        let (query, key) = (turned(all.clone().narrow(1, 0, heads)), turned(all.clone().narrow(1, heads, groups)));
        let with = |cache: &Tensor<4>, new: Tensor<4>| match at {
            0 => new,
            _ => Tensor::cat(vec![f32_of(cache).narrow(2, 0, at), new], 2),
        };
        let (all_keys, all_values) = (with(&keys, key), with(&values, all.narrow(1, heads + groups, groups)));
        let of_heads = |x: &Tensor<4>| {
            Tensor::cat((0..heads).map(|head| x.clone().narrow(1, head / (heads / groups), 1)).collect(), 1)
        };
        let hidden = padding.iter().flat_map(|&pad| (0..=at).map(move |key| if key < pad { -1e9_f32 } else { 0.0 }));
        let hidden = TensorData::new(hidden.collect::<Vec<f32>>(), [rows, 1, 1, at + 1]);
        let mut scores = query.matmul(of_heads(&all_keys).swap_dims(2, 3)) * 0.1;
        if has_bias {
            scores = scores + f32_of(&bias).narrow(2, at, 1).narrow(3, 0, at + 1);
        }
        let scores = scores + Tensor::<4>::from_data(hidden, (&gpu.device, DType::F32));
        let expected = activation::softmax(scores, 3).matmul(of_heads(&all_values)).reshape([rows, heads * size]);

        let place = (&whole(vec![at as i32], &gpu), &whole(padding.iter().map(|&pad| pad as i32).collect(), &gpu));
        let turns = turns.then_some((&cosines, &sines));
        let step = Step { heads, scale: 0.1, place, appends: true, turns, bias: has_bias.then_some(&bias) };
        let found = attend_step(&new, &keys, &values, &step);
        assert_near(&format!("{heads} heads of {size} at {at}"), found, expected);
        let written = |cache: &Tensor<4>| cache.clone().narrow(2, at, 1);
        assert_near("the new key", written(&keys), all_keys.narrow(2, at, 1).cast(FloatDType::BF16));
        assert_near("the new value", written(&values), all_values.narrow(2, at, 1).cast(FloatDType::BF16));
    }
}

/// Attention of many queries: `(rows, heads, groups, length, positions, size)` and what hides or biases positions. Queries, keys and values
/// are parts of one product's rows, and so large that separate products would round the scores too far off.
#[test]
fn attention_of_many_positions() {
    let Some(gpu) = gpu() else { return };
    let cases = [
        ((2, 4, 4, 257, 257, 88), None),
        ((2, 3, 3, 32, 257, 64), None),
        ((2, 8, 2, 45, 45, 128), Some(causal_bias(45, &[0, 0], &gpu.device, gpu.dtype))),
        ((3, 4, 4, 45, 45, 80), Some(causal_bias(45, &[0, 7, 30], &gpu.device, gpu.dtype))),
        ((3, 8, 2, 300, 300, 128), Some(causal_bias(300, &[0, 129, 290], &gpu.device, gpu.dtype))),
        ((2, 4, 4, 257, 257, 64), padding_bias(257, &[0, 100], &gpu.device, gpu.dtype)),
        ((2, 4, 2, 33, 131, 64), Some(numbers([1, 4, 33, 131], 0.9, &gpu) * 8.0)),
        // Neighbouring positions far apart.
        ((2, 4, 2, 33, 131, 64), Some((numbers([2, 1, 131, 33], 0.9, &gpu) * 8.0).swap_dims(2, 3))),
        ((2, 4, 2, 33, 131, 64), Some(numbers([2, 4, 33, 1], 0.9, &gpu))),
    ];
    for ((rows, heads, groups, length, positions, size), bias) in cases {
        let crossed = length != positions;
        let parts = if crossed { heads } else { heads + 2 * groups };
        let first = numbers([rows, length, parts * size], 0.33, &gpu) * 4.0;
        let second = crossed.then(|| numbers([rows, positions, 2 * groups * size], 0.21, &gpu) * 4.0);
        let query = split_heads(first.clone(), parts).narrow(1, 0, heads);
        let (others, before) = match &second {
            Some(second) => (split_heads(second.clone(), 2 * groups), 0),
            None => (split_heads(first.clone(), parts), heads),
        };
        let (keys, values) = (others.clone().narrow(1, before, groups), others.narrow(1, before + groups, groups));
        let of_heads = |x: &Tensor<4>| {
            let group = |head| f32_of(x).narrow(1, head / (heads / groups), 1);
            Tensor::cat((0..heads).map(group).collect(), 1)
        };
        let scale = (size as f64).powf(-0.5);
        let mut scores = f32_of(&query).matmul(of_heads(&keys).swap_dims(2, 3)) * scale;
        if let Some(bias) = &bias {
            scores = scores + f32_of(bias);
        }
        let expected = activation::softmax(scores, 3).matmul(of_heads(&values));
        let apart = attend(&query, &keys, &values, bias.as_ref(), scale);
        let joined = attend_joined(&first, second.as_ref(), [heads, groups], bias.as_ref(), scale);
        let bias = bias.map(|bias| bias.dims());
        let what = format!("{length} queries of {heads} heads of {size}, {positions} keys of {groups}, bias {bias:?}");
        for (found, how) in [(apart, "apart"), (joined, "joined")] {
            let found = found.unwrap_or_else(|| panic!("{what}: not taken, {how}"));
            assert_near(&format!("{what}, {how}"), found, expected.clone());
        }
    }
}

#[test]
fn attention_that_other_kernels_do() {
    let Some(gpu) = gpu() else { return };
    let x = numbers([1, 2, 5, 64], 0.3, &gpu);
    let is_taken = |x: &Tensor<4>| attend(x, x, x, None, 0.1).is_some();
    assert!(is_taken(&x));
    assert!(!is_taken(&f32_of(&x)), "f32");
    assert!(!is_taken(&x.clone().narrow(2, 1, 1)), "one query");
    assert!(!is_taken(&numbers([1, 2, 64, 16], 0.3, &gpu).swap_dims(2, 3)), "a head across rows");
    assert!(!is_taken(&numbers([1, 2, 5, 68], 0.3, &gpu)), "a head that ends within a vector");
    assert!(!is_taken(&numbers([1, 2, 5, 136], 0.3, &gpu)), "a head too long");
}

/// Turns `[rows, heads, 1, size]` at a position, less each row's padding.
fn turned_by_hand(x: Tensor<4>, (cosines, sines): (&Tensor<2>, &Tensor<2>), at: usize, padding: &[usize]) -> Tensor<4> {
    let half = x.dims()[3] / 2;
    let rows = padding.iter().enumerate().map(|(row, pad)| {
        let of = |table: &Tensor<2>| table.clone().narrow(0, at - pad, 1).reshape([1, 1, 1, half]);
        let (cosine, sine) = (of(cosines), of(sines));
        let x = x.clone().narrow(0, row, 1);
        let (first, second) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
        let turned_first = first.clone() * cosine.clone() - second.clone() * sine.clone();
        Tensor::cat(vec![turned_first, second * cosine + first * sine], 3)
    });
    Tensor::cat(rows.collect(), 0)
}
