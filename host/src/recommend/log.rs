//! A log of interactions in memory, read from headerless `user item [rating [timestamp]]` files or CSV files with named columns.
//!
//! A file is read in blocks of whole lines (`blocks`), which all threads take apart (`lines`, `timestamps`) while the next are read. Users and items are numbered in
//! the order in which the file names them, so that nothing depends on the number of threads.

use super::blocks::Blocks;
use super::lines::{Form, Parsed, Wrong, header};
use crate::encoding;
use crate::error::{Error, Result};
use crate::stop;
use csv::{ByteRecord, ReaderBuilder};
use indexmap::IndexSet;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

/// Names in the order in which they were first met.
pub type Names = IndexSet<Box<str>, FxBuildHasher>;

/// One interaction, with users and items as places in the log's names.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Interaction {
    pub user: u32,
    pub item: u32,
    pub rating: f32,
    /// Nanoseconds past the seconds.
    pub nanos: u32,
    /// Seconds; of no meaning where the log has no timestamps.
    pub time: i64,
}

impl Interaction {
    /// What interactions are ordered by.
    pub fn when(&self) -> (i64, u32) {
        (self.time, self.nanos)
    }
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Log {
    pub users: Names,
    pub items: Names,
    pub interactions: Vec<Interaction>,
    /// Files with a greater rating are refused.
    pub greatest_rating: Option<f64>,
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
    /// Seconds since 1970, dates, or date-times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

impl Log {
    /// Reads a file into the log and returns how many interactions it has. Without `columns` the file has no header.
    ///
    /// # Errors
    /// The file cannot be read, a column is missing, or a line is damaged: with its number.
    pub fn read(&mut self, path: &Path, columns: Option<&Columns>) -> Result<usize> {
        let before = self.interactions.len();
        let comma = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        let fail = |error: std::io::Error| Error::io("read", path, &error);
        let mut file = File::open(path).map_err(|error| Error::usage(fail(error).message))?;
        let begin = text_begin(path, &mut file)?;
        // The number of the line that comes next.
        let mut line = 1;
        let form = match columns {
            None => Form::plain(comma),
            Some(columns) => {
                let mut reader = reader(&file, comma);
                let mut record = ByteRecord::new();
                reader.read_byte_record(&mut record).map_err(|error| unreadable(path, &error))?;
                let position = reader.position().clone();
                line = position.line();
                file.seek(SeekFrom::Start(begin + position.byte())).map_err(fail)?;
                Form::named(comma, header(path, &record, columns)?)
            }
        };
        let form = form.up_to(self.greatest_rating);
        let mut blocks = Blocks::new(file);
        let count = 2 * rayon::current_num_threads();
        let mut group = blocks.several(count).map_err(fail)?;
        while !group.is_empty() {
            stop::check()?;
            let simple = group.iter().take_while(|block| form.is_simple(block)).count();
            let (next, taken) =
                rayon::join(|| blocks.several(count), || self.take(&group[..simple], &form, &mut line, path));
            taken?;
            let next = next.map_err(fail)?;
            if simple < group.len() {
                // What has quotes is read in order, to its end.
                let rest = Cursor::new([&group[simple..], &next[..]].concat().concat());
                self.read_quoted(rest.chain(blocks.into_rest()), &form, line, path)?;
                break;
            }
            group = next;
        }
        Ok(self.interactions.len() - before)
    }

    /// Takes blocks of lines without quotes, on all threads.
    fn take(&mut self, blocks: &[Vec<u8>], form: &Form, line: &mut u64, path: &Path) -> Result<()> {
        let begins_file = *line == 1;
        let parsed: Vec<Parsed<'_>> = (blocks.par_iter().enumerate())
            .map(|(place, block)| Parsed::of(block, form, begins_file && place == 0))
            .collect();
        for block in &parsed {
            if let Some((place, wrong)) = &block.failure {
                return Err(damaged(path, *line + place, wrong));
            }
            if let Some(place) = block.untimed.filter(|_| self.untimed.is_none()) {
                self.untimed = Some(format!("{}:{}", path.display(), *line + place));
            }
            *line += block.lines;
        }
        let rows = || parsed.iter().flat_map(|block| &block.rows);
        let (users, items) = rayon::join(
            || rows().map(|row| place_of(&mut self.users, row.user)).collect::<Vec<u32>>(),
            || rows().map(|row| place_of(&mut self.items, row.item)).collect::<Vec<u32>>(),
        );
        self.interactions.extend(rows().zip(users.into_iter().zip(items)).map(|(row, (user, item))| Interaction {
            user,
            item,
            rating: row.rating,
            nanos: row.time.1,
            time: row.time.0,
        }));
        Ok(())
    }

    /// Reads records in order; `first` is the number of their first line.
    fn read_quoted(&mut self, source: impl Read, form: &Form, first: u64, path: &Path) -> Result<()> {
        let mut reader = reader(source.chain(Cursor::new(["\n", END, "\n"].concat())), form.comma);
        let mut record = ByteRecord::new();
        while reader.read_byte_record(&mut record).map_err(|error| unreadable(path, &error))? {
            stop::check()?;
            let line = first - 1 + record.position().map_or(1, csv::Position::line);
            let last = record.iter().next_back().unwrap_or_default();
            if record.len() == 1 && last == END.as_bytes() {
                break;
            }
            if last.trim_ascii_end().ends_with(END.as_bytes()) {
                let wrong = "a quote opens here that nothing closes, and all lines behind it would be one field";
                return Err(damaged(path, line, &(wrong.to_owned(), "close it, or take it out")));
            }
            let fields: Vec<&[u8]> = record.iter().collect();
            let row = form.row(&fields, line == 1).and_then(|row| row.0.has_plain_names().map(|()| row));
            let (row, timed) = row.map_err(|wrong| damaged(path, line, &wrong))?;
            if !timed && self.untimed.is_none() {
                self.untimed = Some(format!("{}:{line}", path.display()));
            }
            let (user, item) = (place_of(&mut self.users, row.user), place_of(&mut self.items, row.item));
            let (time, nanos) = row.time;
            self.interactions.push(Interaction { user, item, rating: row.rating, nanos, time });
        }
        Ok(())
    }
}

/// A line behind the last one, which a quote that is never closed swallows with all others. No file has it: ids have no NUL.
const END: &str = "\0end";

/// Where a file's text begins, and leaves the file there.
///
/// # Errors
/// The file cannot be read, or as [`encoding::mark`].
fn text_begin(path: &Path, file: &mut File) -> Result<u64> {
    let fail = |error: std::io::Error| Error::io("read", path, &error);
    let mut first = Vec::new();
    (&*file).take(4).read_to_end(&mut first).map_err(fail)?;
    let begin = encoding::mark(&first).map_err(|error| error.context(path.display()))?;
    file.seek(SeekFrom::Start(begin as u64)).map_err(fail)
}

fn reader<R: Read>(source: R, comma: bool) -> csv::Reader<R> {
    ReaderBuilder::new()
        .delimiter(if comma { b',' } else { b'\t' })
        .quoting(comma)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1 << 20)
        .from_reader(source)
}

fn unreadable(path: &Path, error: &csv::Error) -> Error {
    Error::failed(format!("cannot read {}: {error}", path.display()))
}

fn damaged(path: &Path, line: u64, (wrong, help): &Wrong) -> Error {
    let error = Error::usage(format!("{}:{line}: {wrong}", path.display()));
    if help.is_empty() { error } else { error.help(*help) }
}

fn place_of(names: &mut Names, name: &str) -> u32 {
    match names.get_index_of(name) {
        Some(place) => place as u32,
        None => names.insert_full(name.into()).0 as u32,
    }
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
        assert_eq!(log.interactions[1], Interaction { user: 1, item: 0, rating: 4.5, nanos: 0, time: 0 });
        assert_eq!(log.interactions[2].time, 99);
        assert!(log.untimed.unwrap().ends_with("a.tsv:1"));
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        for (text, wrong) in [
            ("u\ti\t1\nu i 1\n", "a.tsv:2: 1 field, where"),
            ("u\ti\nu\tj\tx\n", "a.tsv:2: the rating `x` is no number"),
            ("who\twhat\tstars\n", "a.tsv:1: the rating `stars` is no number"),
            ("u\ti\t1\tyesterday\n", "the timestamp `yesterday`"),
            ("u\ti\t1\t9\nu\tj\t1\t2020-02-30\n", "a.tsv:2: the timestamp `2020-02-30` has none of the forms"),
            ("\ti\t1\n", "a.tsv:1: the user is missing"),
            ("u\ti\tNaN\n", "the rating `NaN` is no number"),
        ] {
            let error = read(text, "a.tsv", None).unwrap_err();
            assert!(error.message.contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_rating_that_is_too_great_is_refused_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tsv");
        std::fs::write(&path, "u\ti\t990\nu\tj\t1500\n").unwrap();
        let mut log = Log { greatest_rating: Some(990.0), ..Log::default() };
        let error = log.read(&path, None).unwrap_err();
        assert!(error.message.contains("a.tsv:2: the rating `1500` is above 990"), "{error}");
        assert!(error.help.unwrap().contains("leave the ratings out"));
        assert_eq!(Log::default().read(&path, None).unwrap(), 2);
    }

    #[test]
    fn a_csv_file_with_a_header_is_read_by_its_columns() {
        let columns = Columns { user: "who".into(), item: "what".into(), rating: None, time: Some("when".into()) };
        let log = read("when,who,what\n1970-01-02,\"a,b\",x\n2020-09-22,c,x\n", "a.csv", Some(&columns)).unwrap();
        assert_eq!(log.users.get_index(0).unwrap().as_ref(), "a,b");
        assert_eq!(log.interactions[0].time, 86_400);
        assert_eq!(log.interactions[1].time, 18_527 * 86_400);
        assert!(log.untimed.is_none());
        // Line numbers count the header, and go on behind a quoted line break.
        let noted = "when,who,what,note\n1970-01-02,a,x,\"a\nb\"\n?,c,x,\n";
        let error = read(noted, "a.csv", Some(&columns)).unwrap_err();
        assert!(error.message.contains("a.csv:4: the timestamp `?`"), "{error}");
        let error = read("when,who\n", "a.csv", Some(&columns)).unwrap_err();
        assert!(error.message.contains("no column `what`"), "{error}");
        let error = read("when,who,what,who\n", "a.csv", Some(&columns)).unwrap_err();
        assert!(error.message.contains("2 columns `who`"), "{error}");
        assert_eq!(read("when,who,what\n1,a,x\n", "A.CSV", Some(&columns)).unwrap().interactions.len(), 1);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_by_its_line() {
        let columns = Columns { user: "who".into(), item: "what".into(), rating: None, time: None };
        for (text, line) in [
            ("who,what,note\na,x,\nb,x,\"n\nc,x,\nd,x,\n", 3),
            ("who,what,note\na,x,\"fine\nindeed\"\nb,\"x,\nc,x,", 4),
            ("who,what,note\na,x,\"", 2),
        ] {
            let error = read(text, "a.csv", Some(&columns)).unwrap_err();
            assert!(error.message.contains(&format!("a.csv:{line}: a quote opens here")), "{error}");
        }
        let closed = "who,what,note\na,x,\"n\nc\"\nb,x,\"\"\"\"";
        assert_eq!(read(closed, "a.csv", Some(&columns)).unwrap().interactions.len(), 2);
    }

    #[test]
    fn an_id_of_two_lines_is_refused() {
        let columns = Columns { user: "who".into(), item: "what".into(), rating: None, time: None };
        for (text, wrong) in [
            ("who,what\na,x\n\"b\nc\",x\n", "a.csv:3: the user `b\\nc` has a line break"),
            ("who,what\n\"a\",\"x\ny\"\nb,x\n", "a.csv:2: the item `x\\ny` has a line break"),
            ("who,what\na,\"x\r\"\n", "a.csv:2: the item `x\\r` has a line break"),
            ("who,what\na,x\tb\n", "a.csv:2: the item `x\\tb` has a tab"),
            ("who,what\na,x\nb,x\0\n", "a.csv:3: the item `x\\0` has a NUL"),
        ] {
            let error = read(text, "a.csv", Some(&columns)).unwrap_err();
            assert!(error.message.contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_name() {
        let columns = Columns { user: "who".into(), item: "what".into(), rating: None, time: None };
        for (text, name, columns) in [
            ("\u{feff}u\ti\nu\tj\n", "a.tsv", None),
            ("\u{feff}\"u\",i\nu,j\n", "a.csv", None),
            ("\u{feff}who,what\nu,i\nu,j\n", "a.csv", Some(&columns)),
            ("\u{feff}\"who\",what\nu,i\n\"u\",j\n", "a.csv", Some(&columns)),
        ] {
            let log = read(text, name, columns).unwrap();
            assert_eq!(log.users.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["u"], "{text}");
            assert_eq!(log.items.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["i", "j"], "{text}");
        }
    }

    #[test]
    fn a_header_that_was_not_announced_is_refused() {
        for (text, name) in [
            ("user,item\nu,i\n", "a.csv"),
            ("\u{feff}\"User_ID\", Article_ID,\"timestamp\"\nu,i,1\n", "a.csv"),
            ("customer_id\titem_id\r\nu\ti\r\n", "a.tsv"),
        ] {
            let error = read(text, name, None).unwrap_err();
            assert!(error.message.contains(":1: the first line names columns"), "{error}");
            assert!(error.help.unwrap().contains("name the columns"));
        }
        // Only the first line, and only if all of it is such words.
        assert_eq!(read("u,i\nuser,item\nuser,i\n", "a.csv", None).unwrap().interactions.len(), 3);
        assert_eq!(read("user,i\n", "a.csv", None).unwrap().interactions.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_utf_8_is_not_read_as_text() {
        let error = read("u\0\t\0", "a.tsv", None).unwrap_err();
        assert!(error.message.contains("a.tsv: the file is in UTF-16"), "{error}");
    }

    #[test]
    fn many_blocks_are_read_as_one_reader_reads_them_quoted_or_not() {
        let name = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 5000;
        let mut text = String::from("who,what,when\n");
        for number in 0..120_000 {
            let ending = if number % 7 == 0 { "\r\n" } else { "\n" };
            text += &format!("user-{:040},{},{number}{ending}", name(number), name(number + 77) % 300);
        }
        // More than one block, and in the second text quotes from somewhere in the last one on.
        assert!(text.len() > super::super::blocks::BLOCK);
        let columns = Columns { user: "who".into(), item: "what".into(), rating: None, time: Some("when".into()) };
        let parallel = read(&text, "a.csv", Some(&columns)).unwrap();
        let quoted = read(&(text.clone() + "\"user-x\",\"a,b\",120000\n"), "a.csv", Some(&columns)).unwrap();
        let mut plain = csv::Reader::from_reader(text.as_bytes());
        for (place, record) in plain.records().enumerate() {
            let record = record.unwrap();
            for log in [&parallel, &quoted] {
                let it = log.interactions[place];
                assert_eq!(log.users[it.user as usize].as_ref(), &record[0]);
                assert_eq!(log.items[it.item as usize].as_ref(), &record[1]);
                assert_eq!(it.time.to_string(), record[2]);
            }
        }
        assert_eq!((parallel.interactions.len(), quoted.interactions.len()), (120_000, 120_001));
        assert_eq!(quoted.items.last().unwrap().as_ref(), "a,b");
        assert!(parallel.users.iter().zip(&quoted.users).all(|(a, b)| a == b));
        // A damaged line is named by its number in the whole file.
        let error = read(&(text + "user,,1\n"), "a.csv", Some(&columns)).unwrap_err();
        assert!(error.message.contains("a.csv:120002: the item is missing"), "{error}");
    }
}
