//! What a line of a log says, and blocks of lines taken apart.

use super::log::Columns;
use super::timestamps::{FORMS, timestamp};
use crate::error::{Error, Result};
use csv::ByteRecord;
use memchr::{memchr, memchr_iter, memchr2, memchr2_iter};
use std::path::Path;

/// What is wrong with a line, and what to do (or nothing).
pub type Wrong = (String, &'static str);

/// What to do about a header in a file that should have none.
const HEADER: &str = "name the columns, as in `columns = { user = \"user\", item = \"item\" }` beside `interactions`; or take the line out";

/// What logs call their columns.
const COLUMN_NAMES: [&str; 22] = [
    "article",
    "article_id",
    "customer",
    "customer_id",
    "date",
    "datetime",
    "item",
    "item_id",
    "itemid",
    "movie_id",
    "movieid",
    "product",
    "product_id",
    "rating",
    "score",
    "time",
    "timestamp",
    "uid",
    "user",
    "user_id",
    "userid",
    "iid",
];

fn names_a_column(field: &[u8]) -> bool {
    std::str::from_utf8(field).is_ok_and(|field| COLUMN_NAMES.contains(&field.trim().to_lowercase().as_str()))
}

/// Letters of a damaged name that are shown: it may be as long as the file.
const SHOWN: usize = 60;

/// What to do about ratings that are too great.
const TOO_GREAT: &str =
    "leave the ratings out (or empty, before a timestamp), so that an interaction counts as one; or scale them";

/// Where each field stands in a line.
pub struct Places {
    user: usize,
    item: usize,
    rating: Option<usize>,
    time: Option<usize>,
}

/// How lines are to be understood.
pub struct Form {
    places: Places,
    /// No header: two to four fields.
    plain: bool,
    /// Fields are separated by commas, and may be quoted; else by tabs.
    pub comma: bool,
    greatest_rating: Option<f64>,
}

/// A line's interaction.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub user: &'a str,
    pub item: &'a str,
    pub rating: f32,
    /// Seconds, and nanoseconds past them.
    pub time: (i64, u32),
}

impl Row<'_> {
    /// Ids stand one a line in the run's files, and between tabs in its tables. Lines of a simple block have no others (see [`Form::is_simple`]).
    pub fn has_plain_names(&self) -> Result<(), Wrong> {
        const RENAME: &str = "give it a name of one line and without tabs, here and where its features are";
        for (what, name) in [("user", self.user), ("item", self.item)] {
            let (found, help) = match name.chars().find(|letter| matches!(letter, '\n' | '\r' | '\t' | '\0')) {
                None => continue,
                Some('\t') => ("tab", RENAME),
                Some('\0') => ("NUL", "text has none, unless it is in UTF-16: save it as UTF-8"),
                Some(_) => ("line break", RENAME),
            };
            let mut shown: String = name.escape_debug().take(SHOWN).collect();
            if name.escape_debug().nth(SHOWN).is_some() {
                shown.push('…');
            }
            return Err((format!("the {what} `{shown}` has a {found} in it"), help));
        }
        Ok(())
    }
}

impl Form {
    /// `user item [rating [timestamp]]`
    pub fn plain(comma: bool) -> Form {
        Form {
            places: Places { user: 0, item: 1, rating: Some(2), time: Some(3) },
            plain: true,
            comma,
            greatest_rating: None,
        }
    }

    /// Behind a header.
    pub fn named(comma: bool, places: Places) -> Form {
        Form { places, plain: false, comma, greatest_rating: None }
    }

    /// With a limit of ratings.
    pub fn up_to(self, greatest_rating: Option<f64>) -> Form {
        Form { greatest_rating, ..self }
    }

    /// Lines end where line breaks are, and fields where separators are: there are no quotes, and no lone carriage returns. Nor is there anything
    /// else that no name may have.
    pub fn is_simple(&self, block: &[u8]) -> bool {
        !(self.comma && memchr2(b'"', b'\t', block).is_some())
            && memchr(b'\0', block).is_none()
            && memchr_iter(b'\r', block).all(|place| block.get(place + 1) == Some(&b'\n'))
    }

