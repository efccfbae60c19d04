//! Several workers at once on one machine: the same bytes as one worker, whatever happens to them, and no lost or torn line.

use end_to_end_tests::{Place, Registry, assert_same_run, processes_with, wait_until};
use std::process::Command;
use std::time::Duration;

const DATASETS: &str = "hm,fashiongen";
/// As many as the largest clusters' arrays that people use at once.
const HOSTS: usize = 200;

#[test]
fn three_workers_on_three_models_give_the_bytes_of_one_worker() {
    let place = Place::with(Registry::usual().model("slow", "milliseconds = 9").model("middling", "milliseconds = 2"));
    let models = "fine,slow,middling";
    let one = place.eval("one", models, DATASETS).with(&["--jobs", "1"]).run().expect_code(0);
    let three = place.eval("three", models, DATASETS).with(&["--jobs", "3"]).run().expect_code(0);
    assert_eq!(three.stdout, one.stdout);
    assert_same_run(&place.run("three"), &place.run("one"));
    let auto = place.eval("auto", models, DATASETS).with(&["--jobs", "auto", "--batch-size", "3"]).run().expect_code(0);
    assert_eq!(auto.stdout, one.stdout);
    assert_same_run(&place.run("auto"), &place.run("one"));
    place.eval("none", models, DATASETS).with(&["--jobs", "0"]).run().expect_code(2).expect_error(&["auto"]);
}

#[test]
fn a_cell_that_fails_among_several_workers_costs_no_other() {
    let registry =
        Registry::usual().model("faulty", "fault = \"segfault\"").model("absent", "fault = \"error\"\nloading = true");
    let place = Place::with(registry);
    let outcome = place.eval("run", "faulty,fine,absent", DATASETS).with(&["--jobs", "3"]).run().expect_code(1);
    outcome.expect_error(&["faulty on hm", "faulty on fashiongen", "absent on hm: the model cannot be loaded"]);
    place.eval("alone", "fine", DATASETS).run().expect_code(0);
    let fine = |run: &str| place.run(run).only(|path| path.starts_with("predictions") && path.contains("/fine/"));
    assert_same_run(&fine("run"), &fine("alone"));
}

#[test]
fn a_host_that_is_asked_to_stop_saves_what_it_has_and_goes_on_with_another_number_of_workers() {
    let place = Place::with(Registry::usual().model("slow", "milliseconds = 20"));
    place.eval("undisturbed", "slow", DATASETS).run().expect_code(0);
    let workers = ["3", "2", "1"];
    for (jobs, signal) in workers.iter().zip(["TERM", "USR1", "TERM"]) {
        let command = place.eval("stopped", "slow", DATASETS).with(&["--jobs", jobs]);
        let mark = command.mark();
        let mut host = command.start();
        let before = lines(&place, "stopped");
        assert!(wait_until(Duration::from_secs(30), || lines(&place, "stopped") > before), "nothing was captioned");
        assert!(Command::new("kill").args([&format!("-{signal}"), &host.id().to_string()]).status().unwrap().success());
        assert_eq!(host.wait().unwrap().code(), Some(75));
        assert!(wait_until(Duration::from_secs(5), || processes_with(&mark).is_empty()), "a worker outlives its host");
    }
    place.eval("stopped", "slow", DATASETS).with(&["--jobs", "2"]).run().expect_code(0);
    assert_same_run(&place.run("stopped"), &place.run("undisturbed"));
}

/// Lines of all prediction files of a run.
fn lines(place: &Place, run: &str) -> usize {
    let predictions = place.run(run).only(|path| path.starts_with("predictions"));
    predictions.0.values().map(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count()).sum()
}

#[test]
fn two_hundred_hosts_append_to_one_run_directory_without_a_lost_or_torn_line() {
    let place = Place::new();
    place.eval("whole", "fine", DATASETS).run().expect_code(0);
    std::thread::scope(|scope| {
        for shard in 1..=HOSTS {
            let shard = format!("{shard}/{HOSTS}");
            let flags = ["--shard", &shard, "--threads", "1", "--batch-size", "1"];
            let command = place.eval("parts", "fine", DATASETS).with(&flags);
            scope.spawn(move || command.run().expect_code(0));
        }
    });
    let cells = place.path("runs/parts/predictions");
    let timings = std::process::Command::new("cat").arg("--").args(timing_files(&cells)).output().unwrap().stdout;
    for line in String::from_utf8(timings).unwrap().lines() {
        let parsed: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(parsed["items"], 1);
    }
    place.host(&["merge", "runs/parts"]).run().expect_code(0);
    assert_same_run(&place.run("parts"), &place.run("whole"));
}

fn timing_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => timing_files(&path),
            false if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("timing")) => vec![path],
            false => Vec::new(),
        })
        .collect()
}
