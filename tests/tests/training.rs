//! `host train` with a trainer in plain arithmetic: the loop, its files, resuming, and what goes wrong.

use end_to_end_tests::{
    Host, Place, Registry, RunFiles, SmallDisk, assert_same_run, copy_folder, processes_with, random, sample_catalogue,
    test_image, wait_until,
};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Four images a step, so that the sample's training split makes a dozen steps an epoch.
fn train(place: &Place, out: &Path, more: &[&str]) -> Host {
    let arguments =
        ["train", "--model", "fine", "--dataset", "hm", "--batch-size", "4", "--micro-batch", "2", "--json"];
    place.host(&arguments).with(more).with(&["--out".as_ref(), out.as_os_str()])
}

/// What must not depend on interruptions.
fn results(folder: &Path) -> RunFiles {
    RunFiles::of(folder).only(|path| {
        path.starts_with("adapter/") || path.starts_with("checkpoints/") || path == "log.jsonl" || path == "result.json"
    })
}

fn log(folder: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("log.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_training_learns_and_leaves_an_adapter_a_log_plots_and_what_it_cost() {
    let place = Place::new();
    let out = place.path("fit");
    let more = ["--epochs", "4", "--learning-rate", "0.05", "--caption-metrics", "bleu-1", "--captions", "3"];
    let outcome = train(&place, &out, &more).run().expect_code(0);
    let result = outcome.json();
    let lines = log(&out);
    let validations: Vec<f64> = lines.iter().filter_map(|line| line["validation_loss"].as_f64()).collect();
    let steps: Vec<&serde_json::Value> = lines.iter().filter(|line| line["loss"].is_number()).collect();
    assert_eq!(validations.len(), 4);
    assert_eq!(result["steps"], serde_json::json!(steps.len()));
    assert!(validations[3] < validations[0] / 2.0, "{validations:?}");
    assert_eq!(steps[0]["learning_rate"], serde_json::json!(0.05));
    // An epoch's last step has what is left of the items.
    let items = RunFiles::of(&out).text("items/train.jsonl").lines().count();
    let each = items.div_ceil(4);
    let images: u64 = steps[..each].iter().map(|line| line["images"].as_u64().unwrap()).sum();
    assert_eq!(images as usize, items);
    assert!(lines.iter().any(|line| line["captions"]["bleu-1"].is_number()), "{lines:?}");
    let files = RunFiles::of(&out);
    for file in [
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "loss.svg",
        "train.toml",
        "targets.json",
        "model.json",
    ] {
        assert!(files.0.contains_key(file), "{file} is missing");
    }
    assert!(files.0.keys().any(|path| path.starts_with("events.out.tfevents.")));
    let energy: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("energy.json")).unwrap()).unwrap();
    assert!(energy["kwh"].as_f64().unwrap() > 0.0 && energy["intensity"]["source"].is_string(), "{energy}");
    // The study's defaults: rank 32, alpha 64, rank-stabilised.
    let targets: serde_json::Value = serde_json::from_str(&files.text("targets.json")).unwrap();
    assert_eq!(targets.as_array().unwrap().len(), 2);
    assert_eq!(targets[0]["rank"], serde_json::json!(32));
    assert!((targets[0]["scaling"].as_f64().unwrap() - 64.0 / 32f64.sqrt()).abs() < 1e-12);

    // Only the folder's own training goes on in it.
    train(&place, &out, &more).run().expect_code(2).expect_error(&["holds a training already", "--resume"]);
    train(&place, &out, &[&more[..], &["--resume", "--rank", "8"]].concat())
        .run()
        .expect_code(2)
        .expect_error(&["another plan", "options.rank: absent -> 8"]);
    let before = RunFiles::of(&out);
    let again = train(&place, &out, &[&more[..], &["--resume"]].concat()).run().expect_code(0);
    assert_eq!(again.json()["steps"], result["steps"]);
    assert_same_run(&RunFiles::of(&out), &before);
}

