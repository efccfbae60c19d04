//! A run directory's reproducible files, to be compared to the byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// All files of a run by their path in it, except timings, energy and locks, which may differ.
#[derive(Clone, PartialEq, Eq)]
pub struct RunFiles(pub BTreeMap<String, Vec<u8>>);

impl RunFiles {
    pub fn of(run: &Path) -> RunFiles {
        let mut files = BTreeMap::new();
        collect(run, run, &mut files);
        RunFiles(files)
    }

    /// A file's text; empty if it is not there.
    pub fn text(&self, path: &str) -> String {
        String::from_utf8_lossy(self.0.get(path).map_or(&[][..], Vec::as_slice)).into_owned()
    }

    /// The files whose path satisfies this.
    pub fn only(mut self, keep: impl Fn(&str) -> bool) -> RunFiles {
        self.0.retain(|path, _| keep(path));
        self
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(root, &path, files);
        } else if !name.starts_with("timing") && !name.starts_with("energy") && !name.starts_with(".lock") {
            let relative = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let bytes = fs::read(&path).unwrap_or_default();
            files.insert(relative, if name == "report.html" { without_energy(&bytes) } else { bytes });
        }
    }
}

/// A report's page without what it says of energy, which is measured.
fn without_energy(page: &[u8]) -> Vec<u8> {
    let mut page = String::from_utf8_lossy(page).into_owned();
    for (begin, end) in [("<li><a href=\"#energy\">", "</li>"), ("\n<section id=\"energy\">", "</section>")] {
        if let Some(from) = page.find(begin)
            && let Some(length) = page[from..].find(end)
        {
            // With its line's end: a run killed so often that its last command had nothing left to do has no such line at all.
            let until = from + length + end.len();
            let until = until + usize::from(page[until..].starts_with('\n'));
            page.replace_range(from..until, "");
        }
    }
    page.into_bytes()
}

/// What of a sweep's folder must not depend on where its trials were trained: the trials' results, and the ranking without the energy,
/// which is measured.
pub fn sweep_results(sweep: &Path) -> RunFiles {
    let mut files = RunFiles::of(sweep).only(|path| {
        let of_trial = ["/adapter/", "/checkpoints/", "/log.jsonl", "/result.json", "/loss.svg"];
        let of_sweep = ["sweep.toml", "trials.json", "table.csv", "parallel.svg"];
        of_sweep.contains(&path) || path.starts_with("trials/") && of_trial.iter().any(|part| path.contains(part))
    });
    if let Some(table) = files.0.get_mut("table.csv") {
        let text = String::from_utf8_lossy(table).into_owned();
        let without: Vec<&str> =
            text.lines().map(|line| line.rsplit_once(',').map_or(line, |(kept, _)| kept)).collect();
        *table = without.join("\n").into_bytes();
    }
    files
}

/// Fails the test if the two differ, with the first lines that do.
#[track_caller]
pub fn assert_same_run(found: &RunFiles, expected: &RunFiles) {
    let mut differences = String::new();
    let all: std::collections::BTreeSet<&String> = found.0.keys().chain(expected.0.keys()).collect();
    for path in all {
        match (found.0.get(path), expected.0.get(path)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(_), None) => differences += &format!("{path} is there, and should not be\n"),
            (None, _) => differences += &format!("{path} is missing\n"),
            (Some(_), Some(_)) => {
                let (a, b) = (found.text(path), expected.text(path));
                let line = a.lines().zip(b.lines()).position(|(a, b)| a != b);
                let line = line.unwrap_or(a.lines().count().min(b.lines().count()));
                let show = |text: &str| text.lines().nth(line).unwrap_or("(no such line)").to_owned();
                let (a, b) = (show(&a), show(&b));
                differences += &format!("{path}:{}\n  found    {a}\n  expected {b}\n", line + 1);
            }
        }
    }
    assert!(differences.is_empty(), "the runs differ:\n{differences}");
}

/// The predictions of a cell: one JSON object a line, in order.
pub fn predictions(run: &RunFiles, dataset: &str, model: &str) -> Vec<serde_json::Value> {
    let text = run.text(&format!("predictions/{dataset}/{model}/shard-0000.jsonl"));
    text.lines().map(|line| serde_json::from_str(line).expect("a prediction is a JSON object")).collect()
}

#[cfg(test)]
mod tests {
    use super::without_energy;

    #[test]
    fn a_page_without_energy_reads_as_one_whose_energy_is_left_out() {
        let page = |item: &str, section: &str| {
            format!("<ul>\n<li>a</li>\n{item}<li>plan</li>\n</ul>\n{section}\n<section id=\"plan\">\n</section>\n")
        };
        let with = page(
            "<li><a href=\"#energy\">Energy</a></li>\n",
            "\n<section id=\"energy\">\n<h2>Energy</h2>\n</section>\n",
        );
        assert_eq!(without_energy(with.as_bytes()), page("", "").into_bytes());
    }
}
