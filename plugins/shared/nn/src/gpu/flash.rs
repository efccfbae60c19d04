//! Attention of many queries in one launch, whose weights never leave the registers: the scores of a long text or of an image's patches
//! are more memory than everything else of a layer. The kernel is CUDA C: CubeCL's products of tiles take whole tiles alone.

use super::source::{AMPERE, Source, capability};
use super::{Memory, VECTOR, room, tensor};
use burn::tensor::{DType, Tensor};
use burn_cuda::Cuda;
use cubecl::zspace::{metadata::Metadata, shape, strides};

/// Longest head whose sums fit in a warp's registers.
const LONGEST_HEAD: usize = 128;
const BLOCKS_MOST: usize = 65_535;

/// Threads of a block.
const THREADS: usize = 128;

/// How a kernel is cut.
#[derive(Clone, Copy)]
struct Cut {
    /// Tiles of 16 queries that each warp of a block takes.
    tiles: usize,
    /// Keys that pass at a time.
    keys: usize,
    /// Blocks that share a multiprocessor: registers are given out by it.
    resident: usize,
}

impl Cut {
    /// What was fastest on an H200, for heads of so many numbers.
    fn of(size: usize, length: usize) -> Cut {
        match size {
            81..=96 => Cut { tiles: 1, keys: 32, resident: 4 },
            65..=80 => Cut { tiles: 1, keys: 32, resident: 3 },
            _ if length > 256 => Cut { tiles: 2, keys: 32, resident: 2 },
            _ => Cut { tiles: 1, keys: 64, resident: 2 },
        }
    }

    /// Queries that a block takes.
    fn queries(self) -> usize {
        THREADS / 32 * self.tiles * 16
    }

    /// Shared memory of a block: its queries, and twice the keys and values that pass, in rows as wide as the kernel's.
    fn shared_bytes(self, size: usize) -> usize {
        let pitch = size.next_multiple_of(16) + VECTOR;
        (self.queries() + 4 * self.keys) * pitch * size_of::<half::bf16>()
    }
}

/// softmax(scale · Q·Kᵀ + bias)·V as [`crate::layers::attend`] takes it; nothing where it is for other kernels to do: for numbers other
/// than bf16, one query, or memory that does not lie in whole vectors.
pub fn attend(
    query: &Tensor<4>,
    keys: &Tensor<4>,
    values: &Tensor<4>,
    bias: Option<&Tensor<4>>,
    scale: f64,
) -> Option<Tensor<4>> {
    launched(vectors(query)?, vectors(keys)?, vectors(values)?, bias, scale)
}

/// As [`attend`], of queries, keys and values side by side in `first`, `[rows, length, (heads + 2 · groups) · size]`, or of queries there
/// and keys and values side by side in `second`. The kernel reads them where they stand; burn's slices are copies where they begin at no
/// multiple of 512 bytes. Gives `[rows, heads, length, size]`.
pub fn attend_joined(
    first: &Tensor<3>,
    second: Option<&Tensor<3>>,
    [heads, groups]: [usize; 2],
    bias: Option<&Tensor<4>>,
    scale: f64,
) -> Option<Tensor<4>> {
    let parts = if second.is_some() { heads } else { heads + 2 * groups };
    let size = first.dims()[2] / parts;
    let first = bf16_memory(first)?;
    let second = second.map_or_else(|| Some(first.clone()), bf16_memory)?;
    let before = if parts == heads { 0 } else { heads };
    let query = part(&first, 0, heads, size)?;
    let (keys, values) = (part(&second, before, groups, size)?, part(&second, before + groups, groups, size)?);
    launched(query, keys, values, bias, scale)
}

