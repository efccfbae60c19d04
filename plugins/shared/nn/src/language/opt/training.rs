//! OPT in training: the whole caption in one pass, on a tape.

use super::{Layer, Opt};
use crate::layers::causal_bias;
use crate::training::{Attention, Heads, Labels, Tape, Var};
use burn::tensor::Tensor;

impl Opt {
    pub(super) fn learnt<'m>(&'m self, tape: &mut Tape<'m>, prompt: &Var, labels: &Labels) -> Var {
        let [rows, before, width] = prompt.value.dims();
        let captions = labels.longest() - 1;
        let length = before + captions;
        let (device, dtype) = (prompt.value.device(), prompt.value.dtype());
        let positions = (0..rows).flat_map(|_| 0..length as u32).collect();
        let positions = self.position_vectors(positions).reshape([rows, length, width]);
        let read = (captions > 0).then(|| self.tokens.rows(&labels.read(None)).reshape([rows, captions, width]));
        let x = tape.surrounded(None, prompt, read);
        let mut x = tape.add(&x, &Var::constant(positions));
        let bias = causal_bias(length, &vec![0; rows], &device, dtype);
        for layer in &self.layers {
            let bias: Tensor<4> = bias.clone();
            x = tape.block(&[&x], move |tape, inputs| layer.learn(tape, &inputs[0], &bias));
        }
        let counted = tape.select(&x, &labels.places(length, before - 1));
        let counted = match &self.norm {
            Some(norm) => tape.layer_norm(&counted, norm),
            None => counted,
        };
        tape.linear(&counted, &self.head)
    }
}

impl Layer {
    fn learn<'m>(&'m self, tape: &mut Tape<'m>, x: &Var, bias: &Tensor<4>) -> Var {
        let normed = tape.layer_norm(x, &self.attention_norm);
        let all = tape.linear(&normed, &self.qkv);
        let attention = Attention { bias: Some(bias.clone()), ..Attention::plain(self.heads, all.width() / 3) };
        let attended = tape.attention(&Heads::Joined(&all), attention);
        let x = tape.added(&attended, &self.output, x);
        let normed = tape.layer_norm(&x, &self.mlp_norm);
        let inner = tape.activated(&normed, &self.up, self.activation);
        tape.added(&inner, &self.down, &x)
    }
}
