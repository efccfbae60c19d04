//! `table.tex`: booktabs tables, best in bold.

use super::markdown::scale_note;
use super::{Results, Score};
use std::fmt::Write;

/// The run's tables in LaTeX; the document needs `\usepackage{booktabs}`.
pub fn latex(results: &Results) -> String {
    let mut text = String::from("% Needs \\usepackage{booktabs}.\n");
    for table in &results.tables {
        let _ = writeln!(text, "\\begin{{table}}\n\\centering");
        let _ = writeln!(
            text,
            "\\caption{{{} ({} split). {}}}",
            escape(&table.dataset),
            escape(&results.split),
            escape(&scale_note(results))
        );
        let _ = writeln!(text, "\\begin{{tabular}}{{lr{}}}\n\\toprule", "r".repeat(table.columns.len()));
        let headings: Vec<String> = table.columns.iter().map(|column| escape(&column.heading)).collect();
        let _ = writeln!(text, "Model & Items & {} \\\\\n\\midrule", headings.join(" & "));
        for (place, row) in table.rows.iter().enumerate() {
            let cells: Vec<String> = row
                .scores
                .iter()
                .enumerate()
                .map(|(column, score)| match score {
                    Score::Value(score) => {
                        let (value, interval) = table.printed(column, score);
                        let value = if table.is_best(column, place) { format!("\\textbf{{{value}}}") } else { value };
                        interval.map_or(value.clone(), |interval| format!("{value} {{\\scriptsize [{interval}]}}"))
                    }
                    Score::Failed(_) => "failed".to_owned(),
                    Score::Missing if row.failure.is_some() => "failed".to_owned(),
                    Score::Missing => "--".to_owned(),
                })
                .collect();
            let _ = writeln!(text, "{} & {} & {} \\\\", escape(&row.model), row.items, cells.join(" & "));
        }
        let _ = writeln!(text, "\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n");
    }
    text
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            other => escaped.push(other),
        }
    }
    escaped
}
