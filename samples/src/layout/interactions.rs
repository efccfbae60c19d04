//! What recommenders are tried on: a shop of H&M's layout without pictures, with features of its articles; and a log of real size.

use super::hm::{COLUMNS, row};
use super::transactions::write_transactions;
use super::write;
use crate::Error;
use crate::catalogue::{Article, Shop, articles};
use crate::garment::Category;
use crate::random::Random;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes `ROOT/hm` (articles.csv, customers.csv, transactions_train.csv) and `ROOT/attributes`: one-hot category and colour of each article, which is what
/// its customers' taste is made of, as `features.npy` `[articles, categories + colours]` with `ids.txt`.
pub fn write_shop(root: &Path, seed: u64, count: usize, customers: u64, transactions: u64) -> Result<(), Error> {
    let articles = articles(seed, Shop::Hm, count);
    let shop = root.join("hm");
    let path = shop.join("articles.csv");
    let csv_error = |source| Error::Csv { path: path.clone(), source };
    let mut rows = csv::Writer::from_writer(Vec::new());
    rows.write_record(COLUMNS).map_err(csv_error)?;
    for article in &articles {
        rows.write_record(row(article, seed)).map_err(csv_error)?;
    }
    let bytes = rows.into_inner().map_err(|error| Error::Write { path: path.clone(), source: error.into_error() })?;
    write(&path, &bytes)?;
    write_transactions(&shop, seed, &articles, customers, transactions)?;
    write_attributes(&root.join("attributes"), &articles)
}

fn write_attributes(folder: &Path, articles: &[Article]) -> Result<(), Error> {
    let colours = super::transactions::colours(articles);
    let width = Category::ALL.len() + colours.len();
    let mut values = Vec::with_capacity(articles.len() * width);
    let mut ids = String::new();
    for article in articles {
        let design = &article.design;
        values.extend(Category::ALL.iter().map(|category| f32::from(u8::from(*category == design.category))));
        values.extend(colours.iter().map(|colour| f32::from(u8::from(*colour == design.colour.word()))));
        ids += &format!("{}\n", article.article_id());
    }
    write(&folder.join("features.npy"), &npy(articles.len(), width, &values))?;
    write(&folder.join("ids.txt"), ids.as_bytes())
}

/// A matrix as numpy's format 1.0 has it: magic, version, the header's length, a header that ends the first 64·n bytes, numbers.
fn npy(rows: usize, columns: usize, values: &[f32]) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

/// How large a log is to be.
#[derive(Debug, Clone, Copy)]
pub struct LogSize {
    pub users: u64,
    pub items: u64,
    pub interactions: u64,
}

/// Items that belong together; a user prefers one such group.
const GROUPS: u64 = 200;

/// Writes a log in the columns of H&M's transactions: few users buy often (the busiest some 2,000 times of 25 million), few items sell much (the best
/// some 80,000 times), and half of what a user buys is of one group of items.
pub fn write_log(path: &Path, seed: u64, size: LogSize) -> Result<(), Error> {
    let groups = GROUPS.min(size.items.max(1));
    let run = || -> std::io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
        out.write_all(b"t_dat,customer_id,article_id,price,sales_channel_id\n")?;
        let mut random = Random::keyed(seed, "log", 0);
        let skewed = |unit: f32, power: f64, end: u64| ((f64::from(unit).powf(power) * end as f64) as u64).min(end - 1);
        for number in 0..size.interactions {
            let user = skewed(random.unit(), 1.5, size.users);
            let group = user.wrapping_mul(0x9e37_79b9_7f4a_7c15) % groups;
            let item = if random.chance(0.5) {
                skewed(random.unit(), 2.0, size.items / groups) * groups + group
            } else {
                skewed(random.unit(), 2.0, size.items)
            };
            let day = 365 * number / size.interactions;
            let (month, day) = (1 + day * 12 / 366, 1 + day % 28);
            let hashed = user.wrapping_mul(0xd1b5_4a32_d192_ed03);
            writeln!(
                out,
                "2020-{month:02}-{day:02},{hashed:016x}{user:048x},{:010},0.0{:05},2",
                108_775_000 + item,
                random.below(100_000)
            )?;
        }
        out.flush()
    };
    run().map_err(Error::write(path))
}
