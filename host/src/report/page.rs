//! `report.html`: one file with tables, figures and what was run, without script and without any reference to the outside. It has nothing in it
//! that differs between two runs of the same plan with the same results, except its energy.

use super::cell::Cell;
use super::collect::Results;
use super::figures::{Section, sections};
use super::plot;
use super::table::{Align, Document, Table};
use crate::error::{Error, Result};
use crate::run::{Plan, RunDir};
use askama::Template;
use std::path::PathBuf;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: String,
    plan: &'a Plan,
    tables: Vec<PageTable<'a>>,
    notes: &'a [String],
    incomplete: Vec<&'a String>,
    sections: Vec<PageSection>,
    /// Dark colours of charts.
    dark: String,
    /// Colours of legends: on light pages and on dark ones.
    series: Vec<(String, String)>,
    beside: bool,
}

struct PageTable<'a> {
    title: &'a str,
    columns: Vec<PageColumn<'a>>,
    rows: Vec<PageRow>,
}

struct PageColumn<'a> {
    heading: &'a str,
    text: bool,
}

struct PageRow {
    published: bool,
    cells: Vec<PageCell>,
}

struct PageCell {
    text: String,
    interval: Option<String>,
    best: bool,
    failed: bool,
    left: bool,
}

struct PageSection {
    section: Section,
    /// The charts' SVG text, with their captions.
    charts: Vec<(String, String)>,
    /// Colour numbers and names.
    legend: Vec<(usize, String)>,
}

/// The page of a run. `logs` are training logs to draw, beside those of the run's own adapters.
pub fn page(run: &RunDir, plan: &Plan, results: &Results, document: &Document, logs: &[PathBuf]) -> Result<String> {
    let sections = sections(run, plan, results, &document.tables, logs).into_iter().map(|section| PageSection {
        charts: section.charts.iter().map(|figure| (figure.caption.clone(), figure.svg.inline())).collect(),
        legend: section
            .legend
            .iter()
            .enumerate()
            .map(|(number, name)| (number % plot::SERIES.len(), name.clone()))
            .collect(),
        section,
    });
    let names = |list: Vec<&str>| list.join(", ");
    let title = format!(
        "{} on {}",
        names(plan.models.iter().map(|model| model.name.as_str()).collect()),
        names(plan.datasets.iter().map(|dataset| dataset.name.as_str()).collect())
    );
    let page = Page {
        title,
        plan,
        tables: document.tables.iter().map(table).collect(),
        notes: &document.notes,
        incomplete: document.tables.iter().flat_map(|table| &table.notes).collect(),
        sections: sections.collect(),
        dark: plot::css(".chart"),
        series: plot::SERIES.iter().map(|(light, dark)| (hex(*light), hex(*dark))).collect(),
        beside: results.beside.is_some(),
    };
    page.render().map_err(|error| Error::failed(format!("cannot write the report's page: {error}")))
}

fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn table(table: &Table) -> PageTable<'_> {
    let left: Vec<bool> = table.columns.iter().map(|column| column.align == Align::Left).collect();
    let rows = table.rows.iter().map(|row| {
        let texts = row.printed();
        let cells = row.cells.iter().zip(texts).zip(&left).map(|((cell, text), left)| PageCell {
            text,
            interval: cell.interval().map(|interval| interval.replace(", ", " – ")),
            best: cell.is_best(),
            failed: *cell == Cell::Failed,
            left: *left,
        });
        PageRow { published: row.published, cells: cells.collect() }
    });
    PageTable {
        title: &table.title,
        columns: table
            .columns
            .iter()
            .zip(&left)
            .map(|(column, left)| PageColumn { heading: &column.heading, text: *left })
            .collect(),
        rows: rows.collect(),
    }
}
