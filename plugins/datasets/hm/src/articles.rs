//! `articles.csv`: its dialect, its header and its rows, streamed. A row that cannot be read is an item error with its line.
//! Nothing here looks at images.

use plugin_api::{Item, ItemError, PluginError, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Chain, Read};
use std::path::{Path, PathBuf};

/// The file's name, which stands before the line in every message.
pub const FILE: &str = "articles.csv";

const ID_DIGITS: usize = 10;
const PRODUCT_DIGITS: usize = 7;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// More than any header line is long.
const HEADER_LIMIT: usize = 64 * 1024;

/// An article's number. Spreadsheets and data frames drop its leading zero; [`ArticleId::text`] has it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArticleId(u64);

impl ArticleId {
    /// From a cell: at most ten digits, with or without leading zeros.
    pub fn parse(cell: &str) -> Option<ArticleId> {
        let digits = (1..=ID_DIGITS).contains(&cell.len()) && cell.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| cell.parse().ok()).flatten().map(ArticleId)
    }

    pub fn number(self) -> u64 {
        self.0
    }

    /// Ten digits.
    pub fn text(self) -> String {
        format!("{:0ID_DIGITS$}", self.0)
    }
}

/// A readable row.
#[derive(Debug)]
pub struct Article {
    /// Where the row begins; the header's line is 1.
    pub line: u64,
    pub id: ArticleId,
    /// As written, without surrounding white space; may be empty.
    pub description: String,
    product: String,
    category: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Article {
    pub fn into_item(self, image: String) -> Item {
        Item {
            id: self.id.text(),
            product: self.product,
            split: None,
            references: Some(self.description).filter(|text| !text.is_empty()).into_iter().collect(),
            category: self.category,
            metadata: self.metadata,
            image,
        }
    }
}

/// Which field of a row is what.
#[derive(Debug, Clone)]
struct Columns {
    count: usize,
    id: usize,
    product: usize,
    category: usize,
    description: usize,
    /// The other columns with words in them.
    metadata: Vec<(usize, String)>,
}

impl Columns {
    fn of(header: &csv::ByteRecord, path: &Path) -> Result<Columns> {
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_lowercase()).collect();
        let required = ["article_id", "product_code", "product_type_name", "detail_desc"];
        let places = required.map(|name| names.iter().position(|have| have == name));
        let [Some(id), Some(product), Some(category), Some(description)] = places else {
            let missing: Vec<&str> =
                required.iter().zip(places).filter(|(_, place)| place.is_none()).map(|(name, _)| *name).collect();
            // A file of another kind may have a header of any length.
            let found: Vec<&str> = names.iter().take(30).map(String::as_str).collect();
            return Err(PluginError::data(format!(
                "{} lacks the columns {}; its header has {}",
                path.display(),
                missing.join(", "),
                found.join(", ").chars().take(600).collect::<String>()
            ))
            .help(
                "use articles.csv of the H&M competition as it is, comma or semicolon separated, with its header line",
            ));
        };
        // The `_no` and `_code` columns number what the `_name` columns say.
        let metadata = names
            .iter()
            .enumerate()
            .filter(|(index, name)| *index != category && name.ends_with("_name"))
            .map(|(index, name)| (index, name.clone()))
            .collect();
        Ok(Columns { count: names.len(), id, product, category, description, metadata })
    }
}

/// A file whose header is understood.
pub struct Articles {
    path: PathBuf,
    delimiter: u8,
    columns: Columns,
}

impl Articles {
    /// Finds the file below the dataset's root and reads its header.
    pub fn open(root: &Path) -> Result<Articles> {
        let path = root.join(FILE);
        let mut file = BufReader::new(open(&path)?);
        let mut first = Vec::new();
        // Quoted newlines in a header would be another format: the first line tells the delimiter.
        (&mut file)
            .take(HEADER_LIMIT as u64)
            .read_until(b'\n', &mut first)
            .map_err(|error| unreadable(&path, &error))?;
        let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
        let delimiter = if count(b';') > count(b',') { b';' } else { b',' };
        let mut articles = Articles {
            path,
            delimiter,
            columns: Columns { count: 0, id: 0, product: 0, category: 0, description: 0, metadata: Vec::new() },
        };
        let header = articles.rows()?.header;
        articles.columns = Columns::of(&header, &articles.path)?;
        Ok(articles)
    }

