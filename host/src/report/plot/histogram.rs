//! Shares of a quantity's bins as columns, with another distribution as an outline over them.

use super::WIDTH;
use super::canvas::{Anchor, Scale, Svg};
use super::palette::{INK, series};

const HEIGHT: f64 = 150.0;

/// `shares` and `outline` have a number in 0…1 a bin, `labels` the bins' names.
pub fn histogram(title: &str, shares: &[f64], outline: &[f64], labels: &[String]) -> Svg {
    let (left, top, bottom) = (40.0, 6.0, HEIGHT - 22.0);
    Svg::draw(title, WIDTH, HEIGHT, |canvas| {
        let percent = |share: &f64| share * 100.0;
        let scale = Scale::from_zero(shares.iter().chain(outline).map(percent), bottom, top);
        canvas.vertical_axis(&scale, left, WIDTH - 4.0, 4);
        let bins = shares.len().max(1) as f64;
        let edge = |bin: usize| left + bin as f64 / bins * (WIDTH - 4.0 - left);
        for (bin, share) in shares.iter().enumerate() {
            let y = scale.at(percent(share));
            canvas.rectangle((edge(bin) + 0.5, y), edge(bin + 1) - edge(bin) - 1.0, bottom - y, series(0), 0.75);
        }
        let steps: Vec<(f64, f64)> = outline
            .iter()
            .enumerate()
            .flat_map(|(bin, share)| [edge(bin), edge(bin + 1)].map(|x| (x, scale.at(percent(share)))))
            .collect();
        if steps.len() > 1 {
            canvas.path(&steps, INK, 1.5);
        }
        // As many names as stand beside each other.
        let every = labels.len().div_ceil(6).max(1);
        for (bin, label) in labels.iter().enumerate().step_by(every) {
            canvas.note(((edge(bin) + edge(bin + 1)) / 2.0, bottom + 11.0), Anchor::Middle, label);
        }
    })
}