fn launched(query: Memory, keys: Memory, values: Memory, bias: Option<&Tensor<4>>, scale: f64) -> Option<Tensor<4>> {
    let sides = |memory: &Memory| -> [usize; 4] { std::array::from_fn(|dimension| memory.meta.shape()[dimension]) };
    let ([rows, heads, length, size], [_, groups, positions, _]) = (sides(&query), sides(&keys));
    let takes_head = size.is_multiple_of(VECTOR) && size <= LONGEST_HEAD;
    let takes_grid = rows <= BLOCKS_MOST && heads <= BLOCKS_MOST;
    if length < 2 || rows * heads * positions * size == 0 || !takes_head || !takes_grid || scale <= 0.0 {
        return None;
    }
    if capability(&query.client).is_none_or(|capability| capability < AMPERE) {
        return None;
    }
    let bias = match bias {
        Some(bias) => Some(Bias::new(bias, [rows, heads, length, positions])?),
        None => None,
    };
    let cut = Cut::of(size, length);
    let source = Source {
        name: "attention",
        text: include_str!("attention.cu"),
        defines: vec![
            ("SIZE", size as u32),
            ("TILES", cut.tiles as u32),
            ("KEYS", cut.keys as u32),
            ("RESIDENT", cut.resident as u32),
            ("BIAS", bias.as_ref().map_or(0, |bias| if bias.in_pairs { 2 } else { 1 })),
        ],
        threads: THREADS as u32,
        shared_bytes: cut.shared_bytes(size),
    };
    let mut parameters = Vec::with_capacity(17);
    for memory in [&query, &keys, &values] {
        parameters.extend(steps(memory).into_iter().take(3));
    }
    parameters.extend(bias.as_ref().map_or([0; 4], |bias| bias.steps));
    parameters.extend([length, positions, groups].map(|count| count as u64));
    parameters.push(u64::from((scale as f32).to_bits()));
    let out = room(&query, [rows, length, heads, size]);
    let bias = bias.as_ref().map_or(&query, |bias| &bias.memory);
    let blocks = (length.div_ceil(cut.queries()) as u32, heads as u32, rows as u32);
    // SAFETY: the kernel reads within the views, whose steps it takes, and writes the whole result and nothing else.
    unsafe { source.launch(&out.client, blocks, &[], &[&query, &keys, &values, bias, &out], &parameters) };
    Some(tensor::<4>(out).swap_dims(1, 2))
}

/// Some heads of `[rows, length, all heads · size]`, as `[rows, heads, length, size]`.
fn part(x: &Memory, from: usize, heads: usize, size: usize) -> Option<Memory> {
    let (shape, steps) = (x.meta.shape(), x.meta.strides());
    let mut part = x.clone();
    part.handle = part.handle.offset_start((from * size * size_of::<half::bf16>()) as u64);
    let view = Metadata::new(shape![shape[0], heads, shape[1], size], strides![steps[0], size, steps[1], steps[2]]);
    part.meta = Box::new(view);
    whole_vectors(part)
}

/// The memory of a bf16 tensor whose rows begin at whole vectors, wherever they lie.
fn vectors(x: &Tensor<4>) -> Option<Memory> {
    whole_vectors(bf16_memory(x)?)
}

fn whole_vectors(memory: Memory) -> Option<Memory> {
    let (shape, steps) = (memory.meta.shape(), steps(&memory));
    let is_whole = (0..3).all(|dimension| shape[dimension] == 1 || steps[dimension].is_multiple_of(VECTOR as u64));
    (is_whole && steps[3] == 1 && begins_at_multiple_of(&memory, VECTOR)).then_some(memory)
}

fn bf16_memory<const D: usize>(x: &Tensor<D>) -> Option<Memory> {
    if x.dtype() != DType::BF16 {
        return None;
    }
    x.clone().try_into_primitive::<Cuda>().ok()
}

/// Numbers that a step in each dimension moves on.
fn steps(memory: &Memory) -> [u64; 4] {
    std::array::from_fn(|dimension| memory.meta.strides()[dimension] as u64)
}

/// Whether a tensor begins after so many numbers of its memory, or twice as many and so on.
fn begins_at_multiple_of(memory: &Memory, numbers: usize) -> bool {
    memory.handle.offset_start.unwrap_or(0).is_multiple_of((numbers * size_of::<half::bf16>()) as u64)
}

struct Bias {
    memory: Memory,
    /// 0 where one number stands for all.
    steps: [u64; 4],
    /// Whether two neighbouring positions can be read at once.
    in_pairs: bool,
}

impl Bias {
    fn new(bias: &Tensor<4>, scores: [usize; 4]) -> Option<Self> {
        let shape = bias.dims();
        if (0..4).any(|dimension| shape[dimension] != 1 && shape[dimension] != scores[dimension]) {
            return None;
        }
        let memory = bf16_memory(bias)?;
        let mut steps = steps(&memory);
        for (step, count) in steps.iter_mut().zip(shape) {
            if count == 1 {
                *step = 0;
            }
        }
        let in_pairs =
            steps[3] == 1 && steps[..3].iter().all(|step| step.is_multiple_of(2)) && begins_at_multiple_of(&memory, 2);
        Some(Self { memory, steps, in_pairs })
    }
}
