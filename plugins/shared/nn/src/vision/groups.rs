//! A batch's images in groups: the vision side runs at its own best number of images, however many captions are decoded at once.

use crate::Placement;
use crate::layers::Sites;
use crate::training::{Tape, Var};
use burn::tensor::Tensor;
use rayon::prelude::*;

/// Images that a GPU sees at once: they fill it, and what it holds meanwhile leaves its memory to the captions' keys and values.
const GPU_GROUP: usize = 64;
/// Images that a thread of the CPU sees at once: more gain nothing, and take memory.
const CPU_GROUP: usize = 4;

/// How many images of a batch are seen at once, in one group.
fn group_size(placement: &Placement, rows: usize) -> usize {
    if placement.is_cpu() {
        rows.div_ceil(rayon::current_num_threads()).clamp(1, CPU_GROUP)
    } else {
        rows.clamp(1, GPU_GROUP)
    }
}

/// How many images are seen at once at most, in all groups that are seen side by side.
pub fn seen_at_once(cpu: bool) -> usize {
    if cpu { CPU_GROUP * rayon::current_num_threads() } else { GPU_GROUP }
}

/// Sees images `[rows, 3, size, size]`, row-major, in groups; `see` takes a group's pixels and its number of images. The vectors of
/// all stand in the images' order, `[rows, vectors, width]`.
///
/// On the CPU, groups are seen side by side, a thread each: burn's element-wise operations keep one thread busy only.
pub fn in_groups(
    pixels: &[f32],
    rows: usize,
    placement: &Placement,
    see: impl Fn(&[f32], usize) -> Tensor<3> + Sync,
) -> Tensor<3> {
    let size = group_size(placement, rows);
    if rows <= size {
        return see(pixels, rows);
    }
    let image = pixels.len() / rows;
    let see = |group: &[f32]| see(group, group.len() / image);
    let groups: Vec<Tensor<3>> = if placement.is_cpu() {
        pixels.par_chunks(size * image).map(see).collect()
    } else {
        pixels.chunks(size * image).map(see).collect()
    };
    Tensor::cat(groups, 0)
}

/// The vectors of images in training: as in use where no adapter of `sites` sees images, else on the tape. `see` is that of
/// [`in_groups`] on a tape.
pub fn learnt<'m>(
    tape: &mut Tape<'m>,
    pixels: Vec<f32>,
    rows: usize,
    placement: &Placement,
    sites: &Sites,
    see: impl Fn(&mut Tape<'m>, &[f32], usize) -> Var + Sync,
) -> Var {
    if sites.adapt_the_image() {
        see(tape, &pixels, rows)
    } else {
        let see = |pixels: &[f32], rows| see(&mut Tape::off(), pixels, rows).value;
        Var::constant(in_groups(&pixels, rows, placement, see))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    #[test]
    fn groups_come_back_in_the_images_order() {
        let placement = Placement::cpu().unwrap();
        for rows in [1, 2, 7, 40] {
            let pixels: Vec<f32> = (0..rows * 6).map(|value| value as f32).collect();
            let vectors = in_groups(&pixels, rows, &placement, |pixels, rows| {
                assert!(rows <= CPU_GROUP && pixels.len() == 6 * rows);
                Tensor::from_data(TensorData::new(pixels.to_vec(), [rows, 3, 2]), &placement.device)
            });
            assert_eq!(vectors.dims(), [rows, 3, 2]);
            assert_eq!(vectors.into_data().to_vec::<f32>().unwrap(), pixels);
        }
    }
}
