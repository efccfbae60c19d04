//! Linear layers of a few rows, as in a step of decoding: the weights are read once and nothing else counts.

use super::{Memory, PLANE, Rows, VECTOR, activated, room};
use crate::layers::Activation;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;
use half::bf16;

/// Rows and outputs of a tile, and inputs that one product of the matrix units takes.
const TILE: usize = 16;
/// Most rows that the kernel takes.
pub const MOST: usize = 64;
/// Vectors of a row that a plane brings in at once.
const BROUGHT: usize = 8;
/// Vectors from one row to the next in shared memory: one more, so that rows do not share banks.
const STRIDE: usize = BROUGHT + 1;

/// activation(x·Wᵀ + b) + residual, `[rows, inputs]` by `[outputs, inputs]`, whose sides but the rows are whole vectors.
pub fn few(
    x: Rows,
    weight: Rows,
    bias: Option<Rows>,
    activation: Option<Activation>,
    residual: Option<Rows>,
    [rows, inputs, outputs]: [usize; 3],
) -> Memory {
    let y = room(&x.memory, [rows, outputs]);
    let tiles = rows.div_ceil(TILE);
    // Where rows are many, they are brought in once for two tiles of outputs. Planes are as many as keep the memory busy and fit.
    let (wide, planes) = match tiles {
        1 if outputs < 6144 => (1, 16),
        1 => (1, 8),
        2 => (2, 8),
        _ => (2, 4),
    };
    let plan = Plan {
        vectors: inputs / VECTOR,
        outputs,
        tiles,
        wide,
        planes,
        bias: bias.is_some(),
        activation,
        residual: residual.is_some(),
    };
    let (residual_memory, residual_pitch) =
        residual.map_or_else(|| (x.memory.clone(), 0), |residual| (residual.memory, residual.pitch));
    // SAFETY: the kernel leaves out rows, outputs and inputs that are behind the end.
    unsafe {
        few_kernel::launch_unchecked::<CudaRuntime>(
            &y.client,
            CubeCount::Static(outputs.div_ceil(wide * TILE) as u32, 1, 1),
            CubeDim::new_2d(PLANE as u32, plan.planes as u32),
            VECTOR,
            x.memory.clone().into_buffer_arg(),
            weight.memory.into_buffer_arg(),
            bias.map_or_else(|| x.memory.clone(), |bias| bias.memory).into_buffer_arg(),
            residual_memory.into_buffer_arg(),
            y.clone().into_buffer_arg(),
            rows,
            x.pitch / VECTOR,
            weight.pitch / VECTOR,
            residual_pitch,
            plan,
        );
    }
    y
}

/// What a kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Plan {
    /// Vectors of a row.
    vectors: usize,
    outputs: usize,
    /// Tiles of rows.
    tiles: usize,
    /// Tiles of outputs that a cube makes.
    wide: usize,
    /// Planes of a cube: they share the inputs of its outputs.
    planes: usize,
    bias: bool,
    activation: Option<Activation>,
    residual: bool,
}

