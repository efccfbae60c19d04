//! A comparison of two models as tables: a row a metric.

use super::cell::{Cell, Print};
use super::table::{Column, Document, Row, Table};
use crate::eval::{Comparison, DatasetComparison};

impl Comparison {
    /// A table a dataset. Values and differences are scaled as in the table of scores.
    pub fn document(&self) -> Document {
        let tables = self.datasets.iter().map(|dataset| self.table(dataset)).collect();
        let resamples = self.resamples;
        let notes = vec![
            format!(
                "A difference is {} less {}, in brackets its 95 % bootstrap interval ({resamples} resamples of the items).",
                self.candidate, self.baseline
            ),
            format!(
                "p: two-sided, approximate randomisation ({resamples} swaps); p (Holm): corrected over the {} comparisons here.",
                self.comparisons
            ),
            "Wilcoxon, effect (mean difference of the items' values over its standard deviation) and wins / ties / losses are of the \
             items' own values; a win is the candidate's."
                .to_owned(),
        ];
        Document { tables, notes }
    }

    fn table(&self, dataset: &DatasetComparison) -> Table {
        let columns = vec![
            Column::text("metric", "Metric"),
            Column::number("baseline", &self.baseline),
            Column::number("candidate", &self.candidate),
            Column::number("difference", "Difference"),
            Column::number("p", "p"),
            Column::number("p_holm", "p (Holm)"),
            Column::number("wilcoxon_p", "Wilcoxon"),
            Column::number("effect_size", "Effect"),
            Column::number("wins", "Wins"),
            Column::number("ties", "Ties"),
            Column::number("losses", "Losses"),
        ];
        let rows = dataset.metrics.iter().map(|metric| {
            let compared = &metric.compared;
            let score = Print { scale: compared.value.scale, decimals: 1, signed: false };
            let signed = Print { signed: true, decimals: 2, ..score };
            let optional =
                |value: Option<f64>, print: Print| value.map_or(Cell::Missing, |value| Cell::number(value, print));
            Row::new(vec![
                Cell::text(&compared.value.heading),
                Cell::number(compared.baseline, score),
                Cell::number(compared.candidate, score),
                Cell::with_interval(compared.difference, compared.interval, signed),
                Cell::number(compared.p, Print::plain(4)),
                Cell::number(metric.p_holm, Print::plain(4)),
                optional(compared.wilcoxon_p, Print::plain(4)),
                optional(compared.effect_size, Print { scale: 1.0, decimals: 2, signed: true }),
                Cell::count(compared.wins),
                Cell::count(compared.ties),
                Cell::count(compared.losses),
            ])
        });
        Table {
            title: format!("{} ({} split, {} items of both)", dataset.dataset, self.split, dataset.items),
            columns,
            rows: rows.collect(),
            keys: 1,
            notes: dataset.failed.iter().map(|failed| format!("{}: {}", failed.metric, failed.reason)).collect(),
        }
    }
}
