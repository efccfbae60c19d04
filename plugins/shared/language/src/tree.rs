//! From scores of arcs to the best dependency tree: Chu-Liu/Edmonds with exactly one root.

/// The heads of the tree with the greatest sum of scores. `scores[dependent * (n + 1) + head]` is the score of an arc, words
/// numbered from 0 as dependents, heads from 1 with 0 for the root. The result holds a head for each of the `n` words.
///
/// One word, and one alone, hangs from the root.
pub fn best_tree(scores: &[f32], n: usize) -> Vec<usize> {
    if n == 0 {
        return Vec::new();
    }
    let width = n + 1;
    let greedy: Vec<usize> = (0..n)
        .map(|dependent| {
            let row = &scores[dependent * width..][..width];
            // Heads in order, so that equals take the first; a word is never its own head.
            (0..width).filter(|&head| head != dependent + 1).fold(None, |best: Option<usize>, head| match best {
                Some(best) if row[best] >= row[head] => Some(best),
                _ => Some(head),
            })
        })
        .map(|head| head.unwrap_or(0))
        .collect();
    if is_tree(&greedy) {
        return greedy;
    }
    // A second root would cost more than all other arcs can bring.
    let spread = scores.iter().fold(1.0f64, |most, score| most.max(f64::from(score.abs()))) * 2.0 * width as f64;
    let mut weights = vec![f64::NEG_INFINITY; width * width];
    for dependent in 1..width {
        for head in 0..width {
            if head != dependent {
                let score = f64::from(scores[(dependent - 1) * width + head]);
                weights[dependent * width + head] = if head == 0 { score - spread } else { score };
            }
        }
    }
    let heads = arborescence(&weights, width);
    heads[1..].to_vec()
}

/// Whether the heads (0 is the root, words from 1) form a tree with one root.
pub fn is_tree(heads: &[usize]) -> bool {
    if heads.iter().filter(|&&head| head == 0).count() != 1 {
        return false;
    }
    // 0 not seen, else the number of the walk that saw the word first.
    let mut seen = vec![0; heads.len() + 1];
    for start in 1..=heads.len() {
        let mut at = start;
        while at != 0 && seen[at] == 0 {
            seen[at] = start;
            at = heads[at - 1];
        }
        if at != 0 && seen[at] == start {
            return false;
        }
    }
    true
}

/// Chu-Liu/Edmonds over nodes `0..size` with root 0; `weights[dependent * size + head]`. Contracts one cycle a round.
fn arborescence(weights: &[f64], size: usize) -> Vec<usize> {
    let mut heads = vec![0; size];
    for node in 1..size {
        let row = &weights[node * size..][..size];
        heads[node] = (0..size)
            .filter(|&head| head != node)
            .fold(0, |best, head| if row[head] > row[best] { head } else { best });
    }
    let Some(cycle) = find_cycle(&heads) else { return heads };
    let in_cycle = |node: usize| cycle.contains(&node);
    // Nodes outside keep their order; the cycle becomes the last node.
    let outside: Vec<usize> = (0..size).filter(|&node| !in_cycle(node)).collect();
    let small = outside.len() + 1;
    let joint = small - 1;
    let mut reduced = vec![f64::NEG_INFINITY; small * small];
    let mut enters = vec![cycle[0]; small];
    let mut leaves = vec![cycle[0]; small];
    for (i, &node) in outside.iter().enumerate() {
        for (j, &other) in outside.iter().enumerate().filter(|(j, _)| *j != i) {
            reduced[i * small + j] = weights[node * size + other];
        }
        for &member in &cycle {
            if weights[node * size + member] > reduced[i * small + joint] {
                reduced[i * small + joint] = weights[node * size + member];
                leaves[i] = member;
            }
            // Entering the cycle at `member` gives up its arc inside.
            let gain = weights[member * size + node] - weights[member * size + heads[member]];
            if gain > reduced[joint * small + i] {
                reduced[joint * small + i] = gain;
                enters[i] = member;
            }
        }
    }
    let solved = arborescence(&reduced, small);
    for (i, &node) in outside.iter().enumerate().skip(1) {
        heads[node] = if solved[i] == joint { leaves[i] } else { outside[solved[i]] };
    }
    let from = solved[joint];
    heads[enters[from]] = outside[from];
    heads
}

fn find_cycle(heads: &[usize]) -> Option<Vec<usize>> {
    let mut seen = vec![0; heads.len()];
    for start in 1..heads.len() {
        let mut at = start;
        while at != 0 && seen[at] == 0 {
            seen[at] = start;
            at = heads[at];
        }
        if at != 0 && seen[at] == start {
            let mut cycle = vec![at];
            let mut next = heads[at];
            while next != at {
                cycle.push(next);
                next = heads[next];
            }
            return Some(cycle);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best tree by trying all assignments of heads.
    fn exhaustive(scores: &[f32], n: usize) -> f64 {
        let width = n + 1;
        let mut best = f64::NEG_INFINITY;
        for code in 0..width.pow(n as u32) {
            let heads: Vec<usize> = (0..n).map(|word| code / width.pow(word as u32) % width).collect();
            if is_tree(&heads) {
                let sum = heads.iter().enumerate().map(|(word, head)| f64::from(scores[word * width + head])).sum();
                best = best.max(sum);
            }
        }
        best
    }

    #[test]
    fn the_best_tree_is_found_among_all_trees() {
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..300 {
            let n = 1 + round % 5;
            let scores: Vec<f32> = (0..n * (n + 1)).map(|_| random.f32() * 10.0 - 5.0).collect();
            let heads = best_tree(&scores, n);
            assert!(is_tree(&heads), "{heads:?}");
            let sum: f64 = heads.iter().enumerate().map(|(word, head)| f64::from(scores[word * (n + 1) + head])).sum();
            assert!((sum - exhaustive(&scores, n)).abs() < 1e-4, "{heads:?} of {scores:?}");
        }
    }

    #[test]
    fn no_words_have_no_heads_and_equal_scores_still_give_a_tree() {
        assert!(best_tree(&[], 0).is_empty());
        assert!(is_tree(&best_tree(&[0.0; 12 * 13], 12)));
    }
}
