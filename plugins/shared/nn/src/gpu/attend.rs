//! Attention of one new position of every row to all before it, with the new key and value written to the cache on the way. Where the
//! batch stands is read on the device, so that the launch is the same at every step.

use super::{LEAST, PLANE, Rows, VECTOR, pitch, room, rows as rows_of, tensor, whole_numbers};
use burn::tensor::{DType, Int, Tensor};
use burn_cuda::Cuda;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;
use half::bf16;

/// Planes of a cube, which takes one head of one row.
const PLANES: usize = 4;
const UNITS: usize = PLANES * PLANE;
/// As attention's biases hide a position.
const HIDDEN: f32 = -1.0e9;

/// What stays the same from step to step.
pub struct Step<'a> {
    pub heads: usize,
    pub scale: f64,
    /// The position of the new token, `[1]`, and how many positions at the left of each row are padding, `[rows]`.
    pub place: (&'a Tensor<1, Int>, &'a Tensor<1, Int>),
    /// Whether the new position has a key and a value, which are written behind those in the cache; else the cache is full as it is.
    pub appends: bool,
    /// Cosines and sines of every position, `[positions, size / 2]`, in f32.
    pub turns: Option<(&'a Tensor<2>, &'a Tensor<2>)>,
    /// `[1, heads, capacity, capacity]`, for a new position and those before it.
    pub bias: Option<&'a Tensor<4>>,
}

/// `new` is `[rows, (heads + 2 · groups) · size]`, queries before keys before values, or queries alone; keys and values are
/// `[rows, groups, capacity, size]`, of which [`fits`] holds. Gives `[rows, heads · size]`.
pub fn attend_step(new: &Tensor<2>, keys_tensor: &Tensor<4>, values: &Tensor<4>, step: &Step<'_>) -> Tensor<2> {
    attended(new, keys_tensor, values, step).expect("a batch takes this path only where its caches fit")
}

/// Whether such keys and values can be attended to here; a head of rotary positions is two halves.
pub fn fits(keys: &Tensor<4>, turns: bool) -> bool {
    let size = keys.dims()[3];
    let whole_vectors = size.is_multiple_of(if turns { 2 * VECTOR } else { VECTOR });
    keys.dtype() == DType::BF16
        && keys.clone().try_into_primitive::<Cuda>().is_ok()
        && whole_vectors
        && size / VECTOR <= PLANE
}

fn attended(new: &Tensor<2>, keys_tensor: &Tensor<4>, values: &Tensor<4>, step: &Step<'_>) -> Option<Tensor<2>> {
    let [rows, groups, capacity, size] = keys_tensor.dims();
    let new = rows_of(new)?;
    let (keys, values) = (in_place(keys_tensor)?, in_place(values)?);
    let (position, padding) = (whole_numbers(step.place.0)?, whole_numbers(step.place.1)?);
    let out = room(&new.memory, [rows, step.heads * size]);
    let of_turns = |x: Option<&Tensor<2>>| match x {
        Some(x) => x.clone().try_into_primitive::<Cuda>().ok().filter(|x| pitch(x).is_some()),
        None => Some(position.clone()),
    };
    let (cosines, sines) = (of_turns(step.turns.map(|turns| turns.0))?, of_turns(step.turns.map(|turns| turns.1))?);
    let bias = match step.bias {
        Some(bias) => rows_of(bias)?,
        None => rows_of(keys_tensor)?,
    };
    let turn_pitch = if step.turns.is_some() { pitch(&cosines)? } else { 0 };
    let plan = Plan {
        heads: step.heads,
        groups,
        vectors: size / VECTOR,
        capacity,
        appends: step.appends,
        turns: step.turns.is_some(),
        bias: step.bias.is_some(),
    };
    // SAFETY: the position is below the capacity: the generation loop makes room for every step. The launch writes the cache's buffers
    // in place, which is the meaning of a cache.
    unsafe {
        attend_kernel::launch_unchecked::<CudaRuntime>(
            &out.client,
            CubeCount::Static(step.heads as u32, rows as u32, 1),
            CubeDim::new_1d(UNITS as u32),
            VECTOR,
            new.memory.into_buffer_arg(),
            keys.memory.into_buffer_arg(),
            values.memory.into_buffer_arg(),
            position.into_buffer_arg(),
            padding.into_buffer_arg(),
            cosines.into_buffer_arg(),
            sines.into_buffer_arg(),
            bias.memory.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            step.scale as f32,
            new.pitch / VECTOR,
            keys.pitch / VECTOR,
            turn_pitch,
            bias.pitch,
            plan,
        );
    }
    Some(tensor(out))
}

