//! Matrix products on Hopper's tensor cores, by `product.cu`: what follows a product is done on the way out. Here is which of its kernels
//! takes which shape.

use super::source::{Map, Source, has_wgmma};
use super::{Memory, Rows, VECTOR, room};
use crate::layers::Activation;

/// Inputs of a stage, the rows that a warpgroup multiplies, and bytes of a bf16.
const DEPTH: usize = 64;
const TEAM_ROWS: usize = 64;
const WIDTH: usize = 2;
/// Shared memory of a block, less what barriers take, and what a team of `wide` hands its results over with.
const ROOM: usize = 226 * 1024;
const BARRIERS: usize = 1024;
const DESK: usize = 16 * 1024;
/// Most rows of `narrow`, and most blocks that share the inputs of a tile.
const FEW: usize = 256;
const SHARED: usize = 5;
/// What a tile of 128 outputs costs beside one of 256, which takes the rows' tile in once for twice as much; measured.
const HALF: f64 = 0.53;

/// A product with what follows it: activation(x·Wᵀ + b) + residual.
pub struct Product<'a> {
    /// `[rows, inputs]`
    pub x: &'a Rows,
    /// `[outputs, inputs]`, or `[inputs, outputs]` if `turned`.
    pub weight: &'a Rows,
    pub turned: bool,
    /// `[outputs]`
    pub bias: Option<&'a Rows>,
    pub activation: Option<Activation>,
    /// `[rows, outputs]`
    pub residual: Option<&'a Rows>,
    pub rows: usize,
    pub inputs: usize,
    pub outputs: usize,
}

/// How a product is cut up.
struct Cut {
    wide: bool,
    /// Rows and outputs of a tile.
    rows: usize,
    outputs: usize,
    /// Blocks that share a tile's inputs.
    share: usize,
    stages: usize,
    blocks: (u32, u32, u32),
}

impl Product<'_> {
    /// `[rows, outputs]`; `None` where the device or the operands are not for this.
    pub fn run(&self) -> Option<Memory> {
        let Product { x, weight, .. } = *self;
        let whole = self.inputs.is_multiple_of(VECTOR) && self.outputs.is_multiple_of(VECTOR);
        if !whole || self.rows == 0 || !has_wgmma(&x.memory) {
            return None;
        }
        let beside = [self.bias, self.residual].into_iter().flatten();
        if !beside.clone().all(|rows| rows.memory.handle.offset_start.unwrap_or(0).is_multiple_of(16)) {
            return None;
        }
        if self.residual.is_some_and(|residual| !residual.pitch.is_multiple_of(VECTOR)) {
            return None;
        }
        let cut = self.cut(x.memory.client.properties().hardware.num_streaming_multiprocessors.unwrap_or(132) as usize);
        // In a cluster of `wide` each of the two blocks brings in half of the weights' tile.
        let brought = if cut.wide { cut.outputs / 2 } else { cut.outputs };
        let (sides, weight_box) = if self.turned {
            ([self.inputs, self.outputs], [DEPTH, DEPTH])
        } else {
            ([self.outputs, self.inputs], [brought, DEPTH])
        };
        let x_map = Map::new(&x.memory, [self.rows, self.inputs], x.pitch, [cut.rows, DEPTH], true)?;
        let weight_map = Map::new(&weight.memory, sides, weight.pitch, weight_box, true)?;
        let y = room(&x.memory, [self.rows, self.outputs]);
        let bias = self.bias.map_or(&x.memory, |bias| &bias.memory);
        let residual = self.residual.map_or(&x.memory, |residual| &residual.memory);
        let pitch = self.residual.map_or(0, |residual| residual.pitch);
        let sizes = [self.rows, self.outputs, self.inputs, pitch].map(|size| size as u64);
        // SAFETY: the kernel reads through the maps, which end where the matrices end, and neither reads nor writes rows or outputs behind
        // the last one; its blocks are those that its cut asks for.
        unsafe {
            self.source(&cut).launch(&y.client, cut.blocks, &[x_map, weight_map], &[bias, residual, &y], &sizes);
        }
        Some(y)
    }

    fn cut(&self, processors: usize) -> Cut {
        if self.rows <= FEW {
            let rows = if self.rows <= TEAM_ROWS { TEAM_ROWS } else { 2 * TEAM_ROWS };
            let (across, down) = (self.outputs.div_ceil(128), self.rows.div_ceil(rows));
            // As many blocks as there is room for, and something for each of them to do.
            let share = (processors / (across * down)).clamp(1, SHARED).min(self.inputs.div_ceil(DEPTH));
            let stages = (ROOM - BARRIERS) / stage(rows, 128);
            let blocks = (across as u32, down as u32, share as u32);
            return Cut { wide: false, rows, outputs: 128, share, stages: stages.min(8), blocks };
        }
        let rows = 2 * TEAM_ROWS;
        let clusters = (processors / 2).max(1);
        let tiles = |outputs: usize| self.outputs.div_ceil(outputs) * self.rows.div_ceil(2 * rows);
        let turns = |outputs: usize| tiles(outputs).div_ceil(clusters) as f64;
        let outputs = if turns(256) <= HALF * turns(128) { 256 } else { 128 };
        let stages = (ROOM - BARRIERS - 2 * DESK) / stage(rows, outputs);
        let blocks = (2 * tiles(outputs).min(clusters) as u32, 1, 1);
        Cut { wide: true, rows, outputs, share: 1, stages: stages.min(6), blocks }
    }

    fn source(&self, cut: &Cut) -> Source {
        let teams = cut.rows / TEAM_ROWS;
        let activation = match self.activation {
            None => 0,
            Some(Activation::Relu) => 1,
            Some(Activation::Gelu) => 2,
            Some(Activation::GeluTanh) => 3,
            Some(Activation::QuickGelu) => 4,
            Some(Activation::Silu) => 5,
        };
        Source {
            name: if cut.wide { "wide" } else { "narrow" },
            text: include_str!("product.cu"),
            defines: vec![
                ("WIDE", u32::from(cut.wide)),
                ("ROWS", cut.rows as u32),
                ("OUTPUTS", cut.outputs as u32),
                ("STAGES", cut.stages as u32),
                ("SHARE", cut.share as u32),
                ("TURNED_W", u32::from(self.turned)),
                ("BIASED", u32::from(self.bias.is_some())),
                ("ADDED", u32::from(self.residual.is_some())),
                ("ACTIVATION", activation),
            ],
            threads: 128 * (teams as u32 + 1),
            shared_bytes: cut.stages * stage(cut.rows, cut.outputs)
                + BARRIERS
                + if cut.wide { teams * DESK } else { 0 },
        }
    }
}

/// Bytes of a stage.
fn stage(rows: usize, outputs: usize) -> usize {
    (rows + outputs) * DEPTH * WIDTH
}
