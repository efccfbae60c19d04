//! Tables in LaTeX with booktabs: best in bold, a model and its fine-tuned form in one row of PT / FT cells.

use super::cell::{Cell, one_line};
use super::table::{Align, Column, Document, Row, Table};
use std::fmt::Write;

/// The tables, each a `table` environment; the document needs `\usepackage{booktabs}`.
pub fn latex(document: &Document) -> String {
    let mut text = String::from("% Needs \\usepackage{booktabs}.\n");
    for table in &document.tables {
        let paired = table.paired();
        let mut caption = vec![format!("{}.", escape(&table.title))];
        if paired.is_some() {
            caption.push("Cells are PT / FT: pre-trained / fine-tuned.".to_owned());
        }
        caption.extend(document.notes.iter().map(|note| escape(note)));
        one(&mut text, paired.as_ref().unwrap_or(table), &caption.join(" "));
    }
    text
}

fn one(text: &mut String, table: &Table, caption: &str) {
    let _ = writeln!(text, "\\begin{{table}}\n\\centering\n\\caption{{{caption}}}");
    let aligned = |column: &Column| if column.align == Align::Left { 'l' } else { 'r' };
    let columns: String = table.columns.iter().map(aligned).collect();
    let _ = writeln!(text, "\\begin{{tabular}}{{{columns}}}\n\\toprule");
    let heading = |column: &Column| escape(column.short.as_ref().unwrap_or(&column.heading));
    let headings: Vec<String> = table.columns.iter().map(heading).collect();
    let _ = writeln!(text, "{} \\\\\n\\midrule", headings.join(" & "));
    let mut published = false;
    for row in &table.rows {
        // What is published stands apart from what was computed.
        if row.published && !published {
            published = true;
            let _ = writeln!(text, "\\midrule");
        }
        let cells: Vec<String> = row.cells.iter().enumerate().map(|(place, each)| cell(row, place, each)).collect();
        let _ = writeln!(text, "{} \\\\", cells.join(" & "));
    }
    let _ = writeln!(text, "\\bottomrule\n\\end{{tabular}}");
    for note in &table.notes {
        let _ = writeln!(text, "% {}", one_line(note));
    }
    let _ = writeln!(text, "\\end{{table}}\n");
}

fn cell(row: &Row, place: usize, cell: &Cell) -> String {
    let value = match cell {
        Cell::Pair(before, after) => format!("{} / {}", bold(before), bold(after)),
        cell => bold(cell),
    };
    let mark = if row.published && place == 0 { "\\textdagger{}" } else { "" };
    match cell.interval() {
        Some(interval) => format!("{value}{mark} {{\\scriptsize [{}]}}", escape(&interval)),
        None => format!("{value}{mark}"),
    }
}

fn bold(cell: &Cell) -> String {
    let value = escape(&cell.printed());
    if cell.is_best() { format!("\\textbf{{{value}}}") } else { value }
}

/// A text that LaTeX prints as it is.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in one_line(text).chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', letter]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '†' => escaped.push_str("\\textdagger{}"),
            '–' => escaped.push_str("--"),
            '−' => escaped.push_str("$-$"),
            '×' => escaped.push_str("$\\times$"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::cell::Print;
    use super::super::table::{Best, Tuning};
    use super::*;

    #[test]
    fn a_pair_is_one_row_with_the_best_in_bold_and_short_headings() {
        let column = Column::number("attribute-precision", "Attr. P (MAP)").best(Best::Highest);
        let columns = vec![Column::text("model", "Model"), Column { short: Some("MAP".into()), ..column }];
        let row = |name: &str, adapter: Option<&str>, value: f64, published: bool| Row {
            cells: vec![Cell::text(name), Cell::number(value, Print::score())],
            published,
            tuning: Some(Tuning { base: "blip2_opt".into(), adapter: adapter.map(str::to_owned) }),
        };
        let rows = vec![row("blip2_opt", None, 0.1, false), row("blip2_opt+qv", Some("qv"), 0.7, false)];
        let rows = [rows, vec![row("blip2_opt", None, 0.05, true)]].concat();
        let mut table = Table { title: "hm (test split)".into(), columns, rows, keys: 1, notes: Vec::new() };
        table.mark_best();
        let text = latex(&Document { tables: vec![table], notes: vec!["Scores × 100.".into()] });
        assert!(text.contains("Model & MAP \\\\\n\\midrule\nblip2\\_opt & 10.0 / \\textbf{70.0} \\\\\n"), "{text}");
        assert!(text.contains("\\midrule\nblip2\\_opt\\textdagger{} & 5.0 / -- \\\\\n\\bottomrule"), "{text}");
        assert!(text.contains(
            "\\caption{hm (test split). Cells are PT / FT: pre-trained / fine-tuned. Scores $\\times$ 100.}"
        ));
    }
}