    /// The rows from the first.
    pub fn rows(&self) -> Result<Rows<'_>> {
        let file = open(&self.path)?;
        let bytes = file.metadata().map_err(|error| unreadable(&self.path, &error))?.len();
        let mut file = BufReader::with_capacity(1 << 16, file);
        let start = file.fill_buf().map_err(|error| unreadable(&self.path, &error))?;
        if start.starts_with(BYTE_ORDER_MARK) {
            file.consume(BYTE_ORDER_MARK.len());
        }
        // Only `\n` ends a record, and every record ends with one: lines are counted from that. A `\r` before it is white space.
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .terminator(csv::Terminator::Any(b'\n'))
            .has_headers(false)
            .flexible(true)
            .from_reader(file.chain(&b"\n"[..]));
        let mut header = csv::ByteRecord::new();
        reader.read_byte_record(&mut header).map_err(|error| broken(&self.path, &error))?;
        Ok(Rows { articles: self, reader, header, record: csv::ByteRecord::new(), bytes })
    }

    fn article(&self, record: &csv::ByteRecord, first: u64, last: u64) -> Result<Article, ItemError> {
        let fault = |message: String| {
            let place = format!("{FILE}:{first}");
            ItemError { message: format!("{place}: {message}"), id: place }
        };
        let columns = &self.columns;
        if record.len() != columns.count {
            let quote = if last > first {
                format!("; a quote that opens in this row closes in line {last}")
            } else {
                String::new()
            };
            return Err(fault(format!("{} fields where the header has {}{quote}", record.len(), columns.count)));
        }
        let text = |column: usize| match std::str::from_utf8(&record[column]) {
            Ok(text) => Ok(text.trim()),
            Err(_) => Err(fault(format!("field {} is not UTF-8", column + 1))),
        };
        let cell = text(columns.id)?;
        let id = ArticleId::parse(cell).ok_or_else(|| {
            let shown: String = cell.chars().take(40).collect();
            fault(format!("article_id `{shown}` is not a number of at most {ID_DIGITS} digits"))
        })?;
        let code = text(columns.product)?;
        let product = match code.is_empty() {
            true => id.text()[..PRODUCT_DIGITS].to_owned(),
            false => format!("{code:0>PRODUCT_DIGITS$}"),
        };
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut metadata = BTreeMap::new();
        for (column, name) in &columns.metadata {
            if let Some(value) = filled(text(*column)?) {
                metadata.insert(name.clone(), value);
            }
        }
        Ok(Article {
            line: first,
            id,
            description: text(columns.description)?.to_owned(),
            product,
            category: filled(text(columns.category)?),
            metadata,
        })
    }
}

/// The rows of an open file, one at a time.
pub struct Rows<'a> {
    articles: &'a Articles,
    reader: csv::Reader<Chain<BufReader<File>, &'static [u8]>>,
    header: csv::ByteRecord,
    record: csv::ByteRecord,
    bytes: u64,
}

impl Rows<'_> {
    /// The next row, or why it is none; `Err` where the file itself cannot be read further.
    pub fn next(&mut self) -> Result<Option<Result<Article, ItemError>>> {
        let path = &self.articles.path;
        loop {
            let start = self.reader.position().line();
            if !self.reader.read_byte_record(&mut self.record).map_err(|error| broken(path, &error))? {
                return Ok(None);
            }
            let blank = self.record.len() == 1 && self.record[0].trim_ascii().is_empty();
            if blank {
                continue;
            }
            let inner = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            let passed = self.reader.position().line() - start;
            // The reader skips empty lines before a record without a word.
            let first = start + passed.saturating_sub(inner + 1);
            return Ok(Some(self.articles.article(&self.record, first, first + inner)));
        }
    }

    pub fn bytes_read(&self) -> u64 {
        self.reader.position().byte()
    }

    pub fn bytes_total(&self) -> u64 {
        self.bytes
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> PluginError {
    PluginError::data(format!("cannot read {}: {error}", path.display())).help(
        "set the dataset's `root` in registry.toml to the folder with articles.csv and images/ of the H&M competition",
    )
}

fn broken(path: &Path, error: &csv::Error) -> PluginError {
    let line = error.position().map(|position| format!(":{}", position.line())).unwrap_or_default();
    PluginError::data(format!("cannot read {}{line}: {error}", path.display()))
}
