//! The operations of the models on a tape: what each computes, and how its gradient flows back.

use super::tape::{Tape, Var};
use crate::language::Turn;
use crate::layers::{
    Activation, LayerNorm, Linear, RmsNorm, attend, attend_backward, dropped, joined_heads, joined_parts, split_heads,
};
use burn::tensor::{Int, Tensor, TensorData};
use std::sync::Arc;

/// Where the queries, keys and values of an attention come from.
pub enum Heads<'v> {
    /// Side by side in one value: `heads` of queries, then `groups` of keys, then `groups` of values.
    Joined(&'v Var),
    /// Queries of one value; keys and values side by side in another, of another length.
    Crossed { query: &'v Var, key_value: &'v Var },
}

/// The numbers of an attention.
#[derive(Clone)]
pub struct Attention {
    pub heads: usize,
    /// Heads of keys and values.
    pub groups: usize,
    pub scale: f64,
    /// Broadcasts to `[rows, heads, length, positions]`.
    pub bias: Option<Tensor<4>>,
    /// Rotary positions of queries and keys.
    pub turn: Option<Arc<Turn>>,
}

/// Queries, keys and values side by side, or queries and then keys and values.
type Parts = (Tensor<3>, Option<Tensor<3>>);

/// The sum of two values.
pub(super) fn sum<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    let a = match crate::cpu::add(a, &b) {
        Ok(sum) => return sum,
        Err(a) => a,
    };
    a + b
}

impl<'m> Tape<'m> {
    /// A linear layer with its adapters.
    pub fn linear(&mut self, x: &Var, layer: &'m Linear) -> Var {
        let adapters = layer.adapters().all();
        if adapters.is_empty() {
            let node = x.node;
            return self.outcome(layer.frozen(x.value.clone()), x.is_tracked(), move |gradient, flow| {
                let shape = gradient.dims();
                flow.add(node, || {
                    let gradient = layer.transposed(gradient.reshape([shape[0] * shape[1], shape[2]]));
                    let inputs = gradient.dims()[1];
                    gradient.reshape([shape[0], shape[1], inputs])
                });
            });
        }
        self.meet_adapter();
        let (flat, shape) = layer.flat(x.value.clone());
        let mut y: Tensor<2> = layer.frozen(x.value.clone()).reshape([shape[0] * shape[1], shape[2]]);
        let mut kept = Vec::new();
        for adapter in adapters {
            let seed = self.dropout_of(&adapter);
            let seen = dropped(flat.clone(), seed, adapter.dropout);
            let inner;
            (y, inner) = adapter.add_to(y, seen);
            if self.is_recording() {
                kept.push((adapter, seed, inner));
            }
        }
        let node = x.node;
        self.outcome(y.reshape(shape), true, move |gradient, flow| {
            let [rows, length, outputs] = gradient.dims();
            let gradient: Tensor<2> = gradient.reshape([rows * length, outputs]);
            let inputs = flat.dims()[1];
            let mut back = node.map(|_| layer.transposed(gradient.clone()));
            for (adapter, seed, inner) in kept {
                // Drawn again from its seed, not kept.
                let seen = dropped(flat.clone(), seed, adapter.dropout);
                let (down, up, inner_gradient) = adapter.backward(gradient.clone(), seen, inner);
                flow.add_adapter(adapter.number, down, up);
                back =
                    back.map(|back| sum(back, dropped(adapter.input_gradient(inner_gradient), seed, adapter.dropout)));
            }
            if let Some(back) = back {
                flow.add(node, || back.reshape([rows, length, inputs]));
            }
        })
    }

    /// A linear layer with an activation behind it.
    pub fn activated(&mut self, x: &Var, layer: &'m Linear, activation: Activation) -> Var {
        if let Some(value) = self.at_once(x, layer, Some(activation), None) {
            return value;
        }
        let y = self.linear(x, layer);
        self.activation(&y, activation)
    }

    /// A linear layer added to a residual.
    pub fn added(&mut self, x: &Var, layer: &'m Linear, residual: &Var) -> Var {
        if let Some(value) = self.at_once(x, layer, None, Some(residual)) {
            return value;
        }
        let y = self.linear(x, layer);
        self.add(residual, &y)
    }

