//! H&M's `customers.csv` and `transactions_train.csv`: customers with tastes, day after day, streamed in constant memory.
//!
//! A customer has two favourite categories and two favourite colours and mostly buys among them; in every assortment few articles sell much and
//! many a little; an article is sold from the day of its launch. All follows from (seed, customer) and (seed, day).

use crate::Error;
use crate::catalogue::Article;
use crate::garment::Category;
use crate::random::Random;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Days of the vendor's file, from 2018-09-20.
const DAYS: u64 = 734;
/// How often a purchase follows the customer's taste.
const FAITHFUL: f32 = 0.75;

/// What is bought: articles by category and colour, the best sellers first.
struct Assortment<'a> {
    articles: &'a [Article],
    /// The day from which each article is sold.
    launches: Vec<u64>,
    all: Vec<usize>,
    by_taste: BTreeMap<(Category, &'static str), Vec<usize>>,
    colours: Vec<&'static str>,
}

/// A customer's favourites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taste {
    pub categories: [Category; 2],
    pub colours: [&'static str; 2],
}

impl Taste {
    /// The taste of a customer by number.
    pub fn of(seed: u64, customer: u64, colours: &[&'static str]) -> Taste {
        let mut random = Random::keyed(seed, "taste", customer);
        Taste {
            categories: [random.pick(&Category::ALL), random.pick(&Category::ALL)],
            colours: [random.pick(colours), random.pick(colours)],
        }
    }
}

/// The colours of some articles, each once, in order.
pub fn colours(articles: &[Article]) -> Vec<&'static str> {
    let mut colours: Vec<&str> = articles.iter().map(|article| article.design.colour.word()).collect();
    colours.sort_unstable();
    colours.dedup();
    colours
}

/// The vendor's form of a customer's id: 64 hexadecimal digits.
pub fn customer_id(seed: u64, customer: u64) -> String {
    let mut random = Random::keyed(seed, "customer id", customer);
    (0..4).map(|_| format!("{:016x}", random.next())).collect()
}

/// Writes both files under `root`: `customers` customers, `transactions` purchases of these articles.
pub fn write_transactions(
    root: &Path,
    seed: u64,
    articles: &[Article],
    customers: u64,
    transactions: u64,
) -> Result<(), Error> {
    write_customers(&root.join("customers.csv"), seed, customers)?;
    let path = root.join("transactions_train.csv");
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(&path)?);
        out.write_all(b"t_dat,customer_id,article_id,price,sales_channel_id\n")?;
        if !articles.is_empty() && customers > 0 {
            let assortment = Assortment::of(articles, seed);
            for day in 0..DAYS {
                let today = transactions * (day + 1) / DAYS - transactions * day / DAYS;
                assortment.write_day(&mut out, seed, day, customers, today)?;
            }
        }
        out.flush()
    };
    write().map_err(Error::write(&path))
}

fn write_customers(path: &Path, seed: u64, customers: u64) -> Result<(), Error> {
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
        out.write_all(b"customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code\n")?;
        for customer in 0..customers {
            let mut random = Random::keyed(seed, "customer", customer);
            let news = random.chance(0.35);
            let (flag, frequency) = if news { ("1.0", "Regularly") } else { ("", "NONE") };
            let status = ["ACTIVE", "ACTIVE", "ACTIVE", "PRE-CREATE", ""][random.below(5)];
            // The vendor's file lacks some ages.
            let age = if random.chance(0.01) { String::new() } else { (16 + random.below(60)).to_string() };
            let postal = random.next();
            let id = customer_id(seed, customer);
            writeln!(out, "{id},{flag},{flag},{status},{frequency},{age},{postal:064x}")?;
        }
        out.flush()
    };
    write().map_err(Error::write(path))
}

impl Assortment<'_> {
    fn of(articles: &[Article], seed: u64) -> Assortment<'_> {
        let mut all: Vec<usize> = (0..articles.len()).collect();
        let rank = |place: &usize| Random::keyed(seed, "popularity", *place as u64).next();
        all.sort_by_cached_key(rank);
        let mut by_taste: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for place in &all {
            let design = &articles[*place].design;
            by_taste.entry((design.category, design.colour.word())).or_default().push(*place);
        }
        // Half are there from the first day.
        let launch = |place: usize| {
            let mut random = Random::keyed(seed, "launch", place as u64);
            if random.chance(0.5) { 0 } else { random.below(DAYS as usize) as u64 }
        };
        let launches = (0..articles.len()).map(launch).collect();
        Assortment { articles, launches, all, by_taste, colours: colours(articles) }
    }

    fn write_day(
        &self,
        out: &mut impl Write,
        seed: u64,
        day: u64,
        customers: u64,
        purchases: u64,
    ) -> std::io::Result<()> {
        let date = date(day);
        let mut random = Random::keyed(seed, "day", day);
        let mut left = purchases;
        while left > 0 {
            // Few customers buy often: the cube of a uniform number.
            let customer = ((f64::from(random.unit()).powi(3)) * customers as f64) as u64;
            let taste = Taste::of(seed, customer, &self.colours);
            let id = customer_id(seed, customer);
            let channel = 1 + random.below(2);
            for _ in 0..(1 + random.below(4) as u64).min(left) {
                let article = &self.articles[self.choose(taste, day, &mut random)];
                let price = 0.005 + 0.05 * f64::from(random.unit());
                writeln!(out, "{date},{id},{},{price:.6},{channel}", article.article_id())?;
                left -= 1;
            }
        }
        Ok(())
    }

    /// An article that is sold on that day, by taste or by popularity alone.
    fn choose(&self, taste: Taste, day: u64, random: &mut Random) -> usize {
        let favourite = (random.pick(&taste.categories), random.pick(&taste.colours));
        let faithful = random.chance(FAITHFUL);
        let list = self.by_taste.get(&favourite).filter(|_| faithful).unwrap_or(&self.all);
        let mut chosen = 0;
        for _ in 0..8 {
            let skewed = random.unit().powi(3);
            chosen = list[((skewed * list.len() as f32) as usize).min(list.len() - 1)];
            if self.launches[chosen] <= day {
                return chosen;
            }
        }
        // The first of all that is sold already; failing that, whatever was drawn last.
        self.all.iter().copied().find(|place| self.launches[*place] <= day).unwrap_or(chosen)
    }
}

/// `2018-09-20` and the days after it (civil from days, Howard Hinnant's algorithm).
fn date(day: u64) -> String {
    let since = day as i64 + 17_794 + 719_468;
    let (era, of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    format!("{:04}-{month:02}-{day:02}", year_of_era + era * 400 + i64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_run_from_the_vendors_first_to_its_last_day() {
        assert_eq!(date(0), "2018-09-20");
        assert_eq!(date(525), "2020-02-27");
        assert_eq!(date(527), "2020-02-29");
        assert_eq!(date(DAYS - 1), "2020-09-22");
    }
}
