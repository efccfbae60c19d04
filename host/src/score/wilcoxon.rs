//! Wilcoxon's signed-rank test (1945), as scipy computes it by default: zeros left out; exact up to 50 differences without ties, else the
//! normal approximation with the variance corrected for ties.

/// Ranks from 1, equal values sharing the mean of their ranks; and the sizes of the groups of equal values.
pub fn ranks(values: &[f64]) -> (Vec<f64>, Vec<usize>) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut groups = Vec::new();
    let mut begin = 0;
    while begin < order.len() {
        let mut end = begin + 1;
        while end < order.len() && values[order[end]] == values[order[begin]] {
            end += 1;
        }
        for place in &order[begin..end] {
            ranks[*place] = (begin + 1 + end) as f64 / 2.0;
        }
        groups.push(end - begin);
        begin = end;
    }
    (ranks, groups)
}

/// The two-sided p-value of paired differences; none if all are zero.
pub fn wilcoxon(differences: &[f64]) -> Option<f64> {
    let nonzero: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    if nonzero.is_empty() {
        return None;
    }
    let sizes: Vec<f64> = nonzero.iter().map(|difference| difference.abs()).collect();
    let (ranks, groups) = ranks(&sizes);
    let count = nonzero.len() as f64;
    let positive: f64 =
        ranks.iter().zip(&nonzero).filter(|(_, difference)| **difference > 0.0).map(|(rank, _)| rank).sum();
    let negative = count * (count + 1.0) / 2.0 - positive;
    let whole = nonzero.len() == differences.len() && groups.iter().all(|size| *size == 1);
    if whole && nonzero.len() <= 50 {
        return Some(exact(nonzero.len(), positive.min(negative) as usize));
    }
    let ties: f64 = groups.iter().map(|size| (size.pow(3) - size) as f64).sum();
    let variance = count * (count + 1.0) * (2.0 * count + 1.0) / 24.0 - ties / 48.0;
    let z = (positive - count * (count + 1.0) / 4.0) / variance.sqrt();
    Some(libm::erfc(z.abs() / std::f64::consts::SQRT_2))
}

/// Twice the share of the sign patterns whose ranks sum to this or less.
fn exact(count: usize, smaller: usize) -> f64 {
    let most = count * (count + 1) / 2;
    let mut ways = vec![0.0f64; most + 1];
    ways[0] = 1.0;
    for rank in 1..=count {
        for sum in (rank..=most).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let below: f64 = ways[..=smaller].iter().sum();
    (2.0 * below / 2f64.powi(count as i32)).min(1.0)
}
