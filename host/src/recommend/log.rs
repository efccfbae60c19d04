//! Reading logs of interactions: headerless `user item [rating [timestamp]]`, or a CSV file with named columns.

use crate::error::{Error, Result};
use csv::{ByteRecord, ReaderBuilder};
use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::Path;

/// Names in the order in which they were first met.
pub type Names = IndexSet<Box<str>, FxBuildHasher>;

/// One interaction, with users and items as places in the log's names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction {
    pub user: u32,
    pub item: u32,
    pub rating: f32,
    /// Seconds; of no meaning where the log has no timestamps.
    pub time: i64,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Log {
    pub users: Names,
    pub items: Names,
    pub interactions: Vec<Interaction>,
    /// `FILE:LINE` of the first line without a timestamp.
    pub untimed: Option<String>,
}

/// The columns of a file with a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    pub user: String,
    pub item: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<String>,
    /// Seconds since 1970, or dates `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// Where each field stands in a line.
struct Places {
    user: usize,
    item: usize,
    rating: Option<usize>,
    time: Option<usize>,
}

impl Log {
    /// Reads a file into the log and returns how many interactions it has. Without `columns` the file has no header.
    ///
    /// # Errors
    /// The file cannot be read, a column is missing, or a line is damaged: with its number.
    pub fn read(&mut self, path: &Path, columns: Option<&Columns>) -> Result<usize> {
        let before = self.interactions.len();
        let comma = path.extension().is_some_and(|ending| ending == "csv");
        let file = File::open(path).map_err(|error| Error::usage(Error::io("read", path, &error).message))?;
        let mut reader = ReaderBuilder::new()
            .delimiter(if comma { b',' } else { b'\t' })
            .quoting(comma)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 20)
            .from_reader(file);
        let fail = |error: csv::Error| Error::failed(format!("cannot read {}: {error}", path.display()));
        let mut record = ByteRecord::new();
        let places = match columns {
            None => Places { user: 0, item: 1, rating: Some(2), time: Some(3) },
            Some(columns) => {
                reader.read_byte_record(&mut record).map_err(fail)?;
                header(path, &record, columns)?
            }
        };
        while reader.read_byte_record(&mut record).map_err(fail)? {
            let line = record.position().map_or(0, csv::Position::line);
            let interaction = self.line(&record, &places, columns.is_none(), comma).map_err(|(wrong, help)| {
                let error = Error::usage(format!("{}:{line}: {wrong}", path.display()));
                if help.is_empty() { error } else { error.help(help) }
            })?;
            let (interaction, timed) = interaction;
            if !timed && self.untimed.is_none() {
                self.untimed = Some(format!("{}:{line}", path.display()));
            }
            self.interactions.push(interaction);
        }
        Ok(self.interactions.len() - before)
    }

    /// A line's interaction, and whether it has a timestamp; or what is wrong with it, and what to do.
    fn line(
        &mut self,
        record: &ByteRecord,
        places: &Places,
        plain: bool,
        comma: bool,
    ) -> Result<(Interaction, bool), (String, &'static str)> {
        if plain && !(2..=4).contains(&record.len()) {
            let form = if comma { "user,item[,rating[,timestamp]]" } else { "user⇥item[⇥rating[⇥timestamp]]" };
            let fields = record.len();
            return Err((
                format!("{fields} field{}, where {form} is expected", if fields == 1 { "" } else { "s" }),
                if fields == 1 && !comma { "fields are separated by tabs" } else { "" },
            ));
        }
        let field = |place: usize, what: &str| {
            let bytes = record.get(place).filter(|bytes| !bytes.is_empty());
            let bytes = bytes.ok_or_else(|| (format!("the {what} is missing"), ""))?;
            std::str::from_utf8(bytes).map_err(|_| (format!("the {what} is no UTF-8"), ""))
        };
        let optional = |place: Option<usize>| place.filter(|place| record.get(*place).is_some_and(|b| !b.is_empty()));
        let rating = match optional(places.rating) {
            None => 1.0,
            Some(place) => {
                let text = field(place, "rating")?;
                let rating = text.trim().parse::<f32>().ok().filter(|rating| rating.is_finite());
                rating.ok_or_else(|| {
                    let first = record.position().is_some_and(|position| position.line() == 1);
                    let help = if first && plain { "these files have no header: take the first line out" } else { "" };
                    (format!("the rating `{text}` is no number"), help)
                })?
            }
        };
        let time = match optional(places.time) {
            None => None,
            Some(place) => {
                let text = field(place, "timestamp")?.trim();
                let wrong = || (format!("the timestamp `{text}` is neither seconds nor a date YYYY-MM-DD"), "");
                Some(seconds(text).ok_or_else(wrong)?)
            }
        };
        let user = place_of(&mut self.users, field(places.user, "user")?);
        let item = place_of(&mut self.items, field(places.item, "item")?);
        Ok((Interaction { user, item, rating, time: time.unwrap_or(0) }, time.is_some()))
    }
}