#[test]
fn a_training_killed_at_random_moments_comes_to_the_same_bytes() {
    let place = Place::with(Registry::usual().model("slow", "milliseconds = 6"));
    let options =
        ["--epochs", "3", "--model", "slow", "--validate-every", "5", "--learning-rate", "0.02", "--patience", "0"];
    let train = |out: &Path, more: &[&str]| {
        let arguments = ["train", "--dataset", "hm", "--batch-size", "4", "--micro-batch", "2"];
        place.host(&arguments).with(&options).with(more).with(&["--out".as_ref(), out.as_os_str()])
    };
    let whole = place.path("whole");
    let started = Instant::now();
    train(&whole, &[]).run().expect_code(0);
    let length = started.elapsed();
    let mut random = random();
    let mut midway = 0;
    std::thread::scope(|scope| {
        let (train, whole) = (&train, &whole);
        let lanes: Vec<_> = (0..3)
            .map(|lane| {
                let moments: Vec<Duration> = (0..3).map(|_| length.mul_f64(0.1 + 0.8 * random.f64())).collect();
                let out = place.path(&format!("killed-{lane}"));
                scope.spawn(move || {
                    let mut checkpoints = 0;
                    for moment in moments {
                        let mut host = train(&out, &["--resume"]).start();
                        std::thread::sleep(moment);
                        // On Unix this is SIGKILL.
                        let _ = host.kill();
                        let _ = host.wait();
                        checkpoints += usize::from(
                            out.join("checkpoints/index.json").is_file() && !out.join("result.json").is_file(),
                        );
                    }
                    train(&out, &["--resume"]).run().expect_code(0);
                    assert_same_run(&results(&out), &results(whole));
                    checkpoints
                })
            })
            .collect();
        midway = lanes.into_iter().map(|lane| lane.join().unwrap()).sum();
    });
    assert!(midway > 0, "no training was killed between its first checkpoint and its end");
}

#[test]
fn a_training_that_is_asked_to_stop_saves_behind_the_step_in_hand_and_goes_on_to_the_same_bytes() {
    let place = Place::with(Registry::usual().model("slow", "milliseconds = 40"));
    let options = ["--model", "slow", "--epochs", "3", "--validate-every", "4", "--learning-rate", "0.02"];
    let train = |out: &Path, more: &[&str]| {
        let arguments = ["train", "--dataset", "hm", "--batch-size", "4", "--micro-batch", "2", "--patience", "0"];
        place.host(&arguments).with(&options).with(more).with(&["--out".as_ref(), out.as_os_str()])
    };
    let whole = place.path("whole");
    train(&whole, &["--caption-metrics", "bleu-1"]).run().expect_code(0);
    let steps = log(&whole).iter().filter(|line| line["loss"].is_number()).count();
    let out = place.path("stopped");
    let counts = || {
        let text = std::fs::read_to_string(out.join("log.jsonl")).unwrap_or_default();
        let validations = text.matches("validation_loss").count();
        (text.lines().count() - validations, validations)
    };
    // Each time some steps further on: anywhere, or while a validation is at work, whose steps are logged and its own line is not.
    let mut awaited = 0;
    for (signal, validating) in [("TERM", false), ("USR1", true), ("USR1", false), ("TERM", true)] {
        let (before, _) = counts();
        let moment = || {
            let (steps, validations) = counts();
            let awaits = steps.is_multiple_of(4) && validations < steps / 4;
            if validating { steps > before && awaits } else { steps >= before + 2 }
        };
        let host = train(&out, &["--caption-metrics", "bleu-1", "--resume"]);
        let mark = host.mark();
        let mut host = host.start();
        assert!(wait_until(Duration::from_secs(60), moment), "the moment was missed: {:?}", counts());
        assert!(Command::new("kill").args([&format!("-{signal}"), &host.id().to_string()]).status().unwrap().success());
        assert_eq!(host.wait().unwrap().code(), Some(75));
        assert!(wait_until(Duration::from_secs(5), || processes_with(&mark).is_empty()), "a worker outlives its host");
        // The checkpoint stands behind the last step that was logged, wherever checkpoints are due.
        let json = |path: &str| -> serde_json::Value {
            serde_json::from_slice(&std::fs::read(out.join("checkpoints").join(path)).unwrap()).unwrap()
        };
        let last = json("index.json")["last"].as_str().unwrap().to_owned();
        let progress = json(&format!("{last}/progress.json"));
        assert_eq!(progress["step"], serde_json::json!(counts().0));
        awaited += usize::from(progress["awaits_validation"] == true);
    }
    assert!(awaited > 0, "no training was stopped in a validation");
    train(&out, &["--caption-metrics", "bleu-1", "--resume"]).run().expect_code(0);
    assert_same_run(&results(&out), &results(&whole));
    let timed = std::fs::read_to_string(out.join("timing.jsonl")).unwrap();
    assert_eq!(timed.matches("\"step\":").count(), steps, "steps were made twice");
}

