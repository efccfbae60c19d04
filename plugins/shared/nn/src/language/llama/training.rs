//! Llama in training: the whole caption in one pass, on a tape.

use super::{Layer, Llama};
use crate::language::Turn;
use crate::layers::causal_bias;
use crate::training::{Attention, Heads, Labels, Tape, Var};
use burn::tensor::Tensor;
use std::sync::Arc;

impl Llama {
    pub(super) fn learnt<'m>(&'m self, tape: &mut Tape<'m>, prompt: &Var, labels: &Labels) -> Var {
        let [rows, before, width] = prompt.value.dims();
        let captions = labels.longest() - 1;
        let length = before + captions;
        let (device, dtype) = (prompt.value.device(), prompt.value.dtype());
        let read = (captions > 0).then(|| self.tokens.rows(&labels.read(None)).reshape([rows, captions, width]));
        let mut x = tape.surrounded(None, prompt, read);
        // No row is padded at its left, so all rows stand at the same positions.
        let positions: Vec<u32> = (0..length as u32).collect();
        let turn = Arc::new(self.rotary.turn(&positions, 1, &device, dtype));
        let bias = causal_bias(length, &vec![0; rows], &device, dtype);
        for layer in &self.layers {
            let (turn, bias): (Arc<Turn>, Tensor<4>) = (turn.clone(), bias.clone());
            x = tape.block(&[&x], move |tape, inputs| layer.learn(tape, &inputs[0], &turn, &bias));
        }
        let counted = tape.select(&x, &labels.places(length, before - 1));
        let counted = tape.rms_norm(&counted, &self.norm);
        tape.linear(&counted, &self.head)
    }
}

impl Layer {
    fn learn<'m>(&'m self, tape: &mut Tape<'m>, x: &Var, turn: &Arc<Turn>, bias: &Tensor<4>) -> Var {
        let normed = tape.rms_norm(x, &self.attention_norm);
        let all = tape.linear(&normed, &self.qkv);
        let size = all.width() / (self.heads + 2 * self.groups);
        let attention = Attention {
            groups: self.groups,
            bias: Some(bias.clone()),
            turn: Some(turn.clone()),
            ..Attention::plain(self.heads, self.heads * size)
        };
        let attended = tape.attention(&Heads::Joined(&all), attention);
        let x = tape.added(&attended, &self.output, x);
        let normed = tape.rms_norm(&x, &self.mlp_norm);
        let both = tape.linear(&normed, &self.gate_up);
        let inner = tape.gated(&both, self.activation);
        tape.added(&inner, &self.down, &x)
    }
}
