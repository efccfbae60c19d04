//! `table.csv`: one line a value, unscaled, for spreadsheets and scripts.

use super::{Results, Score};
use crate::error::{Error, Result};

/// The run's scores, tidy: `dataset,split,model,metric,value,low,high,scale,items,failed,error`. Values are unscaled; tables print
/// value × scale.
pub fn csv(results: &Results) -> Result<String> {
    let fail = |error: &dyn std::fmt::Display| Error::failed(format!("cannot write the CSV table: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["dataset", "split", "model", "metric", "value", "low", "high", "scale", "items", "failed", "error"];
    writer.write_record(head).map_err(|error| fail(&error))?;
    for table in &results.tables {
        for row in &table.rows {
            for (column, score) in table.columns.iter().zip(&row.scores) {
                let (value, low, high, error) = match score {
                    Score::Value(score) => {
                        let ends = score.interval.map(|interval| (interval.low.to_string(), interval.high.to_string()));
                        let (low, high) = ends.unwrap_or_default();
                        (score.value.to_string(), low, high, String::new())
                    }
                    Score::Failed(reason) => (String::new(), String::new(), String::new(), reason.clone()),
                    Score::Missing => {
                        (String::new(), String::new(), String::new(), row.failure.clone().unwrap_or_default())
                    }
                };
                let record = [
                    table.dataset.clone(),
                    results.split.clone(),
                    row.model.clone(),
                    column.name.clone(),
                    value,
                    low,
                    high,
                    column.scale.to_string(),
                    row.items.to_string(),
                    row.failed.to_string(),
                    error,
                ];
                writer.write_record(&record).map_err(|error| fail(&error))?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(|error| fail(&error))?;
    String::from_utf8(bytes).map_err(|error| fail(&error))
}
