//! `cargo xtask gpu-check`, or `./xtask gpu-check` in an unpacked release: what only a machine with a GPU can show. Needs no build there:
//! captions and scores on the GPU against those on the CPU, speed with random weights, and transformers beside it where torch is there.

use crate::failure::{Failure, Result};
use crate::process::{output_of, run_built};
use crate::workspace::host_file;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// No step begins after so long: a lent machine is not ours for longer.
const TIME: Duration = Duration::from_secs(8 * 60);
/// The first tokens of a caption that are compared, and the share of captions in which they must agree: bf16 rounds.
const TOKENS: usize = 8;
const SHARE: f64 = 0.95;
/// How far scores on the GPU may be from the CPU's, relative to their size: bf16 rounds them.
const DISTANCE: f64 = 0.02;
/// The models that are timed, with random weights, and at which batch sizes.
const TIMED: [(&str, &str); 2] = [("blip2-opt-2.7b", "1,16,64,128,256"), ("llava-1.5-7b", "1,16")];

/// Files of the repository that a release carries for this, at their own places.
pub const CARRIED: [&str; 3] = [
    "tests/bench/compare_transformers.py",
    "tests/bench/middling/config.json",
    "tests/parity/transformers/shapes.json.gz",
];

/// Runs all of it in a release's folder.
pub fn gpu_check(folder: Option<&str>) -> Result<()> {
    let folder = release(folder)?;
    let gpu = Command::new("nvidia-smi").args(["--query-gpu=name,driver_version", "--format=csv,noheader"]).output();
    let gpu = match gpu {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => {
            return Err(Failure::Other(format!(
                "there is no NVIDIA GPU here: nvidia-smi does not run, so nothing was checked\n  help: carry {} to a machine with one and run \
                 `./xtask gpu-check` in it; nothing is built there",
                folder.display()
            )));
        }
    };
    println!("GPU: {gpu}");
    let begin = Instant::now();
    let mut failed = Vec::new();
    let mut step = |name: &str, work: &dyn Fn() -> Result<()>| {
        if begin.elapsed() > TIME {
            failed.push(format!("{name}: not begun within {} minutes", TIME.as_secs() / 60));
            return;
        }
        println!("== {name} ({} s)", begin.elapsed().as_secs());
        if let Err(failure) = work() {
            failed.push(format!("{name}: {}", failure.message().unwrap_or_else(|| "failed, as it says above".into())));
        }
    };
    let host = folder.join(host_file());
    step("captions on the GPU and on the CPU", &|| captions(&host, &folder));
    step("scores on the GPU and on the CPU", &|| scores(&host, &folder));
    let python = has_transformers();
    if python {
        let script = folder.join(CARRIED[0]);
        let host = host.to_string_lossy().into_owned();
        for (model, sizes) in TIMED {
            step(&format!("speed of {model} beside transformers"), &|| {
                let script = script.to_string_lossy();
                let flags = ["--host", &host, "--batch-size", sizes, "--runs", "1"];
                run_built(Path::new("python3"), &[&[&*script, model], &flags[..]].concat(), &folder)
            });
        }
    } else {
        println!("transformers is left out: python3 cannot import torch and transformers");
    }
    for (model, sizes) in TIMED {
        step(&format!("speed of {model} beside what the device can do"), &|| {
            let flags = ["--batch-size", sizes, "--runs", "2", "--scores-beside", "cpu"];
            let arguments = [&["bench", model, "--random-weights", "--device", "cuda"][..], &flags].concat();
            run_built(&host, &arguments, &folder)
        });
    }
    println!("== done in {} s", begin.elapsed().as_secs());
    if failed.is_empty() { Ok(()) } else { Err(Failure::Check(failed.join("\n"))) }
}

/// The release: what was named, the folder of this program, or the newest below `dist/`.
fn release(named: Option<&str>) -> Result<PathBuf> {
    let is_release = |folder: &Path| folder.join(host_file()).is_file() && folder.join("registry.toml").is_file();
    if let Some(named) = named {
        let folder = fs::canonicalize(named).map_err(Failure::at("find", Path::new(named)))?;
        let problem = format!("{named} is no unpacked release: it has no {} or no registry.toml", host_file());
        return if is_release(&folder) { Ok(folder) } else { Err(Failure::Other(problem)) };
    }
    let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
    let below = fs::read_dir("dist").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = below
        .filter(|path| is_release(path))
        .max_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    let found = beside.filter(|folder| is_release(folder)).or(newest);
    let found = found.ok_or_else(|| {
        Failure::Other(
            "there is no release here\n  help: make one with `cargo xtask dist`, or name its folder: gpu-check DIR"
                .into(),
        )
    })?;
    fs::canonicalize(&found).map_err(Failure::at("find", &found))
}

