//! What is said of a garment: descriptions in each shop's manner. Which attributes exist is `garment`'s affair.
//!
//! A shop has a few ways to put a description and prefers one. The captions that the nano models are trained
//! on prefer another way, so that they describe garments well and yet fine-tuning on a catalogue can teach them something.

mod fashiongen;
mod hm;
mod phrases;

use crate::catalogue::{Article, Shop};
use crate::garment::Design;
use crate::random::Random;

/// Whose habits decide how a description is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The shop's own: what the catalogue files contain.
    Catalogue,
    /// The corpus that the nano checkpoints are trained on.
    Pretraining,
}

/// The ways to put a description, in the order in which the catalogue prefers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Everything that can be seen.
    Full,
    /// The main things first, and less of the rest.
    Terse,
    /// Another order.
    Loose,
}

impl Manner {
    fn draw(voice: Voice, random: &mut Random) -> Self {
        let weights = match voice {
            Voice::Catalogue => [0.74, 0.13, 0.13],
            Voice::Pretraining => [0.22, 0.65, 0.13],
        };
        [Manner::Full, Manner::Terse, Manner::Loose][random.weighted(&weights)]
    }
}

/// The article's description as the voice puts it: one to four sentences in plain ASCII.
pub fn describe(article: &Article, seed: u64, voice: Voice) -> String {
    // All colours of a product are described in the same manner.
    let purpose = match voice {
        Voice::Catalogue => "catalogue words",
        Voice::Pretraining => "pretraining words",
    };
    let mut random = Random::keyed(seed, &format!("{} {purpose}", article.shop.name()), article.product);
    let manner = Manner::draw(voice, &mut random);
    describe_as(article.shop, &article.design, manner, &mut random)
}

/// A description in a given manner; `random` decides what cannot be seen (cloth, finish).
pub fn describe_as(shop: Shop, design: &Design, manner: Manner, random: &mut Random) -> String {
    match shop {
        Shop::Hm => hm::describe(design, manner, random),
        Shop::FashionGen => fashiongen::describe(design, manner, random),
    }
}

/// Sentences that are not empty, each with a capital and a full stop, with spaces between.
fn sentences<I: IntoIterator<Item = String>>(parts: I) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).map(|part| sentence(&part)).collect();
    parts.join(" ")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}

/// "a", "a and b", "a, b and c".
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::articles;

    #[test]
    fn every_description_names_category_colour_and_pattern() {
        for shop in [Shop::Hm, Shop::FashionGen] {
            for article in articles(3, shop, 400) {
                for voice in [Voice::Catalogue, Voice::Pretraining] {
                    let text = describe(&article, 3, voice).to_lowercase();
                    let design = article.design;
                    assert!(text.contains(&design.category.noun().to_lowercase()), "{text}");
                    let colour = if shop == Shop::Hm { design.colour.word() } else { design.colour.shop_word() };
                    assert!(text.contains(colour), "{text}");
                    assert!(design.pattern.word().is_none_or(|word| text.contains(word)), "{text}");
                    assert!(text.is_ascii() && text.ends_with('.') && !text.contains("  "), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_full_description_names_sleeves_neckline_and_length() {
        let mut random = Random::keyed(1, "words", 0);
        for article in articles(5, Shop::Hm, 300) {
            let text = describe_as(Shop::Hm, &article.design, Manner::Full, &mut random).to_lowercase();
            if let Some(sleeves) = phrases::sleeves(article.design.sleeve) {
                assert!(text.contains(sleeves), "{text}");
            }
            if let Some(neckline) = phrases::neckline(article.design.neckline) {
                assert!(text.contains(&neckline.to_lowercase()), "{text}");
            }
            if let Some(length) = phrases::length(&article.design) {
                assert!(text.contains(length), "{text}");
            }
        }
    }
}