#[test]
fn a_training_whose_worker_dies_says_how_to_go_on() {
    let place = Place::with(Registry::usual().model("dying", "fault = \"exit\""));
    let out = place.path("fit");
    let dying = ["train", "--model", "dying", "--dataset", "hm"];
    let outcome = place.host(&dying).with(&["--out".as_ref(), out.as_os_str()]).run();
    outcome.expect_code(3).expect_error(&["the worker ended with exit code 7", "--resume"]);
}

#[test]
fn a_worker_killed_from_outside_costs_a_training_nothing() {
    let place = Place::with(Registry::usual().model("slow", "milliseconds = 20"));
    let options = ["--epochs", "3", "--validate-every", "5", "--learning-rate", "0.02", "--patience", "0"];
    let train = |out: &str| {
        let arguments = ["train", "--model", "slow", "--dataset", "hm", "--batch-size", "4", "--micro-batch", "2"];
        place.host(&arguments).with(&options).with(&["--out", out])
    };
    train("undisturbed").run().expect_code(0);
    let command = train("disturbed");
    let mark = command.mark();
    let mut host = command.start();
    let out = place.path("disturbed");
    let last = || std::fs::read_to_string(out.join("checkpoints/index.json")).unwrap_or_default();
    let mut random = random();
    for _ in 0..2 {
        let before = last();
        assert!(wait_until(Duration::from_secs(30), || last() != before), "there is no new checkpoint");
        // Anywhere between this checkpoint and the next.
        std::thread::sleep(Duration::from_millis(random.u64(0..200)));
        for worker in processes_with(&mark).into_iter().filter(|pid| *pid != host.id()) {
            let killed = std::process::Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap();
            assert!(killed.success());
        }
    }
    assert!(host.wait().unwrap().success());
    // Each worker begins an event file of its own.
    let events = |path: &String| path.starts_with("events.out.tfevents.");
    assert_eq!(RunFiles::of(&out).0.keys().filter(|path| events(path)).count(), 3);
    assert_same_run(&results(&out), &results(&place.path("undisturbed")));
}

#[test]
fn a_worker_that_dies_again_without_a_checkpoint_between_is_the_last() {
    let odd = |path: &Path| test_image(path, 777, 400, [10, 200, 10]);
    let (place, _) = place_with_image(odd, "fault = \"exit\"\nwidth = 777");
    let out = place.path("fit");
    let arguments = ["train", "--model", "odd", "--dataset", "hm", "--batch-size", "1", "--save-every", "1", "--out"];
    let outcome = place.host(&arguments).with(&[&out]).run().expect_code(3);
    let outcome = outcome.expect_error(&["the worker ended with exit code 7", "--resume"]);
    assert_eq!(outcome.stderr.matches("going on from the last checkpoint with a new worker").count(), 1, "{outcome}");
    assert!(out.join("checkpoints/index.json").is_file());
}

