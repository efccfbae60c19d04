//! The GPU's kernels against burn's operations in f32. They need a GPU: without one each says so and passes.

use super::source::{Map, Source, has_wgmma};
use super::*;
use crate::Placement;
use crate::layers::{Activation, causal_bias, padding_bias, split_heads};
use burn::tensor::{FloatDType, TensorData, activation, module};

/// bf16 keeps 8 bits: a result rounded once is 2⁻⁹ off at most.
const NEAR: f64 = 4e-3;

fn gpu() -> Option<Placement> {
    Placement::cuda(0).map_err(|error| println!("skipped: {error}")).ok()
}

/// Numbers that look like nothing.
fn numbers<const D: usize>(shape: [usize; D], step: f32, gpu: &Placement) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values = (0..count).map(|i| (i as f32 * step + 0.3 * (i % 977) as f32).sin() * 0.5);
    Tensor::from_data(TensorData::new(values.collect::<Vec<f32>>(), shape), (&gpu.device, gpu.dtype))
}

fn whole(values: Vec<i32>, gpu: &Placement) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), &gpu.device)
}

fn f32_of<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    x.clone().cast(FloatDType::F32)
}

#[track_caller]
fn assert_near<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    let read = |x: Tensor<D>| x.into_data().iter::<f32>().collect::<Vec<f32>>();
    let (found, expected) = (read(found), read(expected));
    let square = |value: f32| f64::from(value) * f64::from(value);
    let distance: f64 = found.iter().zip(&expected).map(|(a, b)| square(a - b)).sum();
    let size: f64 = expected.iter().map(|&b| square(b)).sum();
    let relative = (distance / size).sqrt();
    println!("{what}: {relative:.1e} off");
    assert!(relative < NEAR, "{what}: {relative} off");
}

#[test]
fn norms() {
    let Some(gpu) = gpu() else { return };
    let (weight, bias) = (numbers([2560], 0.11, &gpu) + 1.0, numbers([2560], 0.2, &gpu));
    // A row of 1408 numbers is not as long as burn aligns it.
    for (rows, width) in [(1, 2560), (33, 2560), (5, 1408)] {
        let (weight, bias) = (weight.clone().narrow(0, 0, width), bias.clone().narrow(0, 0, width));
        let x = numbers([rows, width], 0.37, &gpu) * 3.0;
        let expected = module::layer_norm(f32_of(&x), f32_of(&weight), Some(f32_of(&bias)), 1e-5);
        assert_near("layer norm", layer_norm(&x, &weight, &bias, 1e-5).unwrap(), expected);
        let mean_square = f32_of(&x).square().mean_dim(1);
        let expected = f32_of(&x) * (mean_square + 1e-5).sqrt().recip() * f32_of(&weight).unsqueeze();
        assert_near("rms norm", rms_norm(&x, &weight, 1e-5).unwrap(), expected);
    }
}

#[test]
fn softmax_with_scale_and_bias() {
    let Some(gpu) = gpu() else { return };
    for keys in [33, 257, 640] {
        let scores = numbers([2, 4, 5, keys], 0.77, &gpu) * 8.0;
        for bias_shape in [[1, 4, 5, keys], [2, 1, 1, keys], [1, 1, 5, keys]] {
            let bias = numbers(bias_shape, 0.31, &gpu);
            let expected = activation::softmax(f32_of(&scores) * 0.125 + f32_of(&bias), 3);
            let found = softmax(scores.clone(), Some(&bias), 0.125).ok().unwrap();
            assert_near(&format!("softmax of {keys} with a bias {bias_shape:?}"), found, expected);
        }
    }
}

#[test]
fn gradients_through_normalisation() {
    let Some(gpu) = gpu() else { return };
    for (rows, width) in [(3, 1408), (5, 2560), (40, 64)] {
        let (input, gradient) = (numbers([rows, width], 0.37, &gpu) * 3.0 + 0.5, numbers([rows, width], 0.61, &gpu));
        let weight = numbers([width], 0.11, &gpu) + 1.0;
        for centred in [true, false] {
            let (x, g) = (f32_of(&input), f32_of(&gradient) * f32_of(&weight).unsqueeze());
            let from_mean = if centred { x.clone() - x.mean_dim(1) } else { x };
            let scale = (from_mean.clone().square().mean_dim(1) + 1e-5).sqrt().recip();
            let normal = from_mean * scale.clone();
            let level = if centred { g.clone().mean_dim(1) } else { g.clone().mean_dim(1) * 0.0 };
            let along = (g.clone() * normal.clone()).mean_dim(1);
            let expected = (g - level - normal * along) * scale;
            let found = norm_backward(&input, &gradient, &weight, 1e-5, centred);
            assert_near(&format!("{rows} rows of {width}, centred {centred}"), found.unwrap(), expected);
        }
    }
}

