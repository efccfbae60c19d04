//! The written files are what the vendors' loaders expect: columns, ids, pictures, splits, rows.

use hdf5_table::Table;
use samples::catalogue::{Shop, Split, articles};
use samples::layout::{fashiongen, hm};
use samples::words::{Voice, describe};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

const SEED: u64 = 11;

fn files_below(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_same_seed_writes_the_same_bytes_and_another_seed_does_not() {
    let write = |seed| {
        let folder = tempfile::tempdir().unwrap();
        samples::write_catalogues(folder.path(), 12, seed).unwrap();
        files_below(folder.path())
    };
    let (first, second, other) = (write(SEED), write(SEED), write(SEED + 1));
    assert!(first == second);
    assert!(first["hm/articles.csv"] != other["hm/articles.csv"]);
}

#[test]
fn hm_has_the_vendors_columns_and_a_picture_for_every_row() {
    let folder = tempfile::tempdir().unwrap();
    hm::write_catalogue(folder.path(), SEED, 60).unwrap();
    let mut reader = csv::Reader::from_path(folder.path().join("articles.csv")).unwrap();
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_string).collect();
    assert_eq!(header.len(), 25);
    assert_eq!(
        (header[0].as_str(), header[4].as_str(), header[24].as_str()),
        ("article_id", "product_type_name", "detail_desc")
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 60);
    let mut sizes = HashSet::new();
    for row in &rows {
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        assert_eq!((row[0].len(), row[1].len()), (10, 7));
        assert!(row[0].starts_with(&row[1]) && row[0].starts_with('0'), "{row:?}");
        let path = folder.path().join(format!("images/{}/{}.jpg", &row[0][..3], &row[0]));
        let picture = image::open(&path).unwrap().to_rgb8();
        sizes.insert(picture.dimensions());
        assert!(picture.width() >= 240 && picture.height() > picture.width());
    }
    assert!(sizes.len() > 40, "sizes hardly vary: {}", sizes.len());
    let ids = |split: &str| -> HashSet<String> {
        let text = std::fs::read_to_string(folder.path().join(format!("splits/{split}.txt"))).unwrap();
        text.lines().map(str::to_string).collect()
    };
    let parts = [ids("train"), ids("validation"), ids("test")];
    assert_eq!(parts.iter().map(HashSet::len).sum::<usize>(), 60);
    let all: HashSet<String> = parts.into_iter().flatten().collect();
    assert_eq!(all, rows.iter().map(|row| row[0].to_string()).collect());
}

#[test]
fn fashiongen_rows_follow_the_products_and_poses_share_a_description() {
    let folder = tempfile::tempdir().unwrap();
    fashiongen::write_catalogue(folder.path(), SEED, 40).unwrap();
    let expected: HashMap<String, _> = articles(SEED, Shop::FashionGen, 40)
        .into_iter()
        .map(|article| (fashiongen::product_id(&article).to_string(), article))
        .collect();
    let mut seen = HashSet::new();
    let mut poses = 0;
    for (part, held_out) in [("train", false), ("validation", true)] {
        let table = Table::open(&folder.path().join(format!("fashiongen_256_256_{part}.h5"))).unwrap();
        let images = table.column("input_image").unwrap();
        let rows = images.rows();
        let text = |name: &str| table.column(name).unwrap().texts(0..rows).unwrap();
        let (products, descriptions, brands) =
            (text("input_productID"), text("input_description"), text("input_brand"));
        for (product, description) in products.iter().zip(&descriptions) {
            let article = &expected[product];
            assert_eq!(article.split != Split::Train, held_out);
            assert_eq!(*description, describe(article, SEED, Voice::Catalogue));
            seen.insert(product.clone());
        }
        if !held_out {
            assert!(brands.iter().any(|brand| !brand.is_ascii()), "latin-1 is not exercised");
            // The first row's pixels, through compression and back.
            let picture = fashiongen::draw(&expected[&products[0]], SEED, 0);
            assert_eq!(images.bytes(0).unwrap(), picture.into_raw());
        }
        poses += rows;
    }
    assert_eq!(seen.len(), 40);
    assert!(poses > 60, "{poses} images of 40 products");
}

#[test]
fn an_unwritable_folder_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("occupied");
    std::fs::write(&file, "a file where a folder should be").unwrap();
    let error = samples::write_catalogues(&file, 3, SEED).unwrap_err().to_string();
    assert!(error.contains("occupied"), "{error}");
}
