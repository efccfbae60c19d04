//! Who is in which split. A product's items are always on one side.

use crate::error::{Error, Result};
use crate::registry::nearest_or_list;
use plugin_api::Item;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

/// The seed of the shuffle, where neither files nor the vendor say who is where.
const SEED: u64 = 42;

/// What a split may be called; the last is all of them together.
pub const SPLITS: [&str; 4] = ["train", "validation", "test", "all"];

/// Refuses a name that no dataset has a split of.
pub fn check_split(name: &str) -> Result<()> {
    if SPLITS.contains(&name) {
        return Ok(());
    }
    Err(Error::usage(format!("there is no split `{name}`")).help(nearest_or_list(name, &SPLITS)))
}

/// How a dataset is split.
#[derive(Debug)]
pub enum SplitRule {
    /// By ids or products in `train.txt`, `validation.txt`, `test.txt`.
    Files(HashMap<String, String>),
    /// By the vendor; a `validation` that the vendor lacks is a tenth of the training products.
    Vendor { validation: HashSet<String> },
    /// 80 / 10 / 10 of the products, shuffled.
    Shuffled(HashMap<String, &'static str>),
}

impl SplitRule {
    /// The rule for a dataset's items: files where the folder exists, else the vendor's own, else the shuffle.
    pub fn of(items: &[Item], files: Option<&Path>) -> Result<SplitRule> {
        SplitRule::seeded(items, files, SEED)
    }

    /// The same with another seed of the shuffle.
    pub fn seeded(items: &[Item], files: Option<&Path>, seed: u64) -> Result<SplitRule> {
        if let Some(folder) = files {
            return read_files(folder).map(SplitRule::Files);
        }
        if items.iter().any(|item| item.split.is_some()) {
            let lacks_validation = !items.iter().any(|item| item.split.as_deref() == Some("validation"));
            let training = items.iter().filter(|item| item.split.as_deref() == Some("train"));
            let mut products = shuffled(training.map(|item| item.product.as_str()), seed);
            products.truncate(if lacks_validation { products.len() / 10 } else { 0 });
            return Ok(SplitRule::Vendor { validation: products.into_iter().map(str::to_owned).collect() });
        }
        let products = shuffled(items.iter().map(|item| item.product.as_str()), seed);
        let (training, validation) = (products.len() * 8 / 10, products.len() / 10);
        let part = |place: usize| match place {
            _ if place < training => "train",
            _ if place < training + validation => "validation",
            _ => "test",
        };
        let placed = products.iter().enumerate().map(|(place, product)| ((*product).to_owned(), part(place)));
        Ok(SplitRule::Shuffled(placed.collect()))
    }

    /// The item's split; none if the files do not name it.
    pub fn split_of<'a>(&'a self, item: &'a Item) -> Option<&'a str> {
        match self {
            SplitRule::Files(ids) => {
                // Data frames drop the zeros that an id or a product begins with.
                let names = [item.id.as_str(), item.product.as_str()];
                let shorn = [item.id.trim_start_matches('0'), item.product.trim_start_matches('0')];
                names.into_iter().chain(shorn).find_map(|name| ids.get(name)).map(String::as_str)
            }
            SplitRule::Vendor { validation } if validation.contains(&item.product) => Some("validation"),
            SplitRule::Vendor { .. } => item.split.as_deref(),
            SplitRule::Shuffled(products) => products.get(&item.product).copied(),
        }
    }
}

/// Distinct products in a seeded random order that depends on nothing but the set of them.
fn shuffled<'a>(products: impl Iterator<Item = &'a str>, seed: u64) -> Vec<&'a str> {
    let mut products: Vec<&str> = products.collect::<BTreeSet<_>>().into_iter().collect();
    shuffle(&mut products, seed);
    products
}

/// A seeded random order (Fisher and Yates).
pub fn shuffle<T>(list: &mut [T], seed: u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    for last in (1..list.len()).rev() {
        // A 64-bit draw times the range, upper half: even to one part in 2^40 for a million entries (Lemire 2019).
        let draw = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
        list.swap(last, draw as usize);
    }
}

