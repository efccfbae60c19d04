//! Which products have been seen, and where: the images of a product stand in several rows.

use std::collections::HashMap;

/// The products met so far in a pass over the files.
#[derive(Default)]
pub struct Products(HashMap<String, Seen>);

struct Seen {
    part: usize,
    row: u64,
    views: u32,
    /// The last other part that it was found in.
    intruded: Option<usize>,
}

/// What a row is to its product.
#[derive(Debug, PartialEq, Eq)]
pub enum Sighting {
    /// The product's image of that number, from 1.
    View(u32),
    /// The product's first row in a second file, when it has stood in that part and row already.
    Intruder { part: usize, row: u64 },
    /// A later such row.
    Known,
}

impl Products {
    pub fn see(&mut self, product: &str, part: usize, row: u64) -> Sighting {
        let Some(seen) = self.0.get_mut(product) else {
            self.0.insert(product.to_owned(), Seen { part, row, views: 1, intruded: None });
            return Sighting::View(1);
        };
        if seen.part == part {
            seen.views += 1;
            Sighting::View(seen.views)
        } else if seen.intruded.replace(part) != Some(part) {
            Sighting::Intruder { part: seen.part, row: seen.row }
        } else {
            Sighting::Known
        }
    }
}
