//! Attention over tensors: where their heads lie in memory, and where its outcome goes.

use burn::tensor::Tensor;

#[cfg(target_arch = "x86_64")]
use super::attention::{Attention, Bias, Heads, HeadsOut};
#[cfg(target_arch = "x86_64")]
use burn::tensor::{DType, TensorData};
#[cfg(target_arch = "x86_64")]
use burn_flex::{Flex, FlexTensor};

/// Attention of several positions; `None` where it is for burn to do: also that of one position, a step of decoding, which only reads keys and
/// values. Its heads stand side by side at each position, so that joining them is no copy.
pub fn attend(
    query: &Tensor<4>,
    keys: &Tensor<4>,
    values: &Tensor<4>,
    bias: Option<&Tensor<4>>,
    scale: f64,
) -> Option<Tensor<4>> {
    #[cfg(target_arch = "x86_64")]
    {
        let parts = Parts::of(query, keys, values, bias)?;
        let attention = parts.attention(scale);
        let [rows, heads, length, size] = query.dims();
        let mut out = vec![0.0_f32; rows * length * heads * size];
        attention.forward(&mut out);
        let out: Tensor<4> = Tensor::from_data(TensorData::new(out, [rows, length, heads, size]), &query.device());
        Some(out.swap_dims(1, 2))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (query, keys, values, bias, scale);
        None
    }
}

/// From the gradient of what [`attend`] gives and its inputs, the gradients of queries, keys and values, all side by side at each position; if
/// `crossed`, queries apart from keys and values. `None` where it is for burn to do.
pub fn attend_backward(
    gradient: &Tensor<4>,
    query: &Tensor<4>,
    keys: &Tensor<4>,
    values: &Tensor<4>,
    bias: Option<&Tensor<4>>,
    scale: f64,
    crossed: bool,
) -> Option<(Tensor<3>, Option<Tensor<3>>)> {
    #[cfg(target_arch = "x86_64")]
    {
        let parts = Parts::of(query, keys, values, bias)?;
        let gradient = strided(gradient)?;
        let ([rows, heads, length, size], [_, groups, positions, _]) = (query.dims(), keys.dims());
        let attention = parts.attention(scale);
        let device = query.device();
        let tensor = |values: Vec<f32>, length: usize, all: usize| {
            Tensor::from_data(TensorData::new(values, [rows, length, all * size]), &device)
        };
        if crossed {
            let all = 2 * groups;
            let (mut first, mut second) =
                (vec![0.0; rows * length * heads * size], vec![0.0; rows * positions * all * size]);
            let query = HeadsOut::new(&mut first, length, heads, size, 0, heads);
            let keys = HeadsOut::new(&mut second, positions, all, size, 0, groups);
            let values = HeadsOut::new(&mut second, positions, all, size, groups, groups);
            attention.backward(heads_of(&gradient), query, keys, values);
            Some((tensor(first, length, heads), Some(tensor(second, positions, all))))
        } else {
            let all = heads + 2 * groups;
            let mut first = vec![0.0; rows * length * all * size];
            let query = HeadsOut::new(&mut first, length, all, size, 0, heads);
            let keys = HeadsOut::new(&mut first, length, all, size, heads, groups);
            let values = HeadsOut::new(&mut first, length, all, size, heads + groups, groups);
            attention.backward(heads_of(&gradient), query, keys, values);
            Some((tensor(first, length, all), None))
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (gradient, query, keys, values, bias, scale, crossed);
        None
    }
}

/// The memory of an attention's inputs.
#[cfg(target_arch = "x86_64")]
struct Parts {
    query: FlexTensor,
    keys: FlexTensor,
    values: FlexTensor,
    bias: Option<FlexTensor>,
}

#[cfg(target_arch = "x86_64")]
impl Parts {
    fn of(query: &Tensor<4>, keys: &Tensor<4>, values: &Tensor<4>, bias: Option<&Tensor<4>>) -> Option<Parts> {
        let [_, heads, length, size] = query.dims();
        let [_, groups, positions, _] = keys.dims();
        let takes = super::tile::is_available()
            && length > 1
            && size > 0
            && positions > 0
            && groups > 0
            && heads.is_multiple_of(groups);
        if !takes {
            return None;
        }
        let bias = match bias {
            Some(bias) => Some(strided(bias)?),
            None => None,
        };
        Some(Parts { query: strided(query)?, keys: strided(keys)?, values: strided(values)?, bias })
    }

    fn attention(&self, scale: f64) -> Attention<'_> {
        let (query, keys) = (self.query.layout().shape(), self.keys.layout().shape());
        Attention {
            query: heads_of(&self.query),
            keys: heads_of(&self.keys),
            values: heads_of(&self.values),
            bias: self.bias.as_ref().map(|bias| {
                let layout = bias.layout();
                let step = |of: usize| if layout.shape()[of] == 1 { 0 } else { layout.strides()[of] as usize };
                Bias {
                    numbers: &bias.storage::<f32>()[layout.start_offset()..],
                    steps: [step(0), step(1), step(2), step(3)],
                }
            }),
            scale: scale as f32,
            rows: query[0],
            heads: query[1],
            groups: keys[1],
            length: query[2],
            positions: keys[2],
            size: query[3],
        }
    }
}

/// A tensor's memory, copied only where the numbers of a vector are not side by side.
#[cfg(target_arch = "x86_64")]
fn strided(x: &Tensor<4>) -> Option<FlexTensor> {
    if x.dtype() != DType::F32 {
        return None;
    }
    let x = x.clone().try_into_primitive::<Flex>().ok()?;
    let steps = x.layout().strides();
    Some(if steps[3] == 1 && steps.iter().all(|&step| step >= 0) { x } else { x.to_contiguous() })
}

#[cfg(target_arch = "x86_64")]
fn heads_of(x: &FlexTensor) -> Heads<'_> {
    let layout = x.layout();
    let step = |of: usize| layout.strides()[of] as usize;
    Heads {
        numbers: &x.storage::<f32>()[layout.start_offset()..],
        row_step: step(0),
        head_step: step(1),
        step: step(2),
    }
}
