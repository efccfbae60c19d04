//! The linear model: a weight for each feature and category in eight bits, a scale a feature, a bias a category; and its file.

use crate::CategoryClassifier;
use crate::features::{BITS, features};

/// The first bytes of the file; the number changes with the form.
const MAGIC: &[u8; 8] = b"LBCATEG1";

/// A multinomial logistic regression over hashed n-grams.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearClassifier {
    categories: Vec<String>,
    bias: Vec<f32>,
    /// The place of each feature's row below, or [`NO_ROW`]: `[2^BITS]`.
    rows: Vec<u32>,
    scales: Vec<f32>,
    /// `[features used, categories]`
    weights: Vec<i8>,
}

const NO_ROW: u32 = u32::MAX;

impl LinearClassifier {
    /// Rounds weights `[2^BITS, categories]` to eight bits a weight. Features without weight take no room.
    pub(crate) fn rounded(categories: Vec<String>, bias: Vec<f32>, weights: &[f32]) -> LinearClassifier {
        let mut model = LinearClassifier {
            rows: vec![NO_ROW; 1 << BITS],
            scales: Vec::new(),
            weights: Vec::new(),
            categories,
            bias,
        };
        let each = model.categories.len().max(1);
        for (feature, row) in weights.chunks_exact(each).enumerate() {
            let largest = row.iter().fold(0.0f32, |largest, weight| largest.max(weight.abs()));
            if largest > 0.0 {
                let scale = largest / 127.0;
                model.rows[feature] = model.scales.len() as u32;
                model.scales.push(scale);
                model.weights.extend(row.iter().map(|weight| (weight / scale).round() as i8));
            }
        }
        model
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in [BITS, self.categories.len() as u32, self.scales.len() as u32] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.bias.iter().flat_map(|bias| bias.to_le_bytes()));
        let each = self.categories.len();
        for (feature, row) in self.rows.iter().enumerate().filter(|(_, row)| **row != NO_ROW) {
            let row = *row as usize;
            bytes.extend((feature as u32).to_le_bytes());
            bytes.extend(self.scales[row].to_le_bytes());
            bytes.extend(self.weights[row * each..][..each].iter().map(|weight| *weight as u8));
        }
        bytes
    }

    /// Reads the file of a classifier into these categories; otherwise says what is wrong with it.
    pub fn from_bytes(bytes: &[u8], categories: Vec<String>) -> Result<LinearClassifier, String> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin as a classifier's file")?;
        let mut word = || -> Result<[u8; 4], String> {
            let (word, after) = rest.split_first_chunk::<4>().ok_or("it is cut short")?;
            rest = after;
            Ok(*word)
        };
        let [bits, count, used] = [word()?, word()?, word()?].map(u32::from_le_bytes);
        if bits != BITS || count as usize != categories.len() || used > 1 << BITS || categories.is_empty() {
            return Err(format!("it is of {count} categories and {bits} bits, not of {} and {BITS}", categories.len()));
        }
        let bias = (0..count).map(|_| word().map(f32::from_le_bytes)).collect::<Result<_, _>>()?;
        let each = categories.len();
        let mut model = LinearClassifier {
            categories,
            bias,
            rows: vec![NO_ROW; 1 << BITS],
            scales: Vec::new(),
            weights: Vec::new(),
        };
        if rest.len() != used as usize * (8 + each) {
            return Err("it is cut short or has more than it should".into());
        }
        for row in rest.chunks_exact(8 + each) {
            let number = |place: usize| [row[place], row[place + 1], row[place + 2], row[place + 3]];
            let feature = u32::from_le_bytes(number(0)) as usize;
            let place = model.rows.get_mut(feature).ok_or("it names a feature that there is not")?;
            *place = model.scales.len() as u32;
            model.scales.push(f32::from_le_bytes(number(4)));
            model.weights.extend(row[8..].iter().map(|byte| *byte as i8));
        }
        Ok(model)
    }
}

impl CategoryClassifier for LinearClassifier {
    fn categories(&self) -> &[String] {
        &self.categories
    }

    fn classify(&self, text: &str) -> usize {
        let features = features(text);
        let norm = (features.len().max(1) as f32).sqrt();
        let mut scores = self.bias.clone();
        let each = self.categories.len();
        for row in features.iter().map(|feature| self.rows[*feature as usize]).filter(|row| *row != NO_ROW) {
            let scale = self.scales[row as usize] / norm;
            for (score, weight) in scores.iter_mut().zip(&self.weights[row as usize * each..][..each]) {
                *score += scale * f32::from(*weight);
            }
        }
        // The first of equals, so that the answer is one.
        let mut best = 0;
        for (place, score) in scores.iter().enumerate() {
            if *score > scores[best] {
                best = place;
            }
        }
        best
    }
}
