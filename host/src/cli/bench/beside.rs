//! How far a device's scores are from another's: what rounding to fewer bits, or a fault, has made of the same images and tokens.

use plugin_api::BenchScores;
use serde::Serialize;

/// Scores of one device held beside those of another.
#[derive(Debug, PartialEq, Serialize)]
pub struct Beside {
    pub device: String,
    pub precision: String,
    pub images: usize,
    /// Of the first new token.
    pub first: Distance,
    /// Behind [`BenchScores::SAID`] tokens more.
    pub later: Distance,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Distance {
    /// ‖a − b‖ / ‖b‖ over the scores of all images.
    pub relative: f64,
    /// Images for which the same token has the greatest score.
    pub same_token: usize,
}

impl Distance {
    /// Between scores `[images, vocabulary]`. `None` if the two are not of the same model, or nothing can be told from them.
    pub fn between(a: &[f32], b: &[f32], images: usize) -> Option<Distance> {
        if images == 0 || a.is_empty() || a.len() != b.len() || !a.len().is_multiple_of(images) {
            return None;
        }
        let square = |value: f32| f64::from(value) * f64::from(value);
        let apart: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
        let size: f64 = b.iter().map(|&b| square(b)).sum();
        let relative = (apart / size).sqrt();
        let vocabulary = a.len() / images;
        let same = a.chunks(vocabulary).zip(b.chunks(vocabulary)).filter(|(a, b)| best(a) == best(b)).count();
        relative.is_finite().then_some(Distance { relative, same_token: same })
    }
}

/// Where the greatest of the scores stands; the first of equals.
fn best(scores: &[f32]) -> Option<usize> {
    (0..scores.len()).reduce(|best, place| if scores[place] > scores[best] { place } else { best })
}

impl Beside {
    /// `found` on the device that was measured, `reference` on another. `None` if they do not belong together.
    pub fn new(found: &BenchScores, reference: &BenchScores, device: String, precision: String) -> Option<Beside> {
        let images = found.images;
        Some(Beside {
            device,
            precision,
            images,
            first: Distance::between(&found.first, &reference.first, images)?,
            later: Distance::between(&found.later, &reference.later, images)?,
        })
    }

    pub fn as_text(&self) -> String {
        let told = |distance: &Distance| {
            format!(
                "{:.2} % of their size off, the likeliest token is the same for {} of {} images",
                distance.relative * 100.0,
                distance.same_token,
                self.images
            )
        };
        format!(
            "scores beside {} in {}:\n  of the first token: {}\n  {} tokens later: {}\n",
            self.device,
            self.precision,
            told(&self.first),
            BenchScores::SAID,
            told(&self.later)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_relative_to_the_reference() {
        let distance = Distance::between(&[3.0, 4.5, 0.0, 1.0], &[3.0, 4.0, 0.0, 0.0], 2).unwrap();
        assert!((distance.relative - 1.25_f64.sqrt() / 5.0).abs() < 1e-12);
        assert_eq!(distance.same_token, 1, "the second image's two scores were equal");
    }

    #[test]
    fn what_tells_nothing_is_no_distance() {
        let nothing: [(&[f32], &[f32], usize); 5] = [
            (&[f32::NAN, 1.0], &[0.5, 1.0], 1),
            (&[0.0, 0.0], &[0.0, 0.0], 1),
            (&[1.0], &[1.0, 2.0], 1),
            (&[], &[], 1),
            (&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 2),
        ];
        for (a, b, images) in nothing {
            assert_eq!(Distance::between(a, b, images), None);
        }
    }
}
