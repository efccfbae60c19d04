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
        let widths: Vec<usize> = (0..table.columns.len() + 2)
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        for part in parts(&widths) {
            part_of_table(&mut text, &rows, &widths, &part);
        }
        for failure in table.failures() {
            let _ = writeln!(text, "  ! {}: {}", failure.what, failure.reason.replace('\n', " "));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{}", scale_note(results));
    text
}

/// What a terminal is taken to hold; tables that are wider come in parts.
const WIDTH: usize = 118;

/// The columns of each part: the first two (model, items) in all of them, the others as many as fit.
fn parts(widths: &[usize]) -> Vec<Vec<usize>> {
    let fixed = 2 + widths[0] + 2 + widths[1];
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut width = usize::MAX;
    for (column, own) in widths.iter().enumerate().skip(2) {
        if width.saturating_add(own + 2) > WIDTH {
            parts.push(vec![0, 1]);
            width = fixed;
        }
        width += own + 2;
        if let Some(part) = parts.last_mut() {
            part.push(column);
        }
    }
    if parts.is_empty() { vec![vec![0, 1]] } else { parts }
}

fn part_of_table(text: &mut String, rows: &[Vec<String>], widths: &[usize], part: &[usize]) {
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::from(" ");
        for column in part {
            let cell = &row[*column];
            let pad = " ".repeat(widths[*column] - cell.chars().count());
            if *column == 0 {
                let _ = write!(line, " {cell}{pad}");
            } else {
                let _ = write!(line, "  {pad}{cell}");
            }
        }
        let _ = writeln!(text, "{}", line.trim_end());
        if number == 0 {
            let rule = part.iter().map(|column| widths[*column]).sum::<usize>() + 2 * (part.len() - 1);
            let _ = writeln!(text, "  {}", "─".repeat(rule));
        }
    }
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