#[test]
fn what_follows_a_product() {
    let Some(gpu) = gpu() else { return };
    let bias = numbers([1408], 0.2, &gpu);
    let (x, residual) = (numbers([7, 1408], 0.5, &gpu) * 4.0, numbers([7, 1408], 0.9, &gpu));
    let kinds = [Activation::Relu, Activation::Gelu, Activation::GeluTanh, Activation::QuickGelu, Activation::Silu];
    for kind in kinds {
        let expected = kind.apply(f32_of(&x) + f32_of(&bias).unsqueeze()) + f32_of(&residual);
        assert_near(&format!("{kind:?}"), biased(&x, Some(&bias), Some(kind), Some(&residual)).unwrap(), expected);
        let halves = (f32_of(&x).narrow(1, 0, 704), f32_of(&x).narrow(1, 704, 704));
        assert_near(&format!("gated {kind:?}"), gated(&x, kind).unwrap(), kind.apply(halves.0) * halves.1);
    }
}

#[test]
fn linear_layers_of_few_and_many_rows() {
    let Some(gpu) = gpu() else { return };
    let shapes = [
        (1, 2560, 2560),
        (16, 2560, 7680),
        (5, 1000, 200),
        (20, 1408, 6144),
        (33, 512, 1032),
        (64, 2560, 2560),
        (100, 256, 512),
        (200, 2560, 2560),
        (300, 1000, 1032),
        (1028, 1408, 6144),
        (1028, 6144, 1408),
        (9232, 4096, 1024),
    ];
    for (rows, inputs, outputs) in shapes {
        let (x, weight) = (numbers([rows, inputs], 0.5, &gpu), numbers([outputs, inputs], 0.7, &gpu) * 0.1);
        let (bias, residual) = (numbers([outputs], 0.2, &gpu), numbers([rows, outputs], 0.4, &gpu));
        let expected = f32_of(&x).matmul(f32_of(&weight).transpose()) + f32_of(&bias).unsqueeze();
        let expected = activation::relu(expected) + f32_of(&residual);
        let found = linear(&x, &weight, Some(&bias), Some(Activation::Relu), Some(&residual)).unwrap();
        assert_near(&format!("{rows} rows, {inputs} to {outputs}"), found, expected);
    }
}

#[test]
fn linear_layers_with_each_activation_and_backwards() {
    let Some(gpu) = gpu() else { return };
    let kinds = [Activation::Gelu, Activation::GeluTanh, Activation::QuickGelu, Activation::Silu];
    for rows in [3, 300] {
        let (x, weight) = (numbers([rows, 512], 0.5, &gpu), numbers([1032, 512], 0.7, &gpu) * 0.3);
        let product = f32_of(&x).matmul(f32_of(&weight).transpose());
        for kind in kinds {
            let found = linear(&x, &weight, None, Some(kind), None).unwrap();
            assert_near(&format!("{rows} rows, {kind:?}"), found, kind.apply(product.clone()));
        }
        let gradient = numbers([rows, 1032], 0.4, &gpu);
        let expected = f32_of(&gradient).matmul(f32_of(&weight));
        // Where there is no kernel for it, the layers leave it to burn.
        if let Some(found) = linear_back(&gradient, &weight) {
            assert_near(&format!("{rows} rows back"), found, expected);
        }
    }
}

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
        let (query, keys, values) = if length == positions {
            let all =
                split_heads(numbers([rows, length, (heads + 2 * groups) * size], 0.33, &gpu) * 4.0, heads + 2 * groups);
            (
                all.clone().narrow(1, 0, heads),
                all.clone().narrow(1, heads, groups),
                all.narrow(1, heads + groups, groups),
            )
        } else {
            let query = split_heads(numbers([rows, length, heads * size], 0.33, &gpu) * 4.0, heads);
            let crossed = split_heads(numbers([rows, positions, 2 * groups * size], 0.21, &gpu) * 4.0, 2 * groups);
            (query, crossed.clone().narrow(1, 0, groups), crossed.narrow(1, groups, groups))
        };
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
        let found = attend(&query, &keys, &values, bias.as_ref(), scale);
        let bias = bias.map(|bias| bias.dims());
        let what = format!("{length} queries of {heads} heads of {size}, {positions} keys of {groups}, bias {bias:?}");
        assert_near(&what, found.unwrap_or_else(|| panic!("{what}: not taken")), expected);
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

