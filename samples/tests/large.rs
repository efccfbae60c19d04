//! The generators for loaders and the recommender: customers with taste, and the layout of the real size.

use samples::catalogue::{Shop, articles};
use samples::layout::large::{Size, write_large};
use samples::layout::transactions::{Taste, colours, customer_id};
use std::collections::HashMap;

const SEED: u64 = 5;

#[test]
fn purchases_follow_tastes_and_popularity_and_dates_run_forwards() {
    let folder = tempfile::tempdir().unwrap();
    let size = Size { articles: 600, pictures: 4, customers: 50, transactions: 20_000 };
    let truth = write_large(folder.path(), SEED, size).unwrap();
    assert_eq!(truth.records, 600);
    assert_eq!(truth.with_description, 600 - 3);
    assert_eq!(truth.with_image, 600 - 3 - 3);
    let articles = articles(SEED, Shop::Hm, 600);
    let colours = colours(&articles);
    let by_id: HashMap<String, _> = articles.iter().map(|article| (article.article_id(), article)).collect();
    let tastes: HashMap<String, Taste> =
        (0..50).map(|customer| (customer_id(SEED, customer), Taste::of(SEED, customer, &colours))).collect();
    let mut reader = csv::Reader::from_path(folder.path().join("transactions_train.csv")).unwrap();
    let (mut count, mut faithful, mut earlier) = (0, 0, String::new());
    let mut sales: HashMap<String, usize> = HashMap::new();
    for row in reader.records() {
        let row = row.unwrap();
        assert!(*earlier <= row[0], "{earlier} then {}", &row[0]);
        earlier = row[0].to_owned();
        let (article, taste) = (by_id[&row[2]], tastes[&row[1]]);
        faithful += usize::from(taste.categories.contains(&article.design.category));
        *sales.entry(row[2].to_owned()).or_default() += 1;
        count += 1;
    }
    assert_eq!((count, earlier.as_str()), (20_000, "2020-09-22"));
    // By chance an eighth would be of a favourite category.
    assert!(faithful * 2 > count, "{faithful} of {count}");
    let mut sales: Vec<usize> = sales.into_values().collect();
    sales.sort_unstable();
    let (most, median) = (sales[sales.len() - 1], sales[sales.len() / 2]);
    assert!(most > 5 * median, "{most} and {median}");
    let customers = csv::Reader::from_path(folder.path().join("customers.csv")).unwrap().into_records().count();
    assert_eq!(customers, 50);
}
