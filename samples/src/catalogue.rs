//! The catalogue by index: which products there are, in which colours, under which ids, in which split.
//! Everything follows from (seed, shop, index), so that a larger catalogue extends a smaller one.

use crate::garment::{Category, Design};
use crate::random::Random;

/// The two vendors whose layouts are written; each has its own garments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shop {
    Hm,
    FashionGen,
}

impl Shop {
    /// The name of its folder in the output and of its dataset in the registry.
    pub fn name(self) -> &'static str {
        match self {
            Shop::Hm => "hm",
            Shop::FashionGen => "fashiongen",
        }
    }
}

/// The part of the catalogue that a product belongs to, with all its articles and poses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    Train,
    Validation,
    Test,
}

impl Split {
    /// In each ten products that follow each other one is validation and one is test, at seeded places.
    pub fn of(seed: u64, shop: Shop, product: u64) -> Self {
        let mut random = Random::keyed(seed ^ shop as u64, "split", product / 10);
        let test = random.below(10) as u64;
        let validation = (test + 1 + random.below(9) as u64) % 10;
        match product % 10 {
            place if place == test => Split::Test,
            place if place == validation => Split::Validation,
            _ => Split::Train,
        }
    }

    /// As in the names of the split files.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }
}

/// One article: a product in one colour.
#[derive(Clone, Debug)]
pub struct Article {
    pub shop: Shop,
    /// Counts the shop's products from 0.
    pub product: u64,
    /// Counts the product's articles from 0.
    pub place: u64,
    pub design: Design,
    pub split: Split,
}

impl Article {
    /// The stream of random numbers for one purpose that is this article's own.
    pub fn random(&self, seed: u64, purpose: &str) -> Random {
        let purpose = format!("{} {purpose} {}", self.shop.name(), self.place);
        Random::keyed(seed, &purpose, self.product)
    }

    /// H&M's product_code, seven digits with the leading 0.
    pub fn product_code(&self) -> String {
        format!("{:07}", 103_001 + self.product * 7)
    }

    /// H&M's article_id, ten digits with the leading 0.
    pub fn article_id(&self) -> String {
        format!("{}{:03}", self.product_code(), 1 + self.place * 3 + self.product % 3)
    }
}

/// A shop's first `count` articles, product after product. Some products come in several colours.
pub fn articles(seed: u64, shop: Shop, count: usize) -> Vec<Article> {
    let mut articles = Vec::with_capacity(count);
    for product in 0.. {
        let mut random = Random::keyed(seed, &format!("{} product", shop.name()), product);
        let category = random.pick(&Category::ALL);
        let cut = Design::cut(category, &mut random);
        let colours = match shop {
            Shop::Hm => [1, 2, 3][random.weighted(&[5.0, 3.0, 2.0])],
            Shop::FashionGen => 1,
        };
        let split = Split::of(seed, shop, product);
        let mut designs: Vec<Design> = Vec::new();
        for place in 0..colours {
            let design = cut.dyed(&mut random);
            if designs.iter().any(|other| other.colour == design.colour) {
                continue; // a product comes in a colour once
            }
            designs.push(design);
            if articles.len() == count {
                return articles;
            }
            articles.push(Article { shop, product, place, design, split });
        }
    }
    articles
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn a_larger_catalogue_extends_a_smaller_one() {
        let (small, large) = (articles(7, Shop::Hm, 50), articles(7, Shop::Hm, 400));
        for (a, b) in small.iter().zip(&large) {
            assert_eq!((a.article_id(), a.design, a.split), (b.article_id(), b.design, b.split));
        }
    }

    #[test]
    fn ids_are_unique_and_a_product_lies_in_one_split() {
        let all = articles(42, Shop::Hm, 600);
        assert_eq!(all.len(), 600);
        assert_eq!(all.iter().map(Article::article_id).collect::<HashSet<_>>().len(), 600);
        let mut split_of = HashMap::new();
        for article in &all {
            assert_eq!(article.article_id().len(), 10);
            assert_eq!(*split_of.entry(article.product_code()).or_insert(article.split), article.split);
        }
        assert!(split_of.len() < 500, "no product comes in several colours");
    }

    #[test]
    fn every_category_is_in_every_split_of_the_default_catalogue() {
        let all = articles(42, Shop::Hm, 600);
        for split in [Split::Train, Split::Validation, Split::Test] {
            let part: Vec<_> = all.iter().filter(|article| article.split == split).collect();
            let categories: HashSet<_> = part.iter().map(|article| article.design.category).collect();
            assert!(categories.len() >= 12, "{}: {} categories", split.name(), categories.len());
            if split != Split::Train {
                assert!((40..=80).contains(&part.len()), "{}: {} articles", split.name(), part.len());
            }
        }
    }
}
