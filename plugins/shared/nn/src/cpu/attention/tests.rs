//! Attention and its gradients against exact arithmetic and finite differences of it, in f64.

use super::*;

const SIZE: usize = 5;
const SCALE: f64 = 0.4;

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut random = crate::random::Random::new(seed);
    (0..count).map(|_| random.uniform() as f32 - 0.5).collect()
}

/// Two rows of four heads in two groups, 51 queries of 40 keys; heads side by side at each position.
struct Case {
    query: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    bias: Vec<f32>,
}

const SHAPE: [usize; 5] = [2, 4, 2, 51, 40];

impl Case {
    fn new() -> Case {
        let [rows, heads, groups, length, positions] = SHAPE;
        let mut bias = numbers(length * positions, 4);
        for query in 0..length {
            // The last keys are hidden from early queries.
            bias[query * positions + positions.min(query + 2)..(query + 1) * positions].fill(-1e9);
        }
        let of_keys = rows * positions * groups * SIZE;
        Case {
            query: numbers(rows * length * heads * SIZE, 1),
            keys: numbers(of_keys, 2),
            values: numbers(of_keys, 3),
            bias,
        }
    }

    fn attention(&self) -> Attention<'_> {
        let [rows, heads, groups, length, positions] = SHAPE;
        let bias = Bias { numbers: &self.bias, steps: [0, 0, positions, 1] };
        Attention {
            query: lying(&self.query, length, heads),
            keys: lying(&self.keys, positions, groups),
            values: lying(&self.values, positions, groups),
            bias: Some(bias),
            scale: SCALE as f32,
            rows,
            heads,
            groups,
            length,
            positions,
            size: SIZE,
        }
    }

    /// Σ out · `gradient` and out itself, in f64.
    fn exact(&self, gradient: &[f32]) -> (f64, Vec<f64>) {
        let [rows, heads, groups, length, positions] = SHAPE;
        let mut out = Vec::new();
        for (row, query) in (0..rows * length).map(|place| (place / length, place % length)) {
            for head in 0..heads {
                let group = head / (heads / groups);
                let of = |x: &[f32], count: usize, all: usize, place: usize, which: usize| -> Vec<f64> {
                    let begin = ((row * count + place) * all + which) * SIZE;
                    x[begin..begin + SIZE].iter().map(|&x| f64::from(x)).collect()
                };
                let own = of(&self.query, length, heads, query, head);
                let weights: Vec<f64> = (0..positions)
                    .map(|key| {
                        let key_vector = of(&self.keys, positions, groups, key, group);
                        let product: f64 = own.iter().zip(key_vector).map(|(a, b)| a * b).sum();
                        (SCALE * product + f64::from(self.bias[query * positions + key])).exp()
                    })
                    .collect();
                let sum: f64 = weights.iter().sum();
                let mut mixed = vec![0.0; SIZE];
                for (key, weight) in weights.iter().enumerate() {
                    let value = of(&self.values, positions, groups, key, group);
                    mixed.iter_mut().zip(value).for_each(|(mixed, value)| *mixed += weight / sum * value);
                }
                out.extend(mixed);
            }
        }
        (out.iter().zip(gradient).map(|(out, gradient)| out * f64::from(*gradient)).sum(), out)
    }
}

fn lying(numbers: &[f32], length: usize, heads: usize) -> Heads<'_> {
    Heads { numbers, row_step: length * heads * SIZE, head_step: SIZE, step: heads * SIZE }
}

#[test]
fn attention_and_its_gradients_are_those_of_exact_arithmetic() {
    if !tile::is_available() {
        println!("skipped: this processor has no AVX-512");
        return;
    }
    let [rows, heads, groups, length, positions] = SHAPE;
    let mut case = Case::new();
    let mut out = vec![f32::NAN; rows * length * heads * SIZE];
    case.attention().forward(&mut out);
    let gradient = numbers(out.len(), 5);
    let (_, exact) = case.exact(&gradient);
    for (out, exact) in out.iter().zip(&exact) {
        assert!((f64::from(*out) - exact).abs() < 1e-6, "{out} {exact}");
    }
    // The second row alone gives the same bytes.
    let half = out.len() / 2;
    let of_keys = case.keys.len() / 2;
    let second = Case {
        query: case.query[half..].to_vec(),
        keys: case.keys[of_keys..].to_vec(),
        values: case.values[of_keys..].to_vec(),
        bias: case.bias.clone(),
    };
    let mut alone = vec![f32::NAN; half];
    Attention { rows: 1, ..second.attention() }.forward(&mut alone);
    assert_eq!(alone, out[half..], "a row depends on its neighbours");

    let mut to_query = vec![f32::NAN; case.query.len()];
    // Keys and values side by side.
    let mut to_both = vec![f32::NAN; 2 * case.keys.len()];
    case.attention().backward(
        lying(&gradient, length, heads),
        HeadsOut::new(&mut to_query, length, heads, SIZE, 0, heads),
        HeadsOut::new(&mut to_both, positions, 2 * groups, SIZE, 0, groups),
        HeadsOut::new(&mut to_both, positions, 2 * groups, SIZE, groups, groups),
    );
    let slope = |case: &mut Case, of: fn(&mut Case) -> &mut Vec<f32>, place: usize| {
        let before = of(case)[place];
        let mut at = |x: f32| {
            of(case)[place] = x;
            (f64::from(x), case.exact(&gradient).0)
        };
        let ((a, low), (b, high)) = (at(before - 0.01), at(before + 0.01));
        of(case)[place] = before;
        (high - low) / (b - a)
    };
    let near = |found: f32, exact: f64| assert!((f64::from(found) - exact).abs() < 2e-5, "{found} {exact}");
    for place in (0..case.query.len()).step_by(97) {
        near(to_query[place], slope(&mut case, |case| &mut case.query, place));
    }
    for place in (0..case.keys.len()).step_by(41) {
        let (position, inside) = (place / (groups * SIZE), place % (groups * SIZE));
        let joined = position * 2 * groups * SIZE + inside;
        near(to_both[joined], slope(&mut case, |case| &mut case.keys, place));
        near(to_both[joined + groups * SIZE], slope(&mut case, |case| &mut case.values, place));
    }
}