fn read_files(folder: &Path) -> Result<HashMap<String, String>> {
    let mut splits = HashMap::new();
    for split in ["train", "validation", "test"] {
        let path = folder.join(format!("{split}.txt"));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("read the split", &path, &error)),
        };
        for (number, line) in text.lines().enumerate() {
            let id = line.trim().trim_start_matches('\u{feff}');
            if id.is_empty() {
                continue;
            }
            if let Some(earlier) = splits.insert(id.to_owned(), split.to_owned())
                && earlier != split
            {
                return Err(Error::usage(format!("{}:{}: `{id}` is in {earlier}.txt too", path.display(), number + 1))
                    .help("an item belongs to one split"));
            }
        }
    }
    if splits.is_empty() {
        return Err(Error::usage(format!(
            "{} holds no train.txt, validation.txt or test.txt with ids",
            folder.display()
        ))
        .help("one id a line; or remove `splits` to have the items split by a seeded shuffle"));
    }
    Ok(splits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(products: usize, each: usize) -> Vec<Item> {
        let item = |product, number| Item {
            id: format!("{product}-{number}"),
            product: format!("{product}"),
            ..Item::default()
        };
        (0..products).flat_map(|product| (0..each).map(move |number| item(product, number))).collect()
    }

    #[test]
    fn a_split_that_no_dataset_has_gets_did_you_mean() {
        assert!(SPLITS.iter().all(|name| check_split(name).is_ok()));
        for (name, help) in [("tset", "did you mean `test`?"), ("", "there are: train, validation, test, all")] {
            assert_eq!(check_split(name).unwrap_err().help.as_deref(), Some(help), "{name}");
        }
    }

    #[test]
    fn the_shuffle_gives_the_sizes_of_the_study() {
        let items = items(104_232, 1);
        let rule = SplitRule::of(&items, None).unwrap();
        let count = |split| items.iter().filter(|item| rule.split_of(item) == Some(split)).count();
        assert_eq!((count("train"), count("validation"), count("test")), (83_385, 10_423, 10_424));
    }

    #[test]
    fn a_product_is_never_on_two_sides_and_order_changes_nothing() {
        let mut items = items(50, 4);
        let rule = SplitRule::of(&items, None).unwrap();
        items.reverse();
        let reversed = SplitRule::of(&items, None).unwrap();
        let mut sides: HashMap<&str, HashSet<&str>> = HashMap::new();
        for item in &items {
            assert_eq!(rule.split_of(item), reversed.split_of(item));
            sides.entry(&item.product).or_default().insert(rule.split_of(item).unwrap());
        }
        assert!(sides.values().all(|sides| sides.len() == 1));
    }

    #[test]
    fn split_files_name_ids_with_and_without_their_leading_zeros() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train.txt"), "\u{feff}0108775015\r\n108775044\r\n").unwrap();
        std::fs::write(folder.path().join("test.txt"), "110065001\n").unwrap();
        let item = |id: &str| Item { id: id.into(), product: id[..7].into(), ..Item::default() };
        let rule = SplitRule::of(&[], Some(folder.path())).unwrap();
        let split = |id| rule.split_of(&item(id)).map(str::to_owned);
        assert_eq!(split("0108775015").as_deref(), Some("train"));
        assert_eq!(split("0108775044").as_deref(), Some("train"));
        assert_eq!(split("0110065001").as_deref(), Some("test"));
        assert_eq!(split("0999999001"), None);
    }

    #[test]
    fn a_vendor_without_validation_gives_a_tenth_of_training_for_it() {
        let mut items = items(40, 2);
        for item in &mut items {
            item.split = Some(if item.product.parse::<usize>().unwrap() < 30 { "train" } else { "test" }.to_owned());
        }
        let rule = SplitRule::of(&items, None).unwrap();
        let count = |split| items.iter().filter(|item| rule.split_of(item) == Some(split)).count();
        assert_eq!((count("train"), count("validation"), count("test")), (54, 6, 20));
    }
}
