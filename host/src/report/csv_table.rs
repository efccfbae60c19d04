//! A table as CSV, for spreadsheets and scripts: numbers unscaled and in full. Texts that a spreadsheet would compute are made harmless.

use super::cell::Cell;
use super::table::Table;
use crate::error::{Error, Result};

/// One line a row. A column whose numbers have intervals is followed by `NAME_low` and `NAME_high`; a table with published rows ends
/// in a column `published`. What failed or is missing is empty.
pub fn csv(table: &Table) -> Result<String> {
    let fail = |error: &dyn std::fmt::Display| Error::failed(format!("cannot write the CSV table: {error}"));
    let cells = |place: usize| table.rows.iter().filter_map(move |row| row.cells.get(place));
    let ranged: Vec<bool> =
        (0..table.columns.len()).map(|place| cells(place).any(|cell| cell.interval().is_some())).collect();
    let published = table.rows.iter().any(|row| row.published);
    let mut head = Vec::new();
    for (column, ranged) in table.columns.iter().zip(&ranged) {
        let name = harmless(column.name.clone());
        head.push(name.clone());
        if *ranged {
            head.extend([format!("{name}_low"), format!("{name}_high")]);
        }
    }
    head.extend(published.then(|| "published".to_owned()));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&head).map_err(|error| fail(&error))?;
    for row in &table.rows {
        let mut record = Vec::new();
        for (cell, ranged) in row.cells.iter().zip(&ranged) {
            record.push(full(cell));
            if *ranged {
                let interval = match cell {
                    Cell::Number(number) => number.interval,
                    _ => None,
                };
                let ends = interval.map(|interval| [interval.low.to_string(), interval.high.to_string()]);
                record.extend(ends.unwrap_or_default());
            }
        }
        record.extend(published.then(|| row.published.to_string()));
        writer.write_record(&record).map_err(|error| fail(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| fail(&error))?;
    String::from_utf8(bytes).map_err(|error| fail(&error))
}

/// A text as it may stand in a cell: one that a spreadsheet would take for a formula, and that is no number, begins with an apostrophe.
pub fn harmless(text: String) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err() {
        true => format!("'{text}"),
        false => text,
    }
}

fn full(cell: &Cell) -> String {
    match cell {
        Cell::Empty | Cell::Missing | Cell::Failed => String::new(),
        Cell::Text(text) => harmless(text.clone()),
        Cell::Number(number) => number.value.to_string(),
        Cell::Pair(..) => cell.printed(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::Print;
    use super::super::table::{Column, Row};
    use super::*;
    use crate::score::Interval;

    #[test]
    fn numbers_are_in_full_with_their_intervals_beside_them() {
        let columns = vec![Column::text("model", "Model"), Column::number("bleu-4", "BLEU-4")];
        let interval = Some(Interval { low: 0.25, high: 0.5 });
        let value = Cell::with_interval(0.333_333_333, interval, Print::score());
        let mut rows = vec![Row::new(vec![Cell::text("a,b"), value]), Row::new(vec![Cell::text("c"), Cell::Failed])];
        let table = |rows: &[Row]| Table { columns: columns.clone(), rows: rows.to_vec(), ..Table::default() };
        let text = csv(&table(&rows)).unwrap();
        assert_eq!(text, "model,bleu-4,bleu-4_low,bleu-4_high\n\"a,b\",0.333333333,0.25,0.5\nc,,,\n");
        rows[1].published = true;
        assert!(csv(&table(&rows)).unwrap().ends_with("c,,,,true\n"));
    }

    #[test]
    fn texts_that_a_spreadsheet_would_compute_are_made_harmless_and_numbers_stay() {
        let columns = vec![Column::text("=model", "Model"), Column::text("rate", "Rate")];
        let rows = vec![Row::new(vec![Cell::text("@sum(a)"), Cell::text("-0.5")])];
        let text = csv(&Table { columns, rows, ..Table::default() }).unwrap();
        assert_eq!(text, "'=model,rate\n'@sum(a),-0.5\n");
        for (text, expected) in [("+cmd", "'+cmd"), ("-", "'-"), ("a=b", "a=b"), ("1e-4", "1e-4"), ("\tx", "'\tx")] {
            assert_eq!(harmless(text.to_owned()), expected);
        }
    }
}