#[test]
fn patience_ends_a_training_that_learns_nothing_and_zero_never_does() {
    let place = Place::new();
    // A rate of zero changes nothing: the first validation stays the best.
    let options = ["--epochs", "6", "--learning-rate", "0", "--floor", "0", "--patience", "2"];
    let stopped = train(&place, &place.path("stopped"), &options).run().expect_code(0).json();
    assert_eq!((stopped["stopped_early"].as_bool(), stopped["epochs"].as_f64()), (Some(true), Some(3.0)));
    let each = stopped["steps"].as_u64().unwrap() / 3;
    assert_eq!(stopped["best_step"].as_u64(), Some(each));
    let mut patient = options;
    patient[7] = "0";
    let patient = train(&place, &place.path("patient"), &patient).run().expect_code(0).json();
    assert_eq!((patient["stopped_early"].as_bool(), patient["epochs"].as_f64()), (Some(false), Some(6.0)));
    let blind = ["--steps", "3", "--validation-split", "none"];
    let blind = train(&place, &place.path("blind"), &blind).run().expect_code(0).json();
    assert_eq!((blind["validation_loss"].is_null(), blind["best_step"].as_u64()), (true, Some(3)));
}

/// A place whose catalogue is its own, with one image made anew by `change`.
fn place_with_image(change: impl Fn(&Path), model: &str) -> (Place, String) {
    let data = sample_catalogue();
    let place = Place::without_lock(Registry::default());
    copy_folder(&data.join("hm"), &place.path("hm"));
    let text = Registry::usual()
        .model("odd", model)
        .text()
        .replace(&data.join("hm").display().to_string(), &place.path("hm").display().to_string());
    place.write("registry.toml", &text);
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    // Some training item.
    train(&place, &place.path("look"), &["--steps", "1", "--validation-split", "none"]).run().expect_code(0);
    let line = RunFiles::of(&place.path("look")).text("items/train.jsonl").lines().nth(6).unwrap().to_owned();
    let id = serde_json::from_str::<serde_json::Value>(&line).unwrap()["id"].as_str().unwrap().to_owned();
    change(&place.path("hm/images").join(&id[..3]).join(format!("{id}.jpg")));
    (place, id)
}

#[test]
fn a_loss_that_is_not_finite_stops_with_the_batchs_ids_saved() {
    let odd = |path: &Path| test_image(path, 777, 400, [10, 200, 10]);
    let (place, id) = place_with_image(odd, "fault = \"not-a-number\"\nwidth = 777");
    let out = place.path("fit");
    let arguments = ["train", "--model", "odd", "--dataset", "hm", "--batch-size", "4", "--micro-batch", "2", "--out"];
    let outcome = place.host(&arguments).with(&[&out]).run();
    outcome.expect_code(3).expect_error(&["is not finite", &id, "non-finite.json"]);
    let saved: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("non-finite.json")).unwrap()).unwrap();
    let items = saved["items"].as_array().unwrap();
    assert!(items.len() <= 2 && items.contains(&serde_json::json!(id)), "{saved}");
}

#[test]
fn a_validation_without_a_loss_says_why() {
    let odd = |path: &Path| test_image(path, 777, 400, [10, 200, 10]);
    let (place, id) = place_with_image(odd, "fault = \"not-a-number\"\nwidth = 777");
    let train = |out: &str, more: &[&str]| {
        let flags =
            ["train", "--model", "odd", "--dataset", "hm", "--micro-batch", "2", "--steps", "1", "--limit", "6"];
        place.host(&flags).with(more).with(&["--out".as_ref(), place.path(out).as_os_str()]).run()
    };
    // The odd item is the seventh: it is not learnt, and it is validated.
    let outcome = train("fit", &["--validation-split", "train", "--validation-limit", "7"]);
    outcome.expect_code(3).expect_error(&["the validation loss of step 1 is not finite", &id]);

    let few = ["--validation-limit", "1"];
    train("whole", &few).expect_code(0);
    let item: serde_json::Value = RunFiles::of(&place.path("whole")).text("items/validation.jsonl").parse().unwrap();
    let id = item["id"].as_str().unwrap();
    std::fs::write(place.path("hm/images").join(&id[..3]).join(format!("{id}.jpg")), b"no image").unwrap();
    let reason = "no item of the validation split `validation` could be used";
    train("none", &few).expect_code(3).expect_error(&[reason]);
}

