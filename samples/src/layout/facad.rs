//! FACAD's two layouts: a list, `meta_all_N.json`, with the images beside it; and packed files, an image a row with captions, attributes and
//! categories in JSON lists of the same length.

use super::{write, write_jpeg};
use crate::Error;
use crate::catalogue::{Article, Shop, Split, articles};
use crate::layout::fashiongen::{SIDE, draw, product_id};
use crate::words::{Voice, describe};
use hdf5_writer::{ByteOrder, DatasetBuilder, Datatype, FILTER_DEFLATE, FilterDescription, Hdf5Builder, WriteOptions};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::io::BufWriter;
use std::path::Path;

/// Writes the first `products` products under `root` as a list, with one to three images of each.
pub fn write_list(root: &Path, seed: u64, products: usize) -> Result<(), Error> {
    let articles = articles(seed, Shop::FashionGen, products);
    let entries: Result<Vec<Value>, Error> =
        articles.par_iter().map(|article| write_entry(&root.join("images"), article, seed)).collect();
    write(&root.join(format!("meta_all_{products}.json")), Value::Array(entries?).to_string().as_bytes())
}

/// Writes the first `products` products under `root` as packed files, an image a product.
pub fn write_packed(root: &Path, seed: u64, products: usize) -> Result<(), Error> {
    let articles = articles(seed, Shop::FashionGen, products);
    for (prefix, split) in [("TRAIN", Split::Train), ("VAL", Split::Validation), ("TEST", Split::Test)] {
        let part: Vec<&Article> = articles.iter().filter(|article| article.split == split).collect();
        if !part.is_empty() {
            write_part(root, prefix, &part, seed)?;
        }
    }
    Ok(())
}

fn write_entry(images: &Path, article: &Article, seed: u64) -> Result<Value, Error> {
    let id = product_id(article);
    let colour = article.design.colour.word();
    let mut views = serde_json::Map::from_iter([("color".to_owned(), json!(colour))]);
    for pose in 0..1 + article.random(seed, "views").below(3) as u64 {
        let name = format!("{id}-{pose}.jpeg");
        write_jpeg(&images.join(&name), &draw(article, seed, pose), 88)?;
        // As in the vendor's list, where an image is an address whose last part is the file's name.
        views.insert(pose.to_string(), json!(format!("https://images.example/{colour}/{name}?w=256")));
    }
    let attributes = attributes(article);
    Ok(json!({
        "id": id,
        "images": [views],
        "title": format!("{colour} {}", article.design.category.noun()),
        "description": describe(article, seed, Voice::Catalogue),
        "detail_info": "",
        "categoryid": article.design.category as u32,
        "category": article.design.category.noun(),
        "attrid": attributes.iter().enumerate().map(|(place, _)| place).collect::<Vec<_>>(),
        "attr": attributes,
    }))
}

fn attributes(article: &Article) -> Vec<&'static str> {
    let design = &article.design;
    [Some(design.colour.word()), design.pattern.word(), Some(design.category.noun())].into_iter().flatten().collect()
}

fn write_part(root: &Path, prefix: &str, articles: &[&Article], seed: u64) -> Result<(), Error> {
    let list = |of: &dyn Fn(&Article) -> Value| Value::Array(articles.iter().map(|article| of(article)).collect());
    let files = [
        ("CAPTIONS_RAW", list(&|article| json!(describe(article, seed, Voice::Catalogue)))),
        ("ATTRS", list(&|article| json!(attributes(article)))),
        ("CATES_FLAT", list(&|article| json!(article.design.category.noun()))),
    ];
    for (kind, values) in files {
        write(&root.join(format!("{prefix}_{kind}.json")), values.to_string().as_bytes())?;
    }
    let planes: Vec<u8> = articles
        .par_iter()
        .flat_map_iter(|article| {
            let pixels = draw(article, seed, 0).into_raw();
            (0..3).flat_map(move |plane| pixels.iter().skip(plane).step_by(3).copied().collect::<Vec<u8>>())
        })
        .collect();
    let side = u64::from(SIDE);
    let datatype = Datatype::FixedPoint { size: 1, signed: false, byte_order: ByteOrder::LittleEndian };
    let filter = FilterDescription { id: FILTER_DEFLATE, name: None, client_data: vec![3] };
    let images = DatasetBuilder::new("images", datatype, [articles.len() as u64, 3, side, side])
        .chunked([1, 3, side, side])
        .filter(filter)
        .raw_data(planes);
    let path = root.join(format!("{prefix}_IMAGES.hdf5"));
    let hdf5 = |source| Error::Hdf5 { path: path.clone(), source };
    let plan = Hdf5Builder::new().dataset(images).into_plan().map_err(hdf5)?;
    let file = std::fs::File::create(&path).map_err(Error::write(&path))?;
    hdf5_writer::Hdf5Writer::new(BufWriter::new(file), WriteOptions::default()).finish(plan).map_err(hdf5)?;
    Ok(())
}