#[test]
fn a_pace_goes_on_and_starts_again() {
    let Some(gpu) = gpu() else { return };
    let pace = Pace::new(5, &[0, 1], &[0, 0], &whole(vec![3, 4], &gpu), 4, None);
    for chosen in [[7, 8], [9, 10]] {
        pace.advance(&whole(chosen.to_vec(), &gpu));
    }
    assert_eq!((pace.taken(), pace.said(2)), (2, vec![7, 8, 9, 10]));
    assert_eq!(pace.row_positions().into_data().iter::<i64>().collect::<Vec<_>>(), [7, 6]);
    pace.restart(&[2, 0], &[0, 0], &whole(vec![1, 2], &gpu));
    assert_eq!(pace.taken(), 0);
    assert_eq!(pace.tokens().into_data().iter::<i64>().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(pace.row_positions().into_data().iter::<i64>().collect::<Vec<_>>(), [3, 5]);
}

/// Bulk copies of a matrix that ends within a box, from the start of its memory and from within.
#[test]
fn a_kernel_in_cuda_c() {
    const BOX_ROWS: usize = 16;
    let Some(gpu) = gpu() else { return };
    let (count, width) = (100, 200);
    let (boxes_down, boxes_across) = (count.div_ceil(BOX_ROWS), width.div_ceil(64));
    let all = numbers([count + 3, width], 0.37, &gpu);
    for (from, swizzled, added) in [(0, false, 1.5), (3, true, 1.5), (0, true, -0.25)] {
        let x = all.clone().narrow(0, from, count);
        let Rows { memory, pitch } = rows(&x).unwrap();
        if !has_wgmma(&memory) {
            println!("skipped: not a GPU of compute capability 9.0");
            return;
        }
        let out = room(&memory, [boxes_down * BOX_ROWS, boxes_across * 64]);
        let map = Map::new(&memory, [count, width], pitch, [BOX_ROWS, 64], swizzled).unwrap();
        let source = Source {
            name: "shifted",
            text: include_str!("source_test.cu"),
            defines: vec![("BOX_ROWS", BOX_ROWS as u32), ("SWIZZLED", u32::from(swizzled))],
            threads: 128,
            shared_bytes: BOX_ROWS * 128 + 8,
        };
        let parameters = [boxes_across as u64 * 64, u64::from(f32::to_bits(added))];
        // SAFETY: the output has all the boxes.
        unsafe {
            source.launch(&memory.client, (boxes_across as u32, boxes_down as u32, 1), &[map], &[&out], &parameters);
        }
        let found: Tensor<2> = tensor(out);
        let [all_rows, all_columns] = found.dims();
        let below = Tensor::zeros([all_rows - count, width], (&gpu.device, DType::F32));
        let right = Tensor::zeros([all_rows, all_columns - width], (&gpu.device, DType::F32));
        let expected = Tensor::cat(vec![Tensor::cat(vec![f32_of(&x), below], 0), right], 1) + added;
        assert_near(&format!("rows from {from}, swizzled: {swizzled}"), found, expected);
    }
}

#[test]
fn a_step_of_adamw() {
    let Some(gpu) = gpu() else { return };
    let of = |step: f32| numbers([32, 1000], step, &gpu).cast(FloatDType::F32);
    let (value, gradient, mean) = (of(0.3), of(0.7), of(0.9));
    let square = of(0.5).square();
    let step = AdamWStep { shrink: 0.5, first: 0.9, second: 0.99, keep: 0.999, rate: 0.01, root: 1.5, epsilon: 1e-8 };
    for has_moments in [false, true] {
        let shrunk = gradient.clone() * 0.5;
        let (mut new_mean, mut new_square) = (shrunk.clone() * 0.1, shrunk.square() * 0.01);
        if has_moments {
            new_mean = new_mean + mean.clone() * 0.9;
            new_square = new_square + square.clone() * 0.99;
        }
        let below = new_square.clone().sqrt() * 1.5 + 1e-8;
        let new_value = value.clone() * 0.999 - new_mean.clone() * 0.01 / below;
        let found = adamw(&value, &gradient, has_moments.then_some((&mean, &square)), step).unwrap();
        for ((found, expected), what) in
            found.into_iter().zip([new_value, new_mean, new_square]).zip(["value", "mean", "square"])
        {
            assert_near(&format!("{what}, moments {has_moments}"), found, expected);
        }
    }
    let expected = value.clone().square().sum() + gradient.clone().square().sum();
    let found = squares(&[&value, &gradient]).unwrap().sum();
    assert_near("the sum of squares", found, expected);
}

#[test]
fn the_place_of_the_greatest() {
    let Some(gpu) = gpu() else { return };
    for (rows, width) in [(1, 50272), (5, 1000), (3, 8), (130, 32128)] {
        let mut values: Vec<f32> = (0..rows * width).map(|i| ((i * 7919) % 1013) as f32 / 1013.0).collect();
        let expected: Vec<i64> = (0..rows).map(|row| ((row * 37 + 5) % width) as i64).collect();
        for (row, &place) in expected.iter().enumerate() {
            values[row * width + place as usize] = 2.0;
            // Of equal ones the first.
            values[row * width + width - 1] = 2.0;
        }
        let x = Tensor::from_data(TensorData::new(values, [rows, width]), (&gpu.device, gpu.dtype));
        let found: Vec<i64> = argmax(&x).unwrap().into_data().iter::<i64>().collect();
        assert_eq!(found, expected, "{rows} rows of {width}");
    }
}
