//! The corpus that the nano checkpoints are trained on: pictures and captions of training products of both shops.
//! Nothing held out is in it, however many articles are asked for.

use crate::Error;
use crate::catalogue::{Article, Shop, Split, articles};
use crate::layout::{fashiongen, hm, write, write_jpeg};
use crate::words::{Voice, describe};
use rayon::prelude::*;
use serde_json::json;
use std::path::Path;

/// Writes `count` training articles, half of each shop: `ROOT/SHOP/…​.jpg` and `ROOT/captions.jsonl`, one object a line with
/// the picture's path, the caption, and what is to be seen.
pub fn write_corpus(root: &Path, seed: u64, count: usize) -> Result<(), Error> {
    let mut lines = String::new();
    for shop in [Shop::Hm, Shop::FashionGen] {
        let part = training_articles(seed, shop, count / 2);
        let folder = root.join(shop.name());
        let written: Result<Vec<String>, Error> =
            part.par_iter().map(|article| write_article(root, &folder, article, seed)).collect();
        for line in written? {
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    write(&root.join("captions.jsonl"), lines.as_bytes())
}

/// The shop's first `count` articles that are not held out.
fn training_articles(seed: u64, shop: Shop, count: usize) -> Vec<Article> {
    // Four fifths are training articles; ask for more until there are enough.
    let mut asked = count * 5 / 4 + 20;
    loop {
        let part: Vec<Article> = articles(seed, shop, asked)
            .into_iter()
            .filter(|article| article.split == Split::Train)
            .take(count)
            .collect();
        if part.len() == count {
            return part;
        }
        asked += asked / 4;
    }
}

fn write_article(root: &Path, folder: &Path, article: &Article, seed: u64) -> Result<String, Error> {
    let path = match article.shop {
        Shop::Hm => {
            hm::write_picture(folder, seed, article)?;
            hm::picture_path(folder, &article.article_id())
        }
        Shop::FashionGen => {
            let path = folder.join(format!("{}.jpg", fashiongen::product_id(article)));
            let pose = article.random(seed, "corpus pose").below(4) as u64;
            write_jpeg(&path, &fashiongen::draw(article, seed, pose), 96)?;
            path
        }
    };
    let design = article.design;
    let line = json!({
        "image": path.strip_prefix(root).unwrap_or(&path),
        "shop": article.shop.name(),
        "caption": describe(article, seed, Voice::Pretraining),
        "seen": {
            "category": format!("{:?}", design.category),
            "colour": format!("{:?}", design.colour),
            "pattern": format!("{:?}", design.pattern),
            "sleeve": format!("{:?}", design.sleeve),
            "neckline": format!("{:?}", design.neckline),
            "length": format!("{:?}", design.length),
            "closure": format!("{:?}", design.closure),
            "shape": format!("{:?}", design.shape),
            "detail": format!("{:?}", design.detail),
        },
    });
    Ok(line.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_held_out_is_in_the_corpus() {
        for shop in [Shop::Hm, Shop::FashionGen] {
            let part = training_articles(42, shop, 3000);
            assert_eq!(part.len(), 3000);
            assert!(part.iter().all(|article| Split::of(42, shop, article.product) == Split::Train));
        }
    }
}
