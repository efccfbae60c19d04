//! Comparing two cells in the worker: their items' statistics come from files, the corpus values of sums from the metric's plugin.

use super::protocol::{Event, ScoreMetric, ScoredCell};
use super::scoring::make_metric;
use crate::error::{Error, Result};
use crate::loader::Metric;
use crate::score::{FamilyScores, ItemLines, PairedItems, Resampler, compare};
use plugin_api::MetricValue;
use std::collections::HashMap;

/// One cell's items, as far as the metric goes.
struct CellScores {
    ids: Vec<String>,
    statistics: Vec<Vec<f64>>,
    /// `[values][items]`
    values: Vec<Vec<f64>>,
}

/// Compares two cells by one metric, on the items that both have.
///
/// # Errors
/// Files that are missing or belong to other scores, and the plugin's own.
pub fn compare_cells(
    metric: &ScoreMetric,
    baseline: &ScoredCell,
    candidate: &ScoredCell,
    resampler: Resampler,
) -> Result<Event> {
    let made = make_metric(metric)?;
    let wanted = |value: &&MetricValue| metric.reports(&value.name);
    let values: Vec<MetricValue> = made.values.iter().filter(wanted).cloned().collect();
    let places: Vec<usize> = (0..made.values.len()).filter(|place| wanted(&&made.values[*place])).collect();
    let each = made.values.len();
    let corpus = |sums: &[f64], width: usize| -> Result<Vec<f64>> {
        let all = made.corpus(sums, width)?;
        Ok(all.chunks_exact(each).flat_map(|row| places.iter().map(|place| row[*place])).collect())
    };
    let read = |cell: &ScoredCell| read_cell(cell, &metric.spec.entry, &values, &made);
    let items = pair(&read(baseline)?, read(candidate)?)?;
    let count = items.baseline.len() / items.width.max(1);
    if count == 0 {
        return Err(Error::failed("the two models have no scored item in common"));
    }
    let compared = compare(&values, &items, resampler, |sums| corpus(sums, items.width))?;
    Ok(Event::Compared { items: count, values: compared })
}

fn read_cell(cell: &ScoredCell, family: &str, values: &[MetricValue], made: &Metric) -> Result<CellScores> {
    let again = "the same `host eval` again scores what is missing";
    let lost = |what: &std::path::Path| Error::failed(format!("{} is missing or damaged", what.display())).help(again);
    let recorded = FamilyScores::read(&cell.scores).ok_or_else(|| lost(&cell.scores))?;
    let read = ItemLines::<Vec<f64>>::read(&cell.statistics, &[family]).map_err(|error| error.help(again))?;
    let names: Vec<&str> = values.iter().map(|value| value.name.as_str()).collect();
    let numbers = ItemLines::<f64>::read(&cell.items, &names).map_err(|error| error.help(again))?;
    if read.damaged > 0 || read.ids.len() != recorded.items {
        return Err(lost(&cell.statistics));
    }
    if numbers.damaged > 0 || numbers.ids != read.ids {
        return Err(lost(&cell.items));
    }
    let whole = |lists: Vec<Option<Vec<f64>>>| lists.into_iter().collect::<Option<Vec<_>>>();
    let statistics = read.values.into_iter().next().and_then(whole).ok_or_else(|| lost(&cell.statistics))?;
    let values: Option<Vec<Vec<f64>>> =
        numbers.values.into_iter().map(|list| list.into_iter().collect::<Option<Vec<f64>>>()).collect();
    check(&recorded, &statistics, made)?;
    Ok(CellScores { ids: read.ids, statistics, values: values.ok_or_else(|| lost(&cell.items))? })
}

/// The plugin must make of the statistics what the run recorded: else they are another version's, and mean something else.
fn check(recorded: &FamilyScores, statistics: &[Vec<f64>], made: &Metric) -> Result<()> {
    let width = statistics.first().map_or(0, Vec::len);
    let even = statistics.iter().all(|row| row.len() == width);
    let mut sum = vec![0.0; width];
    for row in statistics {
        for (total, value) in sum.iter_mut().zip(row) {
            *total += value;
        }
    }
    let values = if even { made.corpus(&sum, width)? } else { Vec::new() };
    let same = made.values.iter().zip(&values).all(|(value, now)| {
        recorded.values.get(&value.name).is_none_or(|then| (then.value - now).abs() <= 1e-9 * (1.0 + then.value.abs()))
    });
    if values.is_empty() || !same {
        return Err(Error::failed("the plugin makes other values of the run's statistics than the run recorded")
            .help("the plugin has changed since: evaluate anew, into another run directory"));
    }
    Ok(())
}

/// The items that both have, in the baseline's order.
fn pair(baseline: &CellScores, mut candidate: CellScores) -> Result<PairedItems> {
    let places: HashMap<&str, usize> =
        candidate.ids.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    let both: Vec<(usize, usize)> = baseline
        .ids
        .iter()
        .enumerate()
        .filter_map(|(place, id)| places.get(id.as_str()).map(|other| (place, *other)))
        .collect();
    let width = baseline.statistics.first().map_or(0, Vec::len);
    if candidate.statistics.first().map_or(0, Vec::len) != width {
        return Err(Error::failed("the two models were scored by different versions of the metric"));
    }
    let chosen = |lists: &[Vec<f64>], place: fn(&(usize, usize)) -> usize| -> Vec<Vec<f64>> {
        lists.iter().map(|list| both.iter().map(|pair| list[place(pair)]).collect()).collect()
    };
    let baseline_values = chosen(&baseline.values, |pair| pair.0);
    let candidate_values = chosen(&candidate.values, |pair| pair.1);
    let own = both.iter().flat_map(|pair| &baseline.statistics[pair.0]).copied().collect();
    let other = both.iter().flat_map(|pair| std::mem::take(&mut candidate.statistics[pair.1])).collect();
    Ok(PairedItems { baseline: own, candidate: other, width, baseline_values, candidate_values })
}
