//! T5 on a tape: the encoder, in training and in use, and the decoder over a whole caption. The caption is what the decoder is to say and
//! reads shifted by one; the encoder never sees it.

use super::{Cross, Layer, T5};
use crate::layers::{causal_bias, padding_bias};
use crate::training::{Attention, Heads, Labels, Tape, Var};
use burn::tensor::Tensor;

impl T5 {
    /// The encoder's output, `[rows, length, width]`, for prompts with so many positions of padding at their left.
    pub(super) fn encode_on<'m>(&'m self, tape: &mut Tape<'m>, prompt: &Var, padding: &[usize]) -> Var {
        let length = prompt.value.dims()[1];
        let (device, dtype) = (prompt.value.device(), prompt.value.dtype());
        let mut bias = self.encoder.positions.bias(length, &device);
        if let Some(padding) = padding_bias(length, padding, &device, dtype) {
            bias = bias + padding;
        }
        let mut x = prompt.clone();
        for layer in &self.encoder.layers {
            let bias = bias.clone();
            x = tape.block(&[&x], move |tape, inputs| {
                let x = layer.attend_on(tape, &inputs[0], &bias);
                layer.feed_forward_on(tape, &x)
            });
        }
        tape.rms_norm(&x, &self.encoder.norm)
    }

    pub(super) fn learnt<'m>(&'m self, tape: &mut Tape<'m>, prompt: &Var, labels: &Labels) -> Var {
        let rows = labels.rows();
        let length = labels.longest();
        let (device, dtype) = (prompt.value.device(), prompt.value.dtype());
        let encoded = self.encode_on(tape, prompt, &vec![0; rows]);
        let read = self.tokens.rows(&labels.read(Some(self.start_token)));
        let mut x = Var::constant(read.reshape([rows, length, prompt.width()]));
        let bias = self.decoder.positions.bias(length, &device) + causal_bias(length, &vec![0; rows], &device, dtype);
        for layer in &self.decoder.layers {
            let bias: Tensor<4> = bias.clone();
            x = tape.block(&[&x, &encoded], move |tape, inputs| {
                let mut x = layer.attend_on(tape, &inputs[0], &bias);
                if let Some(cross) = &layer.cross {
                    x = cross.attend_on(tape, &x, &inputs[1], layer.heads);
                }
                layer.feed_forward_on(tape, &x)
            });
        }
        let counted = tape.select(&x, &labels.places(length, 0));
        let counted = tape.rms_norm(&counted, &self.decoder.norm);
        let counted = tape.scale(&counted, self.head_scale);
        tape.linear(&counted, &self.head)
    }
}

/// T5 does not scale its scores.
fn unscaled(heads: usize, bias: Option<Tensor<4>>) -> Attention {
    Attention { heads, groups: heads, scale: 1.0, bias, turn: None }
}

impl Layer {
    fn attend_on<'m>(&'m self, tape: &mut Tape<'m>, x: &Var, bias: &Tensor<4>) -> Var {
        let normed = tape.rms_norm(x, &self.attention_norm);
        let all = tape.linear(&normed, &self.qkv);
        let attended = tape.attention(&Heads::Joined(&all), unscaled(self.heads, Some(bias.clone())));
        tape.added(&attended, &self.output, x)
    }

    fn feed_forward_on<'m>(&'m self, tape: &mut Tape<'m>, x: &Var) -> Var {
        let normed = tape.rms_norm(x, &self.mlp_norm);
        let inner = if self.gated {
            let both = tape.linear(&normed, &self.up);
            tape.gated(&both, self.activation)
        } else {
            tape.activated(&normed, &self.up, self.activation)
        };
        tape.added(&inner, &self.down, x)
    }
}

impl Cross {
    fn attend_on<'m>(&'m self, tape: &mut Tape<'m>, x: &Var, encoded: &Var, heads: usize) -> Var {
        let normed = tape.rms_norm(x, &self.norm);
        let query = tape.linear(&normed, &self.query);
        let key_value = tape.linear(encoded, &self.key_value);
        let attended = tape.attention(&Heads::Crossed { query: &query, key_value: &key_value }, unscaled(heads, None));
        tape.added(&attended, &self.output, x)
    }
}