fn place_of(names: &mut Names, name: &str) -> u32 {
    match names.get_index_of(name) {
        Some(place) => place as u32,
        None => names.insert_full(name.into()).0 as u32,
    }
}

fn header(path: &Path, record: &ByteRecord, columns: &Columns) -> Result<Places> {
    // Spreadsheets put a byte order mark before the first name.
    let clean = |field: &[u8]| String::from_utf8_lossy(field).trim_start_matches('\u{feff}').trim().to_owned();
    let names: Vec<String> = record.iter().map(clean).collect();
    let place = |name: &String| {
        names.iter().position(|other| other == name).ok_or_else(|| {
            Error::usage(format!("{} has no column `{name}`", path.display()))
                .help(format!("it has: {}", names.join(", ")))
        })
    };
    Ok(Places {
        user: place(&columns.user)?,
        item: place(&columns.item)?,
        rating: columns.rating.as_ref().map(place).transpose()?,
        time: columns.time.as_ref().map(place).transpose()?,
    })
}

/// Seconds since 1970 of a number, or of the beginning of a date `YYYY-MM-DD`.
fn seconds(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number);
    }
    if let Some((year, month, day)) = date(text) {
        return Some(days(year, month, day) * 86_400);
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number as i64)
}

fn date(text: &str) -> Option<(i64, i64, i64)> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) =
        (text.get(0..4)?.parse().ok()?, text.get(5..7)?.parse().ok()?, text.get(8..10)?.parse().ok()?);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some((year, month, day))
}

/// Days since 1970-01-01 (Howard Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, name: &str, columns: Option<&Columns>) -> Result<Log> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut log = Log::default();
        log.read(&path, columns).map(|_| log)
    }

    #[test]
    fn lines_of_two_to_four_fields_are_read() {
        let log = read("u1\ti1\nu2\ti1\t4.5\r\n\nu1\ti2\t1\t99\n", "a.tsv", None).unwrap();
        assert_eq!((log.users.len(), log.items.len(), log.interactions.len()), (2, 2, 3));
        assert_eq!(log.interactions[1], Interaction { user: 1, item: 0, rating: 4.5, time: 0 });
        assert_eq!(log.interactions[2].time, 99);
        assert!(log.untimed.unwrap().ends_with("a.tsv:1"));
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        for (text, wrong) in [
            ("u\ti\t1\nu i 1\n", "a.tsv:2: 1 field, where"),
            ("u\ti\nu\tj\tx\n", "a.tsv:2: the rating `x` is no number"),
            ("user\titem\trating\n", "a.tsv:1: the rating `rating` is no number"),
            ("u\ti\t1\tyesterday\n", "the timestamp `yesterday`"),
            ("\ti\t1\n", "a.tsv:1: the user is missing"),
            ("u\ti\tNaN\n", "the rating `NaN` is no number"),
        ] {
            let error = read(text, "a.tsv", None).unwrap_err();
            assert!(error.message.contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_csv_file_with_a_header_is_read_by_its_columns() {
        let columns = Columns { user: "who".into(), item: "what".into(), rating: None, time: Some("when".into()) };
        let log = read("when,who,what\n1970-01-02,\"a,b\",x\n2020-09-22,c,x\n", "a.csv", Some(&columns)).unwrap();
        assert_eq!(log.users.get_index(0).unwrap().as_ref(), "a,b");
        assert_eq!(log.interactions[0].time, 86_400);
        assert_eq!(log.interactions[1].time, 18_527 * 86_400);
        assert!(log.untimed.is_none());
        let error = read("when,who\n", "a.csv", Some(&columns)).unwrap_err();
        assert!(error.message.contains("no column `what`"), "{error}");
    }
}
