//! Relative positions in buckets (Raffel et al. 2020): what the distance of two positions adds to their score. T5's and MPNet's.

use super::Embedding;
use crate::Result;
use crate::weights::Loader;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// One number a bucket and head.
pub struct RelativePositions {
    /// One row a bucket, one column a head.
    buckets: Embedding,
    both_ways: bool,
    max_distance: usize,
}

impl RelativePositions {
    /// Reads `weight` `[buckets, heads]`. `both_ways`: the future has buckets of its own, as in an encoder.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(
        loader: &Loader,
        buckets: usize,
        heads: usize,
        max_distance: usize,
        both_ways: bool,
    ) -> Result<RelativePositions> {
        Ok(RelativePositions { buckets: Embedding::load(loader, buckets, heads)?, both_ways, max_distance })
    }

    /// What is added to the scores of `length` positions, `[1, heads, length, length]`.
    pub fn bias(&self, length: usize, device: &Device) -> Tensor<4> {
        let (count, heads) = (self.buckets.count(), self.buckets.width());
        let buckets: Vec<i32> = (0..length as i64)
            .flat_map(|query| (0..length as i64).map(move |key| key - query))
            .map(|distance| bucket(distance, self.both_ways, count, self.max_distance) as i32)
            .collect();
        let ids: Tensor<1, Int> = Tensor::from_data(TensorData::new(buckets, [length * length]), device);
        let bias: Tensor<3> = self.buckets.select(ids).reshape([length, length, heads]);
        bias.permute([2, 0, 1]).unsqueeze_dim(0)
    }
}

/// The bucket of a distance (key minus query): near ones have their own, far ones share by the logarithm. In f32, as the
/// reference computes it, since a power of two falls on the border of its bucket.
fn bucket(distance: i64, both_ways: bool, buckets: usize, max_distance: usize) -> usize {
    let (base, buckets, distance) = if both_ways {
        let half = buckets / 2;
        (if distance > 0 { half } else { 0 }, half, distance.unsigned_abs() as usize)
    } else {
        (0, buckets, (-distance).max(0) as usize)
    };
    let exact = buckets / 2;
    if distance < exact {
        return base + distance;
    }
    let span = (max_distance as f64 / exact as f64).ln() as f32;
    let far = (distance as f32 / exact as f32).ln() / span * (buckets - exact) as f32;
    base + (exact + far as usize).min(buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::bucket;

    #[test]
    fn distances_fall_into_the_buckets_of_the_paper() {
        let decoder = |distance: i64| bucket(-distance, false, 32, 128);
        assert_eq!((0..16).map(decoder).collect::<Vec<_>>(), (0..16).collect::<Vec<_>>());
        assert_eq!([decoder(127), decoder(128), decoder(5000)], [31, 31, 31]);
        assert_eq!(bucket(3, false, 32, 128), 0, "the future has no distance of its own");
        assert_eq!([bucket(-3, true, 32, 128), bucket(3, true, 32, 128)], [3, 19]);
    }
}
