//! The table as a terminal shows it: a line of values and a line of intervals for every model.

use super::markdown::scale_note;
use super::{Results, Score, Table};
use std::fmt::Write;

/// The run's tables in aligned columns.
pub fn terminal(results: &Results) -> String {
    let mut text = String::new();
    for table in &results.tables {
        let _ = writeln!(text, "{} ({} split)", table.dataset, results.split);
        let rows = lines(table);
        let columns = table.columns.len() + 2;
        let widths: Vec<usize> =
            (0..columns).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
        for (number, row) in rows.iter().enumerate() {
            let mut line = String::from(" ");
            for (column, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                if column == 0 {
                    let _ = write!(line, " {cell}{pad}");
                } else {
                    let _ = write!(line, "  {pad}{cell}");
                }
            }
            let _ = writeln!(text, "{}", line.trim_end());
            if number == 0 {
                let _ = writeln!(text, "  {}", "─".repeat(widths.iter().sum::<usize>() + 2 * (columns - 1)));
            }
        }
        for failure in table.failures() {
            let _ = writeln!(text, "  ! {}: {}", failure.what, failure.reason.replace('\n', " "));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{}", scale_note(results));
    text
}

fn lines(table: &Table) -> Vec<Vec<String>> {
    let head = ["Model", "Items"].into_iter().map(str::to_owned);
    let mut rows = vec![head.chain(table.columns.iter().map(|column| column.heading.clone())).collect::<Vec<_>>()];
    for row in &table.rows {
        let mut values = vec![row.model.clone(), row.items.to_string()];
        let mut intervals = vec![String::new(), String::new()];
        for (column, score) in row.scores.iter().enumerate() {
            let (value, interval) = match score {
                Score::Value(score) => table.printed(column, score),
                Score::Failed(_) => ("failed".to_owned(), None),
                Score::Missing if row.failure.is_some() => ("failed".to_owned(), None),
                Score::Missing => ("–".to_owned(), None),
            };
            values.push(value);
            intervals.push(interval.map_or(String::new(), |interval| format!("[{interval}]")));
        }
        rows.push(values);
        if intervals.iter().any(|interval| !interval.is_empty()) {
            rows.push(intervals);
        }
    }
    rows
}