    /// In one pass, where nothing is to flow back.
    fn at_once(&self, x: &Var, layer: &Linear, activation: Option<Activation>, residual: Option<&Var>) -> Option<Var> {
        if x.is_tracked() || residual.is_some_and(Var::is_tracked) || !layer.adapters().is_empty() {
            return None;
        }
        layer.at_once(&x.value, activation, residual.map(|residual| &residual.value)).map(Var::constant)
    }

    pub fn add(&mut self, a: &Var, b: &Var) -> Var {
        let (a_node, b_node) = (a.node, b.node);
        let tracked = a.is_tracked() || b.is_tracked();
        self.outcome(sum(a.value.clone(), b.value.clone()), tracked, move |gradient, flow| {
            flow.add(a_node, || gradient.clone());
            flow.add(b_node, || gradient);
        })
    }

    /// A value times a number.
    pub fn scale(&mut self, x: &Var, factor: f64) -> Var {
        if factor == 1.0 {
            return x.clone();
        }
        let node = x.node;
        self.outcome(x.value.clone() * factor, x.is_tracked(), move |gradient, flow| {
            flow.add(node, || gradient * factor);
        })
    }

    pub fn layer_norm(&mut self, x: &Var, norm: &'m LayerNorm) -> Var {
        let Var { value, node } = x.clone();
        self.outcome(norm.forward(value.clone()), x.is_tracked(), move |gradient, flow| {
            flow.add(node, || norm.backward(value, gradient));
        })
    }

    pub fn rms_norm(&mut self, x: &Var, norm: &'m RmsNorm) -> Var {
        let Var { value, node } = x.clone();
        self.outcome(norm.forward(value.clone()), x.is_tracked(), move |gradient, flow| {
            flow.add(node, || norm.backward(value, gradient));
        })
    }

    pub fn activation(&mut self, x: &Var, activation: Activation) -> Var {
        let Var { value, node } = x.clone();
        self.outcome(activation.apply(value.clone()), x.is_tracked(), move |gradient, flow| {
            flow.add(node, || activation.backward(value, gradient));
        })
    }

    /// The first half of the width through an activation, times the second half.
    pub fn gated(&mut self, both: &Var, activation: Activation) -> Var {
        let Var { value, node } = both.clone();
        let inner = value.dims()[2] / 2;
        let halves = move |x: &Tensor<3>| (x.clone().narrow(2, 0, inner), x.clone().narrow(2, inner, inner));
        self.outcome(activation.gated(both.value.clone()), both.is_tracked(), move |gradient, flow| {
            flow.add(node, || {
                let (gate, up) = halves(&value);
                let opened = activation.apply(gate.clone());
                let gate_gradient = activation.backward(gate, gradient.clone() * up);
                Tensor::cat(vec![gate_gradient, gradient * opened], 2)
            });
        })
    }

    /// Attention; queries, keys and values as `[rows, length, heads · size]` and so on, the outcome `[rows, length, heads · size]`.
    pub fn attention(&mut self, from: &Heads<'_>, attention: Attention) -> Var {
        let nodes = match from {
            Heads::Joined(all) => (all.node, None),
            Heads::Crossed { query, key_value } => (query.node, key_value.node),
        };
        let parts = match from {
            Heads::Joined(all) => (all.value.clone(), None),
            Heads::Crossed { query, key_value } => (query.value.clone(), Some(key_value.value.clone())),
        };
        let tracked = nodes.0.is_some() || nodes.1.is_some();
        let attended = attention.attend(&parts);
        self.outcome(joined_heads(attended), tracked, move |gradient, flow| {
            // Weights of attention are computed again rather than kept: they are the largest of all values.
            let (query, keys, values) = attention.split(&parts);
            let gradient = split_heads(gradient, attention.heads);
            let crossed = parts.1.is_some();
            let bias = attention.bias.clone();
            let back = attend_backward(gradient, query, keys, values, bias, attention.scale, crossed);
            let (first, second) = attention.turned_back(back);
            flow.add(nodes.0, || first);
            if let Some(second) = second {
                flow.add(nodes.1, || second);
            }
        })
    }

