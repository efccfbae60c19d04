//! `table.md`: one table a dataset, values with their intervals, best in bold, failures below.

use super::{Results, Score};
use std::fmt::Write;

/// The run's tables in Markdown.
pub fn markdown(results: &Results) -> String {
    let mut text = String::new();
    for table in &results.tables {
        let _ = writeln!(text, "### {} ({} split)\n", table.dataset, results.split);
        let headings: Vec<&str> = table.columns.iter().map(|column| column.heading.as_str()).collect();
        let _ = writeln!(text, "| Model | Items | {} |", headings.join(" | "));
        let _ = writeln!(text, "|---|---:|{}", "---:|".repeat(headings.len()));
        for (place, row) in table.rows.iter().enumerate() {
            let cells: Vec<String> = row
                .scores
                .iter()
                .enumerate()
                .map(|(column, score)| match score {
                    Score::Value(score) => {
                        let (value, interval) = table.printed(column, score);
                        let value = if table.is_best(column, place) { format!("**{value}**") } else { value };
                        interval.map_or(value.clone(), |interval| format!("{value} [{interval}]"))
                    }
                    Score::Failed(_) => "failed".to_owned(),
                    Score::Missing if row.failure.is_some() => "failed".to_owned(),
                    Score::Missing => "–".to_owned(),
                })
                .collect();
            let _ = writeln!(text, "| {} | {} | {} |", row.model, row.items, cells.join(" | "));
        }
        text.push('\n');
        for failure in table.failures() {
            let _ = writeln!(text, "- {}: {}", failure.what, failure.reason.replace('\n', " "));
        }
        if !table.failures().is_empty() {
            text.push('\n');
        }
    }
    let _ = writeln!(text, "{}", scale_note(results));
    text
}

/// What the numbers are.
pub fn scale_note(results: &Results) -> String {
    let mut quantities: Vec<&str> = Vec::new();
    for column in results.tables.iter().flat_map(|table| &table.columns).filter(|column| column.scale != 100.0) {
        if !quantities.contains(&column.heading.as_str()) {
            quantities.push(&column.heading);
        }
    }
    let but = if quantities.is_empty() { String::new() } else { format!(" (but not {})", quantities.join(", ")) };
    format!(
        "Scores are multiplied by 100{but}; in brackets their 95 % bootstrap intervals ({} resamples of the items).",
        results.resamples
    )
}
