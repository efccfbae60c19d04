//! Wilcoxon's signed-rank test (1945), as scipy computes it by default: zeros left out; exact where differences are few, else the normal
//! approximation with the variance corrected for ties.

/// Differences of which the test is exact, where there are neither ties nor zeros.
const EXACT: usize = 50;
/// The same where there are: up to this many, scipy goes through all patterns of signs.
const EXACT_WITH_TIES: usize = 13;

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
    let whole = nonzero.len() == differences.len() && groups.iter().all(|size| *size == 1);
    if differences.len() <= if whole { EXACT } else { EXACT_WITH_TIES } {
        return Some(exact(&ranks, &nonzero));
    }
    let count = nonzero.len() as f64;
    let positive: f64 =
        ranks.iter().zip(&nonzero).filter(|(_, difference)| **difference > 0.0).map(|(rank, _)| rank).sum();
    let ties: f64 = groups.iter().map(|size| (size.pow(3) - size) as f64).sum();
    let variance = count * (count + 1.0) * (2.0 * count + 1.0) / 24.0 - ties / 48.0;
    let z = (positive - count * (count + 1.0) / 4.0) / variance.sqrt();
    Some(libm::erfc(z.abs() / std::f64::consts::SQRT_2))
}

/// Twice the share of the sign patterns whose positive ranks sum to what these do, or to something farther out.
fn exact(ranks: &[f64], differences: &[f64]) -> f64 {
    // Ties share halves of ranks: twice a rank is whole.
    let doubled: Vec<usize> = ranks.iter().map(|rank| (2.0 * rank) as usize).collect();
    let most: usize = doubled.iter().sum();
    let mut ways = vec![0.0f64; most + 1];
    ways[0] = 1.0;
    for &rank in &doubled {
        for sum in (rank..=most).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let signed = doubled.iter().zip(differences);
    let positive: usize = signed.filter(|(_, difference)| **difference > 0.0).map(|(rank, _)| rank).sum();
    // The distribution is symmetric: one tail tells both.
    let tail: f64 = ways[..=positive.min(most - positive)].iter().sum();
    (2.0 * tail / 2f64.powi(doubled.len() as i32)).min(1.0)
}