#[test]
fn a_training_that_makes_its_model_worse_is_remarked_on() {
    let place = Place::new();
    let fit = |out: &str, rate: &str| {
        train(&place, &place.path(out), &["--steps", "3", "--validation-split", "none", "--learning-rate", rate]).run()
    };
    let remark = "the training made the model worse";
    let worse = fit("worse", "100").expect_code(0);
    assert!(worse.stderr.contains(remark), "{worse}");
    let better = fit("better", "1e-4").expect_code(0);
    assert!(!better.stderr.contains(remark), "{better}");
}

#[test]
fn a_micro_batch_that_does_not_fit_ends_with_what_takes_less() {
    let place = Place::with(Registry::usual().model("small", "room = 2"));
    let fit = |out: &str, micro: &str| {
        let flags = ["--steps", "2", "--batch-size", "4", "--micro-batch", micro, "--out"];
        place.host(&["train", "--model", "small", "--dataset", "hm"]).with(&flags).with(&[place.path(out)]).run()
    };
    fit("large", "4").expect_code(3).expect_error(&[
        "there is room for 2 at once",
        "a smaller --micro-batch than 4 takes less, and so does --gradient-checkpointing",
    ]);
    fit("fits", "2").expect_code(0);
}

#[test]
fn a_damaged_image_costs_its_item_and_is_told_once() {
    let (place, id) = place_with_image(|path| std::fs::write(path, b"no image").unwrap(), "");
    let outcome = train(&place, &place.path("fit"), &["--epochs", "2"]).run().expect_code(0);
    assert_eq!(outcome.stderr.matches(&format!("item {id} is left out")).count(), 1, "{outcome}");
}

#[test]
fn what_cannot_be_trained_says_why() {
    let place = Place::new();
    let mut number = 0;
    let mut try_train = |more: &[&str]| {
        number += 1;
        train(&place, &place.path(&format!("fit-{number}")), more).run()
    };
    try_train(&["--strategy", "query-vaule"])
        .expect_code(2)
        .expect_error(&["no LoRA strategy `query-vaule`", "did you mean `query-value`"]);
    try_train(&["--strategy", "regex", "--set", "pattern=.*q_prj"])
        .expect_code(2)
        .expect_error(&["matches no layer", "q_proj"]);
    try_train(&["--strategy", "mlp"]).expect_code(2).expect_error(&["matches no layer", "`q_proj`"]);
    try_train(&["--rank", "49"]).expect_code(2).expect_error(&["rank 49 is larger than", "q_proj"]);
    try_train(&["--set", "rnak=3"]).expect_code(2).expect_error(&["--set rnak=3 is not understood"]);
    try_train(&["--dropout", "1.5"]).expect_code(2).expect_error(&["dropout 1.5"]);
    try_train(&["--scaling", "foo"])
        .expect_code(2)
        .expect_error(&["--scaling foo is not understood", "rank-stabilised"]);
    try_train(&["--alpha", "nan"]).expect_code(2).expect_error(&["`alpha` is NaN"]);
    try_train(&["--save-every", "0"]).expect_code(2).expect_error(&["`save-every` is 0"]);
    try_train(&["--validation-split", "valid"])
        .expect_code(3)
        .expect_error(&["the split `valid` has no items", "--validation-split"]);
    try_train(&["--caption-metrics", "blue"]).expect_code(2).expect_error(&["did you mean `bleu`"]);
    // Known only to the plugin, and told before the first step.
    let late = place.path("late");
    let refused = train(&place, &late, &["--caption-metrics", "bleu-9"]).run().expect_code(2);
    refused.expect_error(&["metric `bleu` has no value `bleu-9`"]);
    assert!(!late.exists(), "a refused training left a folder");
    let registry = std::fs::read_to_string(place.path("registry.toml")).unwrap();
    let again = "\n[metrics.again]\nplugin = \"ngram\"\ncomponent = \"bleu\"\n";
    place.write("registry.toml", &(registry.clone() + again));
    try_train(&["--caption-metrics", "bleu-1,again"])
        .expect_code(2)
        .expect_error(&["metric `again` reports `bleu-1`, and so does metric `bleu`"]);
    place.write("registry.toml", &registry);

    // Split files that give the training nothing.
    let splits = place.path("splits");
    std::fs::create_dir(&splits).unwrap();
    place.write("splits/test.txt", "0000000000\n");
    let text = std::fs::read_to_string(place.path("registry.toml")).unwrap();
    place.write(
        "registry.toml",
        &text.replace("[datasets.hm]\n", &format!("[datasets.hm]\nsplits = {:?}\n", splits.display().to_string())),
    );
    train(&place, &place.path("none"), &[])
        .run()
        .expect_code(3)
        .expect_error(&["there is nothing to learn", "the split `train` has no items"]);
}

