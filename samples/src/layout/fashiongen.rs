//! The FashionGen layout: two HDF5 files with one row an image (pose), text as fixed-length latin-1 byte strings, images chunked
//! and compressed. A product's images lie in one file and share its description.

use super::write;
use crate::Error;
use crate::catalogue::{Article, Shop, Split, articles};
use crate::draw::{Scene, picture};
use crate::garment::Category;
use crate::words::{Voice, describe};
use hdf5_writer::{
    ByteOrder, DatasetBuilder, Datatype, FILTER_DEFLATE, FilterDescription, Hdf5Builder, StringEncoding, StringPadding,
    StringSize, WriteOptions,
};
use image::RgbImage;
use rayon::prelude::*;
use std::path::Path;

/// The side of the square images, in pixels.
pub const SIDE: u32 = 256;

/// zlib's fastest levels lose little on drawings.
const DEFLATE_LEVEL: u32 = 3;

/// One image and what the file says of it.
struct Row<'a> {
    article: &'a Article,
    pose: u64,
    index: usize,
}

/// Writes the first `products` products under `root`: train, and as validation all that is held out.
pub fn write_catalogue(root: &Path, seed: u64, products: usize) -> Result<(), Error> {
    let articles = articles(seed, Shop::FashionGen, products);
    for (name, held_out) in [("train", false), ("validation", true)] {
        let part = articles.iter().filter(|article| (article.split != Split::Train) == held_out);
        let rows: Vec<Row> = part
            .flat_map(|article| (0..poses(article, seed)).map(move |pose| (article, pose)))
            .enumerate()
            .map(|(index, (article, pose))| Row { article, pose, index })
            .collect();
        write_part(&root.join(format!("fashiongen_256_256_{name}.h5")), seed, &rows)?;
    }
    Ok(())
}

/// How many images a product has, 1 to 4.
fn poses(article: &Article, seed: u64) -> u64 {
    1 + article.random(seed, "poses").weighted(&[3.0, 4.0, 2.0, 1.0]) as u64
}

/// A product's picture in one pose; the second, third and fourth are turned, tilted or mirrored.
pub fn draw(article: &Article, seed: u64, pose: u64) -> RgbImage {
    let mut random = article.random(seed, &format!("picture {pose}"));
    let mut scene = Scene::draw(Shop::FashionGen, pose, &mut random);
    scene.dye = article.random(seed, "dye").next();
    picture(&article.design, &scene, SIDE, SIDE)
}

fn write_part(path: &Path, seed: u64, rows: &[Row]) -> Result<(), Error> {
    let count = rows.len() as u64;
    let pixels: Vec<u8> = rows.par_iter().flat_map_iter(|row| draw(row.article, seed, row.pose).into_raw()).collect();
    let text = |name: &str, of: &dyn Fn(&Row) -> String| {
        let values: Vec<Vec<u8>> = rows.iter().map(|row| latin1(&of(row))).collect();
        let size = values.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let bytes: Vec<u8> = values
            .into_iter()
            .flat_map(|mut value| {
                value.resize(size, 0);
                value
            })
            .collect();
        let datatype = Datatype::String {
            size: StringSize::Fixed(size as u32),
            encoding: StringEncoding::Ascii, // HDF5 has no name for latin-1; the vendor's files say ASCII too
            padding: StringPadding::NullPad,
        };
        DatasetBuilder::new(name, datatype, [count, 1]).raw_data(bytes)
    };
    let numbers = |name: &str, of: &dyn Fn(&Row) -> usize| {
        let bytes: Vec<u8> = rows.iter().flat_map(|row| (of(row) as i32).to_le_bytes()).collect();
        let datatype = Datatype::FixedPoint { size: 4, signed: true, byte_order: ByteOrder::LittleEndian };
        DatasetBuilder::new(name, datatype, [count, 1]).raw_data(bytes)
    };
    let prices: Vec<u8> = rows.iter().flat_map(|row| facts(row, seed).price.to_le_bytes()).collect();
    let float = Datatype::FloatingPoint { size: 4, byte_order: ByteOrder::LittleEndian };
    let bytes_type = Datatype::FixedPoint { size: 1, signed: false, byte_order: ByteOrder::LittleEndian };
    let (side, category) = (u64::from(SIDE), |row: &Row| row.article.design.category);
    let description = |row: &Row| describe(row.article, seed, Voice::Catalogue);

    let datasets = [
        numbers("index", &|row| row.index),
        numbers("index_2", &|row| row.index),
        DatasetBuilder::new("input_image", bytes_type, [count, side, side, 3])
            .chunked([1, side, side, 3])
            .filter(FilterDescription { id: FILTER_DEFLATE, name: None, client_data: vec![DEFLATE_LEVEL] })
            .raw_data(pixels),
        text("input_brand", &|row| facts(row, seed).brand.into()),
        text("input_category", &|row| category(row).fashiongen().0.into()),
        text("input_subcategory", &|row| category(row).fashiongen().1.into()),
        text("input_composition", &|row| facts(row, seed).composition.into()),
        text("input_concat_description", &|row| format!("{} {}", facts(row, seed).name, description(row))),
        text("input_department", &|_| "CLOTHING".into()),
        text("input_description", &description),
        text("input_gender", &|row| facts(row, seed).gender.into()),
        DatasetBuilder::new("input_msrpUSD", float, [count, 1]).raw_data(prices),
        text("input_name", &|row| facts(row, seed).name),
        text("input_pose", &|row| format!("id_gridfs_{}", row.pose + 1)),
        numbers("input_productID", &|row| product_id(row.article)),
        text("input_season", &|row| facts(row, seed).season.into()),
    ];
    let file = datasets.into_iter().fold(Hdf5Builder::new(), Hdf5Builder::dataset);
    let bytes = file
        .into_plan()
        .and_then(|plan| plan.encode(WriteOptions::default()))
        .map_err(|source| Error::Hdf5 { path: path.into(), source })?;
    write(path, &bytes)
}

/// FashionGen's product numbers are integers.
pub fn product_id(article: &Article) -> usize {
    10_003 + article.product as usize * 3
}

/// What the files say of a product beyond its description.
struct Facts {
    brand: &'static str,
    name: String,
    composition: &'static str,
    gender: &'static str,
    season: &'static str,
    price: f32,
}

fn facts(row: &Row, seed: u64) -> Facts {
    let mut random = row.article.random(seed, "facts");
    let design = &row.article.design;
    let ladies = matches!(design.category, Category::Dress | Category::Skirt | Category::Jumpsuit);
    Facts {
        // Letters beyond ASCII are as common here as in the vendor's files.
        brand: random.pick(&[
            "Atelier Été",
            "Nørre",
            "House of Böhm",
            "Plainfield",
            "Señora",
            "Oak & Linen",
            "Studio Nine",
        ]),
        name: format!("{} {}", title(design.colour.shop_word()), title(design.category.noun())),
        composition: random.pick(&[
            "100% cotton.",
            "Body: 80% wool, 20% nylon.",
            "95% cotton, 5% élastane.",
            "100% viscose.",
        ]),
        gender: if ladies || random.chance(0.5) { "Women" } else { "Men" },
        season: random.pick(&["SS2016", "FW2016", "SS2017", "FW2017"]),
        price: 45.0 + 5.0 * random.below(150) as f32,
    }
}

/// Every word with a capital.
fn title(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
    });
    words.collect::<Vec<_>>().join(" ")
}

/// One byte a letter; a letter beyond latin-1 becomes a question mark.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(letter as u32).unwrap_or(b'?')).collect()
}
