//! The place of the greatest number of each row: a cube a row.

use super::{LEAST, PLANE, VECTOR, rows as rows_of};
use burn::tensor::{DType, Int, Tensor};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cuda::Cuda;
use cubecl::cuda::CudaRuntime;
use cubecl::prelude::*;
use half::bf16;

/// Planes of a cube.
const PLANES: usize = 32;

/// Of `[rows, width]` the first of the greatest numbers of each row, `[rows]`; `None` where it is for burn to do.
pub fn argmax(x: &Tensor<2>) -> Option<Tensor<1, Int>> {
    let [count, width] = x.dims();
    if !width.is_multiple_of(VECTOR) || count * width == 0 {
        return None;
    }
    let x = rows_of(x)?;
    let (client, device) = (x.memory.client.clone(), x.memory.device.clone());
    let out = empty_device_contiguous_dtype(client.clone(), device, [count].into(), DType::I32);
    // SAFETY: a cube reads its row up to the end and writes one number.
    unsafe {
        argmax_kernel::launch_unchecked::<CudaRuntime>(
            &client,
            CubeCount::Static(count as u32, 1, 1),
            CubeDim::new_2d(PLANE as u32, PLANES as u32),
            VECTOR,
            x.memory.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            x.pitch / VECTOR,
            width / VECTOR,
        );
    }
    Some(Tensor::from_primitive::<Cuda>(out))
}

#[cube(launch_unchecked)]
fn argmax_kernel<N: Size>(x: &[Vector<bf16, N>], out: &mut [i32], pitch: usize, #[comptime] vectors: usize) {
    let row = CUBE_POS_X as usize * pitch;
    let mut values = Shared::<[f32]>::new_slice(PLANES);
    let mut places = Shared::<[i32]>::new_slice(PLANES);
    let mut greatest = f32::new(LEAST);
    let mut place = 0i32;
    let mut v = UNIT_POS as usize;
    while v < vectors {
        let vector = Vector::<f32, N>::cast_from(x[row + v]);
        #[unroll]
        for component in 0..VECTOR {
            let value = vector.extract(component);
            // A unit's places grow, so that the first of equal ones stays.
            if value > greatest {
                greatest = value;
                place = i32::cast_from(v * VECTOR + component);
            }
        }
        v += comptime!(PLANES * PLANE);
    }
    let of_plane = plane_max(greatest);
    let mut of_greatest = 0x7fff_ffff_i32;
    if greatest == of_plane {
        of_greatest = place;
    }
    let first = plane_min(of_greatest);
    if UNIT_POS_X == 0 {
        values[UNIT_POS_Y as usize] = of_plane;
        places[UNIT_POS_Y as usize] = first;
    }
    sync_cube();
    if UNIT_POS == 0 {
        let mut best = values[0];
        let mut at = places[0];
        #[unroll]
        for plane in 1..PLANES {
            if values[plane] > best || (values[plane] == best && places[plane] < at) {
                best = values[plane];
                at = places[plane];
            }
        }
        out[CUBE_POS_X as usize] = at;
    }
}