#[test]
fn a_training_that_is_refused_leaves_its_folder_to_the_next() {
    let place = Place::new();
    let out = place.path("fit");
    for wrong in [&["--rank", "0"][..], &["--set", "foo=1"], &["--validation-split", "valid"]] {
        assert_ne!(train(&place, &out, wrong).run().code, Some(0));
        assert!(!out.exists(), "{wrong:?} left a folder");
    }
    // What lay in the folder stays, and nothing comes to it.
    std::fs::create_dir(&out).unwrap();
    place.write("fit/notes.txt", "mine\n");
    train(&place, &out, &["--dropout", "1"]).run().expect_code(2);
    let names: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["notes.txt"]);
    train(&place, &out, &["--steps", "2", "--rank", "8"]).run().expect_code(0);
    // A folder with a training in it is none of a refused one's: it stays as it is.
    let before = RunFiles::of(&out);
    train(&place, &out, &["--rank", "0", "--resume"]).run().expect_code(2).expect_error(&["another plan"]);
    assert_same_run(&RunFiles::of(&out), &before);
}

#[test]
fn a_disk_that_fills_up_keeps_the_earlier_checkpoint_and_the_training_goes_on_with_space() {
    let place = Place::new();
    let whole = place.path("whole");
    let options = ["--epochs", "3", "--validate-every", "4"];
    train(&place, &whole, &options).run().expect_code(0);
    let disk = match SmallDisk::mount(&place.path("disk"), 1 << 16) {
        Ok(disk) => disk,
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return;
        }
    };
    let pages = |files: &RunFiles| files.0.values().map(|bytes| bytes.len().div_ceil(4096) as u64 * 4).sum::<u64>();
    let needed = pages(&RunFiles::of(&whole));
    let items = pages(&RunFiles::of(&whole).only(|path| path.starts_with("items/") || path.ends_with(".toml")));
    let mut saved = 0;
    for kibibytes in (0..12).map(|part| items + 16 + part * 8).filter(|size| *size < needed + 64) {
        let out = disk.path().join(format!("fit-{kibibytes}"));
        disk.resize(kibibytes);
        let outcome = train(&place, &out, &options).run();
        if outcome.code != Some(0) {
            let outcome = outcome.expect_code(3);
            assert!(outcome.stderr.to_lowercase().contains("no space left on device"), "{outcome}");
            saved += usize::from(out.join("checkpoints/index.json").is_file());
        }
        disk.resize(1 << 16);
        train(&place, &out, &[&options[..], &["--resume"]].concat()).run().expect_code(0);
        assert_same_run(&results(&out), &results(&whole));
        std::fs::remove_dir_all(&out).unwrap();
    }
    assert!(saved > 0, "the disk was never full after the first checkpoint");
}