fn has_transformers() -> bool {
    let test =
        Command::new("python3").args(["-c", "import torch, transformers; assert torch.cuda.is_available()"]).output();
    test.is_ok_and(|output| output.status.success())
}

/// The nano models caption the sample catalogue on both devices.
fn captions(host: &Path, folder: &Path) -> Result<()> {
    let runs = ["cpu", "cuda"].map(|device| folder.join("runs").join(format!("gpu-check-{device}")));
    for run in &runs {
        if run.exists() {
            fs::remove_dir_all(run).map_err(Failure::at("replace", run))?;
        }
    }
    let [cpu, cuda] = runs.each_ref().map(|run| run.to_string_lossy().into_owned());
    run_built(host, &["demo", "--offline", "--device", "cpu", "--run", &cpu], folder)?;
    let eval = [
        "eval",
        "--models",
        "all",
        "--datasets",
        "hm,fashiongen",
        "--metrics",
        "bleu",
        "--device",
        "cuda",
        "--run",
        &cuda,
    ];
    run_built(host, &eval, folder)?;
    let (expected, found) = (predictions(&runs[0])?, predictions(&runs[1])?);
    let mut problems = Vec::new();
    for (cell, expected) in &expected {
        let empty = BTreeMap::new();
        let found = found.get(cell).unwrap_or(&empty);
        let same = expected.iter().filter(|(id, tokens)| found.get(*id) == Some(tokens)).count();
        let share = same as f64 / expected.len().max(1) as f64;
        println!(
            "{cell}: the first {TOKENS} tokens agree for {same} of {} captions ({:.1} %)",
            expected.len(),
            share * 100.0
        );
        if share < SHARE {
            problems.push(format!("{cell}: {:.1} % agree, {:.0} % should", share * 100.0, SHARE * 100.0));
        }
    }
    if expected.is_empty() {
        problems.push("there are no captions to compare".into());
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Check(problems.join("\n"))) }
}

/// The nano models score the same images and tokens on both devices.
fn scores(host: &Path, folder: &Path) -> Result<()> {
    let models = folders(&folder.join("samples/nano"))?.into_iter().filter(|path| path.join("config.json").is_file());
    let (mut problems, mut compared) = (Vec::new(), 0);
    for model in models {
        let name = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let model = model.to_string_lossy();
        let size = ["--batch-size", "1", "--new-tokens", "2", "--runs", "1"];
        let arguments =
            [&["bench", &*model, "--device", "cuda", "--scores-beside", "cpu", "--json"][..], &size].concat();
        let report: Value = serde_json::from_str(&output_of(host, &arguments, folder)?)
            .map_err(|error| Failure::Other(format!("host bench printed something else than JSON: {error}")))?;
        for place in ["first", "later"] {
            let distance = report["scores_beside"][place]["relative"].as_f64().unwrap_or(f64::NAN);
            println!("{name}: scores of the {place} token are {:.2} % off", distance * 100.0);
            if distance.is_nan() || distance > DISTANCE {
                problems.push(format!("{name}, {place} token: scores are {:.2} % off", distance * 100.0));
            }
            compared += 1;
        }
    }
    if compared == 0 {
        problems.push("there are no nano models to compare".into());
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Check(problems.join("\n"))) }
}

/// The first tokens of every caption: by `DATASET/MODEL`, then by item.
fn predictions(run: &Path) -> Result<BTreeMap<String, BTreeMap<String, Vec<u64>>>> {
    let mut cells = BTreeMap::new();
    let root = run.join("predictions");
    for dataset in folders(&root)? {
        for model in folders(&dataset)? {
            let mut captions = BTreeMap::new();
            for file in folders(&model)? {
                let text = fs::read_to_string(&file).map_err(Failure::at("read", &file))?;
                captions.extend(text.lines().filter_map(first_tokens));
            }
            let cell = model.strip_prefix(&root).unwrap_or(&model).display().to_string();
            cells.insert(cell, captions);
        }
    }
    Ok(cells)
}

fn first_tokens(line: &str) -> Option<(String, Vec<u64>)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let tokens = value["token_ids"].as_array()?.iter().filter_map(Value::as_u64).take(TOKENS).collect();
    Some((value["id"].as_str()?.to_owned(), tokens))
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Failure::at("read", folder))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tokens_of_a_prediction() {
        let line = r#"{"id":"7","caption":"a","token_ids":[1,2,3,4,5,6,7,8,9,10],"finish":"eos"}"#;
        assert_eq!(first_tokens(line), Some(("7".to_owned(), (1..=8).collect())));
        assert_eq!(first_tokens(r#"{"id":"8","error":"no image"}"#), None);
        assert_eq!(first_tokens(r#"{"id":"8","#), None);
    }
}
