//! The GPU's kernels against burn's operations in f32. They need a GPU: without one each says so and passes.

mod attention;

use super::source::{Map, Source, has_wgmma};
use super::*;
use crate::layers::Activation;
use crate::{Error, Placement};
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
fn what_finds_no_room_is_an_error_and_no_result() {
    let Some(gpu) = gpu() else { return };
    // No device holds the first; what is read is small, and nothing ever wrote it.
    let found = watched(|| {
        let much: Tensor<1> = Tensor::zeros([1_usize << 42], (&gpu.device, gpu.dtype));
        Ok(much.slice([0..8]).into_data().iter::<f32>().collect::<Vec<_>>())
    });
    assert!(matches!(&found, Err(Error::Memory(text)) if text.contains("no room")), "{found:?}");
    let found = watched(|| Ok(Tensor::<1>::zeros([8], (&gpu.device, gpu.dtype)).into_data().iter::<f32>().count()));
    assert_eq!(found.unwrap(), 8, "the device goes on");
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
            text: include_str!("shifted.cu"),
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