    /// A line's interaction, and whether it has a timestamp. `first`: it is the file's first line.
    pub fn row<'a>(&self, fields: &[&'a [u8]], first: bool) -> Result<(Row<'a>, bool), Wrong> {
        if self.plain && !(2..=4).contains(&fields.len()) {
            let form =
                if self.comma { "user,item[,rating[,timestamp]]" } else { "user⇥item[⇥rating[⇥timestamp]]" };
            let count = fields.len();
            return Err((
                format!("{count} field{}, where {form} is expected", if count == 1 { "" } else { "s" }),
                if count == 1 && !self.comma { "fields are separated by tabs" } else { "" },
            ));
        }
        if self.plain && first && fields.iter().all(|field| names_a_column(field)) {
            return Err(("the first line names columns, and is no interaction".to_owned(), HEADER));
        }
        let field = |place: usize, what: &str| {
            let bytes = fields.get(place).filter(|bytes| !bytes.is_empty());
            let bytes = bytes.ok_or_else(|| (format!("the {what} is missing"), ""))?;
            std::str::from_utf8(bytes).map_err(|_| (format!("the {what} is no UTF-8"), ""))
        };
        let optional = |place: Option<usize>| place.filter(|place| fields.get(*place).is_some_and(|b| !b.is_empty()));
        let rating = match optional(self.places.rating) {
            None => 1.0,
            Some(place) => {
                let text = field(place, "rating")?;
                let rating = text.trim().parse::<f32>().ok().filter(|rating| rating.is_finite());
                let rating = rating.ok_or_else(|| {
                    let header = first && self.plain;
                    (format!("the rating `{text}` is no number"), if header { HEADER } else { "" })
                })?;
                if let Some(greatest) = self.greatest_rating.filter(|greatest| f64::from(rating) > *greatest) {
                    let wrong = format!(
                        "the rating `{text}` is above {greatest}, where nDCG's gain 2^(rating − threshold + 1) − 1 has an end"
                    );
                    return Err((wrong, TOO_GREAT));
                }
                rating
            }
        };
        let time = match optional(self.places.time) {
            None => None,
            Some(place) => {
                let text = field(place, "timestamp")?.trim();
                let wrong = || (format!("the timestamp `{text}` has none of the forms that are read"), FORMS);
                Some(timestamp(text).ok_or_else(wrong)?)
            }
        };
        let (user, item) = (field(self.places.user, "user")?, field(self.places.item, "item")?);
        Ok((Row { user, item, rating, time: time.unwrap_or_default() }, time.is_some()))
    }
}

/// A block of lines, taken apart. Lines are counted from the block's first, which is 0.
pub struct Parsed<'a> {
    pub rows: Vec<Row<'a>>,
    /// All of them, empty ones too.
    pub lines: u64,
    /// The first line without a timestamp.
    pub untimed: Option<u64>,
    /// The first damaged line; those behind it were not looked at.
    pub failure: Option<(u64, Wrong)>,
}

impl<'a> Parsed<'a> {
    /// Takes apart a block that is simple. `first`: it is the file's first.
    pub fn of(block: &'a [u8], form: &Form, first: bool) -> Parsed<'a> {
        let mut parsed = Parsed { rows: Vec::new(), lines: 0, untimed: None, failure: None };
        let separator = if form.comma { b',' } else { b'\t' };
        let mut fields: Vec<&[u8]> = Vec::with_capacity(8);
        let mut begin = 0;
        // The end of a file that does not end in a line break ends its last line.
        let last = Some(block.len()).filter(|_| block.last() != Some(&b'\n'));
        for end in memchr2_iter(separator, b'\n', block).chain(last) {
            let field = &block[begin..end];
            begin = end + 1;
            if block.get(end) == Some(&separator) {
                fields.push(field);
                continue;
            }
            fields.push(field.strip_suffix(b"\r").unwrap_or(field));
            if fields.len() > 1 || !fields[0].is_empty() {
                match form.row(&fields, first && parsed.lines == 0) {
                    Ok((row, timed)) => {
                        if !timed && parsed.untimed.is_none() {
                            parsed.untimed = Some(parsed.lines);
                        }
                        parsed.rows.push(row);
                    }
                    Err(wrong) => {
                        parsed.failure = Some((parsed.lines, wrong));
                        return parsed;
                    }
                }
            }
            parsed.lines += 1;
            fields.clear();
        }
        parsed
    }
}

/// Where the columns stand in a header.
///
/// # Errors
/// One is missing, or there are several of its name.
pub fn header(path: &Path, record: &ByteRecord, columns: &Columns) -> Result<Places> {
    let clean = |field: &[u8]| String::from_utf8_lossy(field).trim().to_owned();
    let names: Vec<String> = record.iter().map(clean).collect();
    let place = |name: &String| {
        let mut places = (0..names.len()).filter(|place| names[*place] == *name);
        match (places.next(), places.count()) {
            (Some(place), 0) => Ok(place),
            (Some(_), more) => Err(Error::usage(format!("{} has {} columns `{name}`", path.display(), more + 1))
                .help("give each a name of its own")),
            (None, _) => Err(Error::usage(format!("{} has no column `{name}`", path.display()))
                .help(format!("it has: {}", names.join(", ")))),
        }
    };
    Ok(Places {
        user: place(&columns.user)?,
        item: place(&columns.item)?,
        rating: columns.rating.as_ref().map(place).transpose()?,
        time: columns.time.as_ref().map(place).transpose()?,
    })
}