    /// Constants before and behind a value, along its length: `[rows, …, width]` each.
    pub fn surrounded(&mut self, before: Option<Tensor<3>>, x: &Var, behind: Option<Tensor<3>>) -> Var {
        let Var { value, node } = x.clone();
        let length = value.dims()[1];
        let start = before.as_ref().map_or(0, |before| before.dims()[1]);
        let parts: Vec<_> = [before, Some(value), behind].into_iter().flatten().collect();
        let whole = if parts.len() == 1 { x.value.clone() } else { Tensor::cat(parts, 1) };
        self.outcome(whole, x.is_tracked(), move |gradient, flow| {
            flow.add(node, || gradient.narrow(1, start, length));
        })
    }

    /// Everything behind the first `count` positions.
    pub fn behind(&mut self, x: &Var, count: usize) -> Var {
        let node = x.node;
        let [rows, length, width] = x.value.dims();
        let value = x.value.clone().narrow(1, count, length - count);
        self.outcome(value, x.is_tracked(), move |gradient, flow| {
            flow.add(node, || {
                let blank = Tensor::zeros([rows, count, width], (&gradient.device(), gradient.dtype()));
                Tensor::cat(vec![blank, gradient], 1)
            });
        })
    }

    /// Some positions of some rows, as one row `[1, places, width]`. A place is `row · length + position`; none stands twice.
    pub fn select(&mut self, x: &Var, places: &[usize]) -> Var {
        let node = x.node;
        let [rows, length, width] = x.value.dims();
        let numbers: Vec<i32> = places.iter().map(|&place| place as i32).collect();
        let count = numbers.len();
        let numbers: Tensor<1, Int> = Tensor::from_data(TensorData::new(numbers, [count]), &x.value.device());
        let flat: Tensor<2> = x.value.clone().reshape([rows * length, width]);
        let chosen = flat.select(0, numbers.clone()).reshape([1, count, width]);
        self.outcome(chosen, x.is_tracked(), move |gradient, flow| {
            flow.add(node, || {
                let blank: Tensor<2> = Tensor::zeros([rows * length, width], (&gradient.device(), gradient.dtype()));
                let chosen = gradient.reshape([count, width]);
                blank
                    .select_assign(0, numbers, chosen, burn::tensor::IndexingUpdateOp::Add)
                    .reshape([rows, length, width])
            });
        })
    }
}

impl Attention {
    /// Attention of every position to every other, of `heads` that share a width; scores are scaled by the root of a head's size.
    pub fn plain(heads: usize, width: usize) -> Attention {
        let size = width / heads;
        Attention { heads, groups: heads, scale: (size as f64).powf(-0.5), bias: None, turn: None }
    }

    /// `[rows, heads, length, size]`
    fn attend(&self, parts: &Parts) -> Tensor<4> {
        #[cfg(feature = "cuda")]
        if self.turn.is_none() {
            let heads = [self.heads, self.groups];
            let (first, second) = (&parts.0, parts.1.as_ref());
            if let Some(attended) = crate::gpu::attend_joined(first, second, heads, self.bias.as_ref(), self.scale) {
                return attended;
            }
        }
        let (query, keys, values) = self.split(parts);
        attend(query, keys, values, self.bias.clone(), self.scale)
    }

    /// Queries, keys and values, turned: `[rows, heads or groups, length, size]`.
    fn split(&self, parts: &Parts) -> (Tensor<4>, Tensor<4>, Tensor<4>) {
        let (query, keys, values) = self.divided(parts);
        match &self.turn {
            Some(turn) => (turn.apply(query), turn.apply(keys), values),
            None => (query, keys, values),
        }
    }

    /// The gradients of queries and keys turned back.
    fn turned_back(&self, parts: Parts) -> Parts {
        let Some(turn) = &self.turn else { return parts };
        let (query, keys, values) = self.divided(&parts);
        joined_parts(turn.apply_back(query), turn.apply_back(keys), values, parts.1.is_some())
    }

    /// Queries, keys and values as they stand.
    fn divided(&self, (first, second): &Parts) -> (Tensor<4>, Tensor<4>, Tensor<4>) {
        let (heads, groups) = (self.heads, self.groups);
        match second {
            None => {
                let all = split_heads(first.clone(), heads + 2 * groups);
                let part = |start: usize, count: usize| all.clone().narrow(1, start, count);
                (part(0, heads), part(heads, groups), part(heads + groups, groups))
            }
            Some(both) => {
                let both = split_heads(both.clone(), 2 * groups);
                let query = split_heads(first.clone(), heads);
                (query, both.clone().narrow(1, 0, groups), both.narrow(1, groups, groups))
            }
        }
    }
}