/// A cache's memory itself, never a copy of it.
fn in_place(x: &Tensor<4>) -> Option<Rows> {
    let memory = x.clone().try_into_primitive::<Cuda>().ok()?;
    let pitch = pitch(&memory)?;
    Some(Rows { memory, pitch })
}

/// What a kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Plan {
    heads: usize,
    groups: usize,
    /// Vectors of a head.
    vectors: usize,
    capacity: usize,
    appends: bool,
    turns: bool,
    bias: bool,
}

#[cube(launch_unchecked)]
fn attend_kernel<N: Size>(
    new: &[Vector<bf16, N>],
    keys: &mut [Vector<bf16, N>],
    values: &mut [Vector<bf16, N>],
    position: &[i32],
    padding: &[i32],
    cosines: &[f32],
    sines: &[f32],
    bias: &[bf16],
    out: &mut [bf16],
    scale: f32,
    new_pitch: usize,
    cache_pitch: usize,
    turn_pitch: usize,
    bias_pitch: usize,
    #[comptime] plan: Plan,
) {
    let vectors = comptime!(plan.vectors);
    let size = comptime!(plan.vectors * VECTOR);
    let capacity = comptime!(plan.capacity);
    let head = CUBE_POS_X as usize;
    let row = CUBE_POS_Y as usize;
    let group = head / comptime!(plan.heads / plan.groups);
    let unit = UNIT_POS_X as usize;
    let position = position[0] as usize;
    // Positions in the cache, the new one apart.
    let mut count = capacity.runtime();
    if comptime!(plan.appends) {
        count = position;
    }
    let hidden = padding[row] as usize;

    let mut query = Shared::<[f32]>::new_slice(size);
    let mut new_key = Shared::<[f32]>::new_slice(size);
    let mut weights = Shared::<[f32]>::new_slice(comptime!(plan.capacity + 1));
    let mut across = Shared::<[f32]>::new_slice(comptime!(2 * PLANES));
    let new_begin = row * new_pitch;
    let cache_begin = (row * comptime!(plan.groups) + group) * capacity * cache_pitch;

    let turn_begin = (position - hidden) * turn_pitch;
    if unit < vectors {
        let query_vector = turned::<N>(new, new_begin + head * vectors, cosines, sines, turn_begin, unit, plan);
        #[unroll]
        for component in 0..VECTOR {
            query[unit * VECTOR + component] = query_vector.extract(component) * scale;
        }
        if comptime!(plan.appends) {
            let key_begin = new_begin + (comptime!(plan.heads) + group) * vectors;
            let key_vector = turned::<N>(new, key_begin, cosines, sines, turn_begin, unit, plan);
            #[unroll]
            for component in 0..VECTOR {
                new_key[unit * VECTOR + component] = key_vector.extract(component);
            }
            if head % comptime!(plan.heads / plan.groups) == 0 {
                let at = cache_begin + position * cache_pitch + unit;
                keys[at] = Vector::<bf16, N>::cast_from(key_vector);
                values[at] = new[new_begin + (comptime!(plan.heads + plan.groups) + group) * vectors + unit];
            }
        }
    }
    sync_cube();

    let bias_begin = (head * capacity + position) * bias_pitch;
    let mut greatest = f32::new(LEAST);
    let mut at = unit;
    while at < count {
        let mut products = Vector::<f32, N>::new(0.0f32);
        #[unroll]
        for v in 0..vectors {
            let key = Vector::<f32, N>::cast_from(keys[cache_begin + at * cache_pitch + v]);
            #[unroll]
            for component in 0..VECTOR {
                let product = products.extract(component) + key.extract(component) * query[v * VECTOR + component];
                products.insert(component, product);
            }
        }
        let mut score = 0.0f32;
        #[unroll]
        for component in 0..VECTOR {
            score += products.extract(component);
        }
        if comptime!(plan.bias) {
            score += f32::cast_from(bias[bias_begin + at]);
        }
        if at < hidden {
            score += HIDDEN;
        }
        weights[at] = score;
        greatest = max(greatest, score);
        at += UNITS;
    }
    if comptime!(plan.appends) {
        if unit == 0 {
            let mut score = 0.0f32;
            for d in 0..size {
                score += query[d] * new_key[d];
            }
            if comptime!(plan.bias) {
                score += f32::cast_from(bias[bias_begin + position]);
            }
            weights[count] = score;
            greatest = max(greatest, score);
        }
    }
    let of_plane = plane_max(greatest);
    if unit % PLANE == 0 {
        across[unit / PLANE] = of_plane;
    }
    sync_cube();
    #[unroll]
    for plane in 0..PLANES {
        greatest = max(greatest, across[plane]);
    }
    let mut all = count;
    if comptime!(plan.appends) {
        all = count + 1;
    }
    let mut sum = 0.0f32;
    let mut at = unit;
    while at < all {
        let weight = (weights[at] - greatest).exp();
        weights[at] = weight;
        sum += weight;
        at += UNITS;
    }
    let of_plane = plane_sum(sum);
    if unit % PLANE == 0 {
        across[PLANES + unit / PLANE] = of_plane;
    }
    sync_cube();
    let mut total = 0.0f32;
    #[unroll]
    for plane in 0..PLANES {
        total += across[PLANES + plane];
    }

    // Every unit sums one vector of the head over some of the positions; then the units of a vector are added up.
    let parts = comptime!(UNITS / plan.vectors);
    let mut sums = Shared::<[f32]>::new_slice(comptime!(UNITS / plan.vectors * plan.vectors * VECTOR));
    let part = unit / vectors;
    let v = unit % vectors;
    if part < parts {
        let mut value = Vector::<f32, N>::new(0.0f32);
        let mut at = part;
        while at < count {
            let weight = Vector::<f32, N>::new(weights[at]);
            value += weight * Vector::<f32, N>::cast_from(values[cache_begin + at * cache_pitch + v]);
            at += parts;
        }
        if comptime!(plan.appends) {
            if part == 0 {
                let new_value = new[new_begin + (comptime!(plan.heads + plan.groups) + group) * vectors + v];
                value += Vector::<f32, N>::new(weights[count]) * Vector::<f32, N>::cast_from(new_value);
            }
        }
        #[unroll]
        for component in 0..VECTOR {
            sums[part * size + v * VECTOR + component] = value.extract(component);
        }
    }
    sync_cube();
    let mut d = unit;
    while d < size {
        let mut value = 0.0f32;
        for part in 0..parts {
            value += sums[part * size + d];
        }
        out[(row * comptime!(plan.heads) + head) * size + d] = bf16::cast_from(value / total);
        d += UNITS;
    }
}

/// A vector of a head of the new position, turned where positions turn.
#[cube]
fn turned<N: Size>(
    new: &[Vector<bf16, N>],
    begin: usize,
    cosines: &[f32],
    sines: &[f32],
    turn_begin: usize,
    v: usize,
    #[comptime] plan: Plan,
) -> Vector<f32, N> {
    let x = Vector::<f32, N>::cast_from(new[begin + v]);
    let mut turned = x;
    if comptime!(plan.turns) {
        let half = comptime!(plan.vectors / 2);
        let is_first = v < half;
        let other =
            Vector::<f32, N>::cast_from(new[begin + select(is_first, v + half, v - select(is_first, 0usize, half))]);
        let pair = turn_begin + v % half * VECTOR;
        // The first half takes −sine of the second, the second +sine of the first.
        let sign = select(is_first, -1.0f32, 1.0f32);
        #[unroll]
        for component in 0..VECTOR {
            let value = x.extract(component) * cosines[pair + component]
                + sign * other.extract(component) * sines[pair + component];
            turned.insert(component, value);
        }
    }
    turned
}
