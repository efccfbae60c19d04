//! The measures of Elliot's two implementations, as functions of what two rows have in common.
//!
//! `standard` follows `knn/*/…_similarity.py`: scikit-learn's cosine or dot product, or 1/(1 + d) of one of its distances. `aiolli`
//! follows `aiolli_ferrari.py`.

use crate::options::Options;
use serde::Deserialize;

/// Which of Elliot's implementations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Implementation {
    Standard,
    Aiolli,
}

/// How alike two rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    Cosine,
    Dot,
    #[serde(alias = "l2")]
    Euclidean,
    #[serde(alias = "l1", alias = "cityblock")]
    Manhattan,
    #[serde(alias = "tanimoto")]
    Jaccard,
    Dice,
    Asymmetric,
    Tversky,
}

impl Measure {
    const ALL: [(Measure, &'static str); 8] = [
        (Measure::Cosine, "cosine"),
        (Measure::Dot, "dot"),
        (Measure::Euclidean, "euclidean"),
        (Measure::Manhattan, "manhattan"),
        (Measure::Jaccard, "jaccard"),
        (Measure::Dice, "dice"),
        (Measure::Asymmetric, "asymmetric"),
        (Measure::Tversky, "tversky"),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(measure, _)| *measure == self).map_or("?", |(_, name)| name)
    }

    /// It sees only which entries there are, not their values.
    pub fn is_boolean(self) -> bool {
        matches!(self, Measure::Jaccard | Measure::Dice | Measure::Tversky)
    }
}

impl Implementation {
    pub fn name(self) -> &'static str {
        match self {
            Implementation::Standard => "standard",
            Implementation::Aiolli => "aiolli",
        }
    }

    pub fn has(self, measure: Measure) -> bool {
        match self {
            Implementation::Standard => !matches!(measure, Measure::Asymmetric | Measure::Tversky),
            Implementation::Aiolli => !matches!(measure, Measure::Dot | Measure::Euclidean | Measure::Manhattan),
        }
    }

    pub fn measures(self) -> impl Iterator<Item = Measure> {
        Measure::ALL.into_iter().map(|(measure, _)| measure).filter(move |measure| self.has(*measure))
    }
}

/// The sums of one row that measures need.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowSums {
    pub count: f64,
    /// Σ|x|
    pub absolute: f64,
    /// Σx²
    pub squares: f64,
    /// √Σx²
    pub norm: f64,
    /// (√Σx²)^(2α) and ^(2(1 − α)), of the asymmetric cosine.
    pub powers: (f64, f64),
}

impl RowSums {
    /// Of a row of `count` entries with these values (none: all 1).
    pub fn of(count: usize, values: &[f32], alpha: f64) -> RowSums {
        let n = count as f64;
        let (absolute, squares) = if values.is_empty() {
            (n, n)
        } else {
            values.iter().map(|value| f64::from(*value)).fold((0.0, 0.0), |(a, s), x| (a + x.abs(), s + x * x))
        };
        let norm = squares.sqrt();
        RowSums { count: n, absolute, squares, norm, powers: (norm.powf(2.0 * alpha), norm.powf(2.0 * (1.0 - alpha))) }
    }
}

/// A measure ready for use.
#[derive(Debug, Clone)]
pub struct Similarity {
    pub implementation: Implementation,
    pub measure: Measure,
    normalize: bool,
    shrink: f64,
    tversky: (f64, f64),
}

impl Similarity {
    pub fn new(options: &Options) -> Similarity {
        Similarity {
            implementation: options.implementation,
            measure: options.similarity,
            normalize: options.normalize,
            shrink: options.shrink,
            tversky: (options.tversky_alpha, options.tversky_beta),
        }
    }

    /// What two entries of a common column add to what the rows have in common: their product, or for the Manhattan distance what
    /// their difference is short of the sum of both.
    pub fn common(&self, x: f64, y: f64) -> f64 {
        match self.measure {
            Measure::Manhattan => (x - y).abs() - x.abs() - y.abs(),
            _ => x * y,
        }
    }

    /// Rows without a common column are alike, too, to a degree.
    pub fn is_dense(&self) -> bool {
        self.implementation == Implementation::Standard && !matches!(self.measure, Measure::Cosine | Measure::Dot)
    }

    /// A row is its own neighbour.
    pub fn includes_self(&self) -> bool {
        self.implementation == Implementation::Standard
    }

    /// The similarity of a column's row to another, from the sum of [`Similarity::common`] over their common columns.
    pub fn of(&self, common: f64, column: &RowSums, other: &RowSums) -> f64 {
        match self.implementation {
            Implementation::Standard => self.standard(common, column, other),
            Implementation::Aiolli => self.aiolli(common, column, other),
        }
    }

    fn standard(&self, common: f64, column: &RowSums, other: &RowSums) -> f64 {
        let close = |distance: f64| 1.0 / (1.0 + distance);
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        match self.measure {
            Measure::Cosine => share(common, column.norm * other.norm),
            Measure::Euclidean => close((column.squares + other.squares - 2.0 * common).max(0.0).sqrt()),
            Measure::Manhattan => close(column.absolute + other.absolute + common),
            // scikit-learn's distance of two empty rows is 0.
            Measure::Jaccard => {
                let either = column.count + other.count - common;
                close(share(either - common, either))
            }
            Measure::Dice => {
                let both = column.count + other.count;
                close(share(both - 2.0 * common, both))
            }
            Measure::Dot | Measure::Asymmetric | Measure::Tversky => common,
        }
    }

    fn aiolli(&self, common: f64, column: &RowSums, other: &RowSums) -> f64 {
        const TINY: f64 = 1e-6;
        let rest = self.shrink + TINY;
        match self.measure {
            Measure::Jaccard => common / (column.count + other.count - common + rest),
            Measure::Dice => common / (column.count + other.count + rest),
            Measure::Tversky => {
                let (alpha, beta) = self.tversky;
                common / (common + alpha * (column.count - common) + beta * (other.count - common) + rest)
            }
            // Without normalisation Elliot divides by the shrinkage alone.
            _ if !self.normalize => common / if self.shrink > 0.0 { self.shrink } else { 1.0 },
            Measure::Asymmetric => common / (column.powers.0 * other.powers.1 + rest),
            _ => common / (column.norm * other.norm + rest),
        }
    }
}
