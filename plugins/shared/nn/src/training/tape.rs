//! The record of a forward pass, from which gradients flow back. What single operations do is `operations`' affair.

use super::operations::sum;
use crate::layers::LoraLinear;
use crate::random::Random;
use burn::tensor::Tensor;

/// A value `[rows, length, width]` on its way through a model.
#[derive(Clone)]
pub struct Var {
    pub value: Tensor<3>,
    /// Its number among the values that a gradient flows back to; none for what depends on no adapter.
    pub(super) node: Option<usize>,
}

impl Var {
    /// A value that no gradient flows back to.
    pub fn constant(value: Tensor<3>) -> Var {
        Var { value, node: None }
    }

    /// Its last dimension.
    pub fn width(&self) -> usize {
        self.value.dims()[2]
    }

    /// Whether it depends on an adapter.
    pub fn is_tracked(&self) -> bool {
        self.node.is_some()
    }
}

/// The gradients of the adapters, by their numbers: of A and of B. Added up over passes.
pub type Gradients = Vec<Option<(Tensor<2>, Tensor<2>)>>;

/// The gradients of one pass: of its values, and where those of the adapters are added up.
pub struct Flow<'g> {
    nodes: Vec<Option<Tensor<3>>>,
    adapters: &'g mut Gradients,
}

impl Flow<'_> {
    /// Adds to the gradient of a value.
    pub fn add(&mut self, var: Option<usize>, gradient: impl FnOnce() -> Tensor<3>) {
        if let Some(node) = var {
            let gradient = gradient();
            self.nodes[node] = Some(match self.nodes[node].take() {
                Some(before) => sum(before, gradient),
                None => gradient,
            });
        }
    }

    /// Adds to the gradient of an adapter.
    pub fn add_adapter(&mut self, number: usize, down: Tensor<2>, up: Tensor<2>) {
        let sum = match self.adapters[number].take() {
            Some((down_before, up_before)) => (down_before + down, up_before + up),
            None => (down, up),
        };
        self.adapters[number] = Some(sum);
    }
}

type Backward<'m> = Box<dyn FnOnce(Tensor<3>, &mut Flow<'_>) + 'm>;

/// How a forward pass is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mode {
    /// Remember what the backward pass needs.
    pub recording: bool,
    /// Of blocks, remember the inputs only.
    pub checkpointing: bool,
    /// Drop inputs of adapters, by the random numbers of this seed.
    pub dropout: Option<u64>,
}

/// The record of a forward pass over a model of lifetime `'m`.
pub struct Tape<'m> {
    mode: Mode,
    steps: Vec<(usize, Backward<'m>)>,
    nodes: usize,
    /// Whether an adapter has been met.
    adapted: bool,
}

impl<'m> Tape<'m> {
    pub fn new(mode: Mode) -> Tape<'m> {
        Tape { mode, steps: Vec::new(), nodes: 0, adapted: false }
    }

    /// A pass that remembers nothing: plain inference.
    pub fn off() -> Tape<'m> {
        Tape::new(Mode::default())
    }

    /// A value that depends on an adapter.
    fn tracked(&mut self, value: Tensor<3>) -> Var {
        self.nodes += 1;
        Var { value, node: Some(self.nodes - 1) }
    }

    /// The outcome of an operation. If `tracked` and the tape is recording, `backward` carries the gradient of the outcome on to
    /// the operation's inputs.
    pub(super) fn outcome(
        &mut self,
        value: Tensor<3>,
        tracked: bool,
        backward: impl FnOnce(Tensor<3>, &mut Flow<'_>) + 'm,
    ) -> Var {
        if !(tracked && self.mode.recording) {
            return Var::constant(value);
        }
        let var = self.tracked(value);
        self.steps.push((self.nodes - 1, Box::new(backward)));
        var
    }

    /// Notes that an adapter acts here.
    pub(super) fn meet_adapter(&mut self) {
        self.adapted = true;
    }

    pub(super) fn is_recording(&self) -> bool {
        self.mode.recording
    }

    /// The seed of an adapter's dropout in this pass.
    pub(super) fn dropout_of(&self, adapter: &LoraLinear) -> Option<u64> {
        let seed = self.mode.dropout.filter(|_| adapter.dropout > 0.0)?;
        Some(Random::new(seed ^ (adapter.number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).next_u64())
    }

    /// One block of a model. With checkpointing, only its inputs are kept, and the backward pass runs it again: the same
    /// numbers, since dropout's are drawn from a seed.
    pub fn block(&mut self, inputs: &[&Var], run: impl Fn(&mut Tape<'m>, &[Var]) -> Var + 'm) -> Var {
        let inputs: Vec<Var> = inputs.iter().map(|&input| input.clone()).collect();
        if !(self.mode.recording && self.mode.checkpointing) {
            return run(self, &inputs);
        }
        let mut quiet = Tape::new(Mode { recording: false, ..self.mode });
        let constants: Vec<Var> = inputs.iter().map(|input| Var::constant(input.value.clone())).collect();
        let value = run(&mut quiet, &constants).value;
        let tracked = quiet.adapted || inputs.iter().any(Var::is_tracked);
        self.adapted |= quiet.adapted;
        let mode = Mode { checkpointing: false, ..self.mode };
        self.outcome(value, tracked, move |gradient, flow| {
            let mut again = Tape::new(mode);
            let inner: Vec<Var> = inputs
                .iter()
                .map(|input| if input.is_tracked() { again.tracked(input.value.clone()) } else { input.clone() })
                .collect();
            let out = run(&mut again, &inner);
            let mut gradients = again.flow_back(out.node, gradient, flow.adapters);
            for (outer, inner) in inputs.iter().zip(&inner) {
                if let Some(gradient) = inner.node.and_then(|node| gradients[node].take()) {
                    flow.add(outer.node, || gradient);
                }
            }
        })
    }

    /// Carries the gradient of a value back through the whole pass; the adapters' gradients are added to `adapters`.
    pub(super) fn backward(self, node: Option<usize>, gradient: Tensor<3>, adapters: &mut Gradients) {
        self.flow_back(node, gradient, adapters);
    }

    fn flow_back(self, node: Option<usize>, gradient: Tensor<3>, adapters: &mut Gradients) -> Vec<Option<Tensor<3>>> {
        let mut flow = Flow { nodes: (0..self.nodes).map(|_| None).collect(), adapters };
        flow.add(node, || gradient);
        for (node, backward) in self.steps.into_iter().rev() {
            if let Some(gradient) = flow.nodes[node].take() {
                backward(gradient, &mut flow);
            }
        }
        flow.nodes
    }
}