/// A cube makes 16 or 32 outputs of all rows. Each of its planes brings in some of the inputs, 64 at a time and the next ones while it
/// multiplies, on the matrix units; at the end the planes' sums are added in their order.
#[cube(launch_unchecked)]
fn few_kernel<N: Size>(
    x: &[Vector<bf16, N>],
    weight: &[Vector<bf16, N>],
    bias: &[bf16],
    residual: &[bf16],
    y: &mut [bf16],
    rows: usize,
    x_pitch: usize,
    weight_pitch: usize,
    residual_pitch: usize,
    #[comptime] plan: Plan,
) {
    let vectors = comptime!(plan.vectors);
    let outputs = comptime!(plan.outputs);
    let tiles = comptime!(plan.tiles);
    let wide = comptime!(plan.wide);
    let planes = comptime!(plan.planes);
    let lane = UNIT_POS_X as usize;
    let plane = UNIT_POS_Y as usize;
    let first = CUBE_POS_X as usize * comptime!(plan.wide * TILE);

    let mut weight_stage =
        Shared::<[Vector<bf16, N>]>::new_aligned_slice(comptime!(planes * wide * TILE * STRIDE), 128usize);
    let mut x_stage =
        Shared::<[Vector<bf16, N>]>::new_aligned_slice(comptime!(planes * tiles * TILE * STRIDE), 128usize);
    let mut sums = Shared::<[f32]>::new_aligned_slice(comptime!(planes * wide * tiles * TILE * TILE), 128usize);
    let weight_begin = plane * comptime!(wide * TILE * STRIDE);
    let x_begin = plane * comptime!(tiles * TILE * STRIDE);

    let mut accumulators = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for _tile in 0..comptime!(wide * tiles) {
        accumulators.push(cmma::Matrix::<f32>::from_value(
            cmma::MatrixIdent::Accumulator,
            16usize,
            16usize,
            16usize,
            cmma::MatrixLayout::Undefined,
            0.0,
        ));
    }

    // 32 lanes bring in 4 rows of 8 vectors at once.
    let vector = lane % BROUGHT;
    let lane_row = lane / BROUGHT;
    let weight_parts = comptime!(wide * TILE * BROUGHT / PLANE);
    let x_parts = comptime!(tiles * TILE * BROUGHT / PLANE);
    let mut weight_ahead = Array::<Vector<bf16, N>>::new(weight_parts);
    let mut x_ahead = Array::<Vector<bf16, N>>::new(x_parts);
    let chunks = comptime!(plan.vectors.div_ceil(BROUGHT));
    let mut chunk = plane;
    bring::<N>(
        weight,
        &mut weight_ahead,
        first + lane_row,
        outputs,
        chunk * BROUGHT + vector,
        vectors,
        weight_pitch,
        weight_parts,
    );
    bring::<N>(x, &mut x_ahead, lane_row, rows, chunk * BROUGHT + vector, vectors, x_pitch, x_parts);
    while chunk < chunks {
        #[unroll]
        for part in 0..weight_parts {
            weight_stage[weight_begin + (part * comptime!(PLANE / BROUGHT) + lane_row) * STRIDE + vector] =
                weight_ahead[part];
        }
        #[unroll]
        for part in 0..x_parts {
            x_stage[x_begin + (part * comptime!(PLANE / BROUGHT) + lane_row) * STRIDE + vector] = x_ahead[part];
        }
        sync_plane();
        chunk += planes;
        bring::<N>(
            weight,
            &mut weight_ahead,
            first + lane_row,
            outputs,
            chunk * BROUGHT + vector,
            vectors,
            weight_pitch,
            weight_parts,
        );
        bring::<N>(x, &mut x_ahead, lane_row, rows, chunk * BROUGHT + vector, vectors, x_pitch, x_parts);
        #[unroll]
        for step in 0..comptime!(BROUGHT * VECTOR / TILE) {
            let mut of_x = Sequence::<cmma::Matrix<Vector<bf16, N>>>::new();
            #[unroll]
            for tile in 0..tiles {
                let x_from = x_begin + comptime!(tile * TILE * STRIDE + step * TILE / VECTOR);
                of_x.push(cmma::Matrix::<Vector<bf16, N>>::from_slice(
                    cmma::MatrixIdent::A,
                    16usize,
                    16usize,
                    16usize,
                    cmma::MatrixLayout::RowMajor,
                    &x_stage[x_from..x_begin + comptime!(tiles * TILE * STRIDE)],
                    comptime!((STRIDE * VECTOR) as u32),
                ));
            }
            #[unroll]
            for output_tile in 0..wide {
                let weight_from = weight_begin + comptime!(output_tile * TILE * STRIDE + step * TILE / VECTOR);
                let of_weight = cmma::Matrix::<Vector<bf16, N>>::from_slice(
                    cmma::MatrixIdent::B,
                    16usize,
                    16usize,
                    16usize,
                    cmma::MatrixLayout::ColMajor,
                    &weight_stage[weight_from..weight_begin + comptime!(wide * TILE * STRIDE)],
                    comptime!((STRIDE * VECTOR) as u32),
                );
                #[unroll]
                for tile in 0..tiles {
                    let sum = &accumulators[comptime!(output_tile * tiles + tile)];
                    cmma::execute(&of_x[tile], &of_weight, sum, sum);
                }
            }
        }
        sync_plane();
    }

    // `[plane, tile of outputs, tile of rows, 16 rows, 16 outputs]`
    #[unroll]
    for tile in 0..comptime!(wide * tiles) {
        let begin = (plane * comptime!(wide * tiles) + tile) * comptime!(TILE * TILE);
        cmma::store(
            &mut sums[begin..begin + comptime!(TILE * TILE)],
            &accumulators[tile],
            comptime!(TILE as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
    sync_cube();

    let all = comptime!(wide * tiles * TILE * TILE);
    let mut place = UNIT_POS as usize;
    while place < all {
        let tile = place / comptime!(TILE * TILE);
        let row = tile % tiles * TILE + place / TILE % TILE;
        let output = first + tile / tiles * TILE + place % TILE;
        if row < rows && output < outputs {
            let mut value = 0.0f32;
            #[unroll]
            for part in 0..planes {
                value += sums[part * all + place];
            }
            if comptime!(plan.bias) {
                value += f32::cast_from(bias[output]);
            }
            value = activated(value, comptime!(plan.activation));
            if comptime!(plan.residual) {
                value += f32::cast_from(residual[row * residual_pitch + output]);
            }
            y[row * outputs + output] = bf16::cast_from(value);
        }
        place += comptime!(PLANE * planes);
    }
}

/// One lane's vectors of some rows, every fourth from `row`; zeros behind the end of the rows and of each row.
#[cube]
fn bring<N: Size>(
    from: &[Vector<bf16, N>],
    into: &mut Array<Vector<bf16, N>>,
    row: usize,
    rows: usize,
    vector: usize,
    #[comptime] vectors: usize,
    pitch: usize,
    #[comptime] parts: usize,
) {
    let zero = Vector::<bf16, N>::new(bf16::from_int(0));
    #[unroll]
    for part in 0..parts {
        let part_row = row + part * comptime!(PLANE / BROUGHT);
        let there = part_row < rows && vector < vectors;
        let at = select(there, part_row * pitch + vector, 0usize);
        into[part] = select(there, from[at], zero);
    }
}
