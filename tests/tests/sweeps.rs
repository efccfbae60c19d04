//! `host sweep`: every combination is trained, ranked, and not trained again.

use end_to_end_tests::{Place, Registry, RunFiles, assert_same_run, sweep_results, wait_until};
use std::process::Command;
use std::time::Duration;

const SWEEP: &str = "[train]\nmodel = \"fine\"\ndataset = \"hm\"\nbatch-size = 8\nepochs = 2\nfloor = 0.0\n\n\
                     [grid]\nstrategy = [\"query-value\", \"all-linear\"]\nlearning-rate = [0.0, 0.02, 0.1]\n";

#[test]
fn a_sweep_ranks_by_validation_loss_and_goes_on_where_it_was_killed() {
    let place = Place::new();
    place.write("sweep.toml", SWEEP);
    let sweep = |out: &str| place.host(&["sweep", "sweep.toml", "--json", "--out"]).with(&[place.path(out)]);
    let swept = sweep("whole").run().expect_code(0).json();
    let losses: Vec<f64> =
        swept["trials"].as_array().unwrap().iter().map(|trial| trial["validation_loss"].as_f64().unwrap()).collect();
    assert_eq!(losses.len(), 6);
    assert!(losses.windows(2).all(|pair| pair[0] <= pair[1]), "{losses:?}");
    // A rate of zero learns nothing and is the worst.
    assert_eq!(swept["trials"][5]["values"]["learning-rate"], serde_json::json!(0.0));
    let files = RunFiles::of(&place.path("whole"));
    assert_eq!(files.text("table.csv").lines().count(), 7, "{}", files.text("table.csv"));
    assert!(files.text("parallel.svg").contains("learning-rate") && files.text("table.md").contains("all-linear"));

    let status = place.host(&["status", "whole", "--json"]).run().expect_code(0).json();
    assert_eq!(
        (&status["status"]["counts"]["done"], &status["next"]),
        (&6.into(), &serde_json::Value::Null),
        "{status}"
    );
    // Ranking what is there gives the same again.
    place.host(&["merge", "whole"]).run().expect_code(0);

    // Again: nothing is trained, and nothing changes.
    let outcome = sweep("whole").run().expect_code(0);
    assert_eq!(outcome.stderr.matches("the training is finished").count(), 6, "{outcome}");
    assert_same_run(&RunFiles::of(&place.path("whole")), &files);

    let mut host = sweep("killed").start();
    std::thread::sleep(std::time::Duration::from_millis(900));
    let _ = host.kill();
    let _ = host.wait();
    sweep("killed").run().expect_code(0);
    assert_same_run(&sweep_results(&place.path("killed")), &sweep_results(&place.path("whole")));

    place.write("sweep.toml", &SWEEP.replace("0.1]", "0.2]"));
    sweep("whole").run().expect_code(2).expect_error(&["another sweep"]);
}

#[test]
fn a_sweep_that_is_asked_to_stop_goes_on_to_the_same_bytes() {
    // Slow enough that the request comes before the end, however late a busy machine sends it.
    let place = Place::with(Registry::usual().model("slow", "milliseconds = 10"));
    place.write("sweep.toml", &SWEEP.replace("\"fine\"", "\"slow\""));
    let sweep = |out: &str| place.host(&["sweep", "sweep.toml", "--json", "--out"]).with(&[place.path(out)]);
    sweep("whole").run().expect_code(0);
    let mut host = sweep("stopped").start();
    assert!(wait_until(Duration::from_secs(30), || place.path("stopped/sweep.json").is_file()));
    assert!(Command::new("kill").args(["-TERM", &host.id().to_string()]).status().unwrap().success());
    assert_eq!(host.wait().unwrap().code(), Some(75));
    let status = place.host(&["status", "stopped"]).run().expect_code(0).stdout;
    assert!(status.contains("6 cells") && status.contains("incomplete"), "{status}");
    sweep("stopped").run().expect_code(0);
    assert_same_run(&sweep_results(&place.path("stopped")), &sweep_results(&place.path("whole")));
}

#[test]
fn a_sweep_whose_first_trial_is_refused_gives_its_folder_back() {
    let place = Place::new();
    std::fs::create_dir(place.path("mine")).unwrap();
    place.write("mine/notes.txt", "mine\n");
    let sweep = |out: &str| place.host(&["sweep", "sweep.toml", "--out"]).with(&[place.path(out)]).run();
    for (grid, error) in [("strategy = [\"none-such\"]", "no LoRA strategy"), ("rank = [49, 2]", "rank 49 is larger")] {
        let begin = SWEEP.split("[grid]").next().unwrap();
        place.write("sweep.toml", &format!("{begin}[grid]\n{grid}\n"));
        for out in ["new", "mine"] {
            sweep(out).expect_code(2).expect_error(&["trial 001", error]);
        }
        assert!(!place.path("new").exists());
        let left: Vec<_> =
            std::fs::read_dir(place.path("mine")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
    }
    // What was corrected begins there, and one that goes on is kept whatever is wrong with it now.
    place.write("sweep.toml", SWEEP);
    sweep("new").expect_code(0);
    std::fs::remove_dir_all(place.path("new/trials/001")).unwrap();
    std::fs::remove_dir_all(place.path("weights")).unwrap();
    sweep("new").expect_code(2).expect_error(&["trial 001"]);
    assert!(place.path("new/sweep.json").is_file());
}

#[test]
fn a_trial_that_fails_is_a_row_of_its_own_and_a_bad_file_names_its_line() {
    let place = Place::with(Registry::usual());
    let text = SWEEP.replace("learning-rate = [0.0, 0.02, 0.1]", "rank = [4, 49]");
    place.write("sweep.toml", &text);
    let sweep = || place.host(&["sweep", "sweep.toml", "--out", "sweep"]);
    let outcome = sweep().run().expect_code(1);
    assert!(outcome.stdout.contains("failed") && outcome.stdout.contains("rank 49 is larger"), "{outcome}");
    place.write("sweep.toml", &SWEEP.replace("learning-rate", "learning-raet"));
    sweep().run().expect_code(2).expect_error(&["sweep.toml:10", "did you mean `learning-rate`"]);
    place.write("sweep.toml", &SWEEP.replace("\"fine\"", "\"fin\""));
    sweep().with(&["--out", "other"]).run().expect_code(2);
    place.host(&["sweep", "none.toml"]).run().expect_code(2).expect_error(&["none.toml"]);
}
