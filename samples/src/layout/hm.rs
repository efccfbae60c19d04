//! The H&M layout: `articles.csv` with its 25 columns, `images/0XX/0XXXXXXXXX.jpg`, and `splits/*.txt` beside them.

use super::{write, write_jpeg};
use crate::Error;
use crate::catalogue::{Article, Shop, Split, articles};
use crate::draw::{Scene, picture};
use crate::garment::Category;
use crate::random::Random;
use crate::words::{Voice, describe};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The columns of `articles.csv`, in the vendor's order.
pub const COLUMNS: [&str; 25] = [
    "article_id",
    "product_code",
    "prod_name",
    "product_type_no",
    "product_type_name",
    "product_group_name",
    "graphical_appearance_no",
    "graphical_appearance_name",
    "colour_group_code",
    "colour_group_name",
    "perceived_colour_value_id",
    "perceived_colour_value_name",
    "perceived_colour_master_id",
    "perceived_colour_master_name",
    "department_no",
    "department_name",
    "index_code",
    "index_name",
    "index_group_no",
    "index_group_name",
    "section_no",
    "section_name",
    "garment_group_no",
    "garment_group_name",
    "detail_desc",
];

/// Writes the first `count` articles under `root`.
pub fn write_catalogue(root: &Path, seed: u64, count: usize) -> Result<(), Error> {
    let articles = articles(seed, Shop::Hm, count);
    articles.par_iter().try_for_each(|article| write_picture(root, seed, article))?;

    let path = root.join("articles.csv");
    let mut rows = csv::Writer::from_writer(Vec::new());
    let csv_error = |source| Error::Csv { path: path.clone(), source };
    rows.write_record(COLUMNS).map_err(csv_error)?;
    for article in &articles {
        rows.write_record(row(article, seed)).map_err(csv_error)?;
    }
    let bytes = rows.into_inner().map_err(|error| Error::Write { path: path.clone(), source: error.into_error() })?;
    write(&path, &bytes)?;

    for split in [Split::Train, Split::Validation, Split::Test] {
        let part = articles.iter().filter(|article| article.split == split);
        let ids: String = part.map(|article| article.article_id() + "\n").collect();
        write(&root.join("splits").join(format!("{}.txt", split.name())), ids.as_bytes())?;
    }
    Ok(())
}

/// Where an article's picture lies below the root.
pub fn picture_path(root: &Path, article_id: &str) -> PathBuf {
    root.join("images").join(&article_id[..3]).join(format!("{article_id}.jpg"))
}

/// Draws an article's picture, portrait and of varied size, and writes it.
pub fn write_picture(root: &Path, seed: u64, article: &Article) -> Result<(), Error> {
    let mut random = article.random(seed, "picture");
    let mut scene = Scene::draw(Shop::Hm, 0, &mut random);
    scene.dye = random.next();
    let width = random.between(240.0, 400.0);
    let height = width * random.between(1.15, 1.5);
    let quality = 86 + random.below(9) as u8;
    let picture = picture(&article.design, &scene, width as u32, height as u32);
    write_jpeg(&picture_path(root, &article.article_id()), &picture, quality)
}

/// An article's row, in the order of [`COLUMNS`].
pub(super) fn row(article: &Article, seed: u64) -> Vec<String> {
    let design = &article.design;
    let mut random = Random::keyed(seed, "hm names", article.product);
    let (type_no, type_name) = design.category.product_type();
    let (appearance_no, appearance) = design.pattern.appearance();
    let (department_no, department) = design.category.department();
    let (group_no, group) = design.category.garment_group();
    let mut row = vec![
        article.article_id(),
        article.product_code(),
        product_name(design.category, &mut random),
        type_no.to_string(),
        type_name.to_string(),
        design.category.product_group().to_string(),
        appearance_no.to_string(),
        appearance.to_string(),
    ];
    row.extend(design.colour.columns().map(str::to_string));
    row.extend([department_no.to_string(), department.to_string()]);
    row.extend(range(design.category, &mut random).map(str::to_string));
    row.extend([group_no.to_string(), group.to_string(), describe(article, seed, Voice::Catalogue)]);
    row
}

/// index_code, index_name, index_group_no, index_group_name, section_no, section_name.
fn range(category: Category, random: &mut Random) -> [&'static str; 6] {
    const LADIES: [&str; 6] = ["A", "Ladieswear", "1", "Ladieswear", "15", "Womens Everyday Collection"];
    const DIVIDED: [&str; 6] = ["D", "Divided", "2", "Divided", "53", "Divided Collection"];
    const MEN: [&str; 6] = ["F", "Menswear", "3", "Menswear", "21", "Contemporary Casual"];
    match category {
        Category::Dress | Category::Skirt | Category::Jumpsuit => random.pick(&[LADIES, DIVIDED]),
        _ => random.pick(&[LADIES, DIVIDED, MEN]),
    }
}

/// A name as on a price tag.
fn product_name(category: Category, random: &mut Random) -> String {
    const NAMES: [&str; 24] = [
        "Alma", "Bea", "Cleo", "Dina", "Ella", "Fia", "Greta", "Hedda", "Ida", "Juno", "Kit", "Luna", "Mika", "Nova",
        "Otto", "Pia", "Quinn", "Rut", "Siri", "Tove", "Uno", "Vera", "Wilma", "Ylva",
    ];
    format!("{} {}", random.pick(&NAMES), category.noun())
}
