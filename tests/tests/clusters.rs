//! Submitting without a cluster: manifests against Kubernetes' published types, each completion index run as the engine would, what
//! schedulers say when they refuse (from stand-ins on the PATH), and how fast a large run's status is.

use end_to_end_tests::{Host, Outcome, Place, Registry, RunFiles, assert_same_run, repository, sweep_results};
use k8s_openapi::api::batch::v1::Job;
use serde::Deserialize;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

const OPTIONS: [&str; 6] = ["--models", "fine,slow", "--datasets", "hm,fashiongen", "--split", "all"];

fn place() -> Place {
    let place = Place::with(Registry::usual().model("slow", "milliseconds = 1"));
    fs::create_dir(place.path("bin")).unwrap();
    place
}

/// A stand-in for a scheduler's program: it notes how it was called, then does this.
fn stand_in(place: &Place, program: &str, script: &str) {
    let path = place.path("bin").join(program);
    let calls = place.path("calls");
    let text = format!("#!/bin/sh\necho \"{program} $*\" >>'{}'\n{script}\n", calls.display());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn calls(place: &Place) -> String {
    fs::read_to_string(place.path("calls")).unwrap_or_default()
}

/// With the stand-ins alone before the system's own programs, of which none is a scheduler's.
fn with_stand_ins(place: &Place, host: Host) -> Host {
    host.environment("PATH", &format!("{}:/nowhere", place.path("bin").display()))
}

fn submit(place: &Place, engine: &str, arguments: &[&str]) -> Outcome {
    with_stand_ins(place, place.host(&["submit", engine, "--run", "runs/parts"]).with(&OPTIONS).with(arguments)).run()
}

fn jobs_of(text: &str) -> Vec<(Job, serde_json::Value)> {
    serde_norway::Deserializer::from_str(text)
        .map(|document| {
            let value = serde_json::Value::deserialize(document).expect("a manifest is YAML");
            let job: Job = serde_json::from_value(value.clone()).expect("a manifest is a Job of the published API");
            // What the published types do not know is lost on the way.
            assert_eq!(serde_json::to_value(&job).unwrap(), value, "a field that the published API does not have");
            (job, value)
        })
        .collect()
}

fn arguments_of(job: &Job) -> Vec<String> {
    let pod = job.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    assert_eq!(pod.containers.len(), 1);
    assert!(pod.containers[0].command.is_none(), "the image's own entry point is what runs");
    pod.containers[0].args.clone().unwrap()
}

#[test]
fn every_completion_index_run_as_the_engine_would_gives_the_bytes_of_an_undivided_run() {
    let place = place();
    place.host(&["eval", "--run", "runs/whole"]).with(&OPTIONS).run().expect_code(0);
    let claim = format!("work:{}", place.folder().display());
    let image = ["--image", "registry.example/lookbook:1", "--claim", &claim, "--claim", "data:/data:ro"];
    let sized = ["--shards", "3", "--gpus", "2", "--mem", "6G", "--cpus", "2", "--at-most", "4", "--namespace", "team"];
    let registry = place.path("registry.toml").display().to_string();
    let options = [&image[..], &sized[..], &["--registry", &registry]].concat();

    let printed = submit(&place, "kubernetes", &[&options[..], &["--dry-run"]].concat()).expect_code(0).stdout;
    assert!(!place.path("runs/parts").exists(), "printing makes nothing");
    stand_in(&place, "kubectl", "exit 0");
    submit(&place, "kubernetes", &options).expect_code(0);
    let applied = fs::read_to_string(place.path("runs/parts/submissions/0001/jobs.yaml")).unwrap();
    assert_eq!(applied, printed);
    assert!(calls(&place).contains("kubectl apply --filename") && calls(&place).contains("--namespace team"));

    let jobs = jobs_of(&applied);
    assert_eq!(jobs.len(), 2);
    let (tasks, merge) = (&jobs[0].0, &jobs[1].0);
    let spec = tasks.spec.as_ref().unwrap();
    assert_eq!((spec.completions, spec.parallelism), (Some(6), Some(4)));
    assert_eq!(spec.completion_mode.as_deref(), Some("Indexed"));
    let limits = &jobs[0].1["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(*limits, serde_json::json!({"memory": "6144Mi", "nvidia.com/gpu": "2"}));
    for (job, _) in &jobs {
        let name = job.metadata.name.as_deref().unwrap();
        assert!(
            name.len() <= 63
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        );
    }

    let entry = fs::read_to_string(repository().join("Dockerfile")).unwrap();
    assert!(entry.lines().any(|line| line == "ENTRYPOINT [\"/opt/lookbook/host\"]"), "{entry}");
    // In another order than their numbers', one of them twice, as after a lost pod.
    for index in [4, 1, 0, 5, 2, 3, 1] {
        let arguments = arguments_of(tasks);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let waiting = place.host(&["status", "runs/parts", "--json"]);
        assert_eq!(with_stand_ins(&place, waiting).run().expect_code(0).json()["status"]["counts"]["failed"], 0);
        place.host(&arguments).environment("JOB_COMPLETION_INDEX", &index.to_string()).run().expect_code(0);
    }
    let arguments = arguments_of(merge);
    assert!(arguments.contains(&"--wait".to_owned()));
    place.host(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).run().expect_code(0);
    let results = |run: RunFiles| run.only(|path| !path.starts_with("submissions"));
    assert_same_run(&results(place.run("parts")), &results(place.run("whole")));
    let out_of_range = arguments_of(tasks);
    let out_of_range: Vec<&str> = out_of_range.iter().map(String::as_str).collect();
    place
        .host(&out_of_range)
        .environment("JOB_COMPLETION_INDEX", "6")
        .run()
        .expect_code(2)
        .expect_error(&["no task 6"]);
}

#[test]
fn what_is_missing_goes_to_another_number_of_tasks_and_another_scheduler() {
    let place = place();
    place.host(&["eval", "--run", "runs/whole"]).with(&OPTIONS).run().expect_code(0);
    stand_in(&place, "sbatch", "echo 4711");
    stand_in(&place, "squeue", "exit 0");
    stand_in(&place, "sacct", "exit 1");
    submit(&place, "slurm", &["--shards", "6", "--gres", "none"]).expect_code(0);
    let work = |submission: &str, task: usize| {
        let task = task.to_string();
        place.host(&["work", "runs/parts", "--submission", submission]).with(&["--task", &task]).run().expect_code(0);
    };
    // Of each model, five of six shards.
    (0..12).filter(|task| task % 6 != 3).for_each(|task| work("1", task));
    let resume = |arguments: &[&str]| {
        with_stand_ins(&place, place.host(&["submit"]).with(arguments).with(&["--resume", "runs/parts", "--json"]))
            .run()
    };
    // The fourth of six shards, divided into two, is odd places alone.
    let sent = resume(&["--shards", "2"]).expect_code(0).json();
    let shards: Vec<&str> =
        sent["tasks"].as_array().unwrap().iter().map(|task| task["shard"].as_str().unwrap()).collect();
    assert_eq!(shards, ["2/2", "2/2"]);
    stand_in(&place, "kubectl", "exit 0");
    let claim = format!("work:{}", place.folder().display());
    let sent = resume(&["kubernetes", "--shards", "4", "--image", "lookbook", "--claim", &claim]).expect_code(0).json();
    let count = sent["tasks"].as_array().unwrap().len();
    (0..count).for_each(|task| work("3", task));
    place.host(&["merge", "runs/parts", "--wait"]).run().expect_code(0);
    let results = |run: RunFiles| run.only(|path| !path.starts_with("submissions"));
    assert_same_run(&results(place.run("parts")), &results(place.run("whole")));
    assert_eq!(resume(&[]).expect_code(0).json()["tasks"], serde_json::json!([]));
}

const SWEEP: &str = "[train]\nmodel = \"fine\"\ndataset = \"hm\"\nbatch-size = 8\nepochs = 2\n\n[grid]\n\
                     strategy = [\"query-value\", \"all-linear\"]\nlearning-rate = [0.02, 0.1]\n";

#[test]
fn a_sweeps_trials_run_as_indices_give_the_ranking_of_an_undivided_sweep() {
    let place = place();
    place.write("sweep.toml", SWEEP);
    place.host(&["sweep", "sweep.toml", "--out", "whole"]).run().expect_code(0);
    let claim = format!("work:{}", place.folder().display());
    let registry = place.path("registry.toml").display().to_string();
    let image = ["--image", "lookbook", "--claim", &claim, "--registry", &registry, "--mem", "6G", "--gpus", "1"];
    let submit = |more: &[&str]| {
        let arguments = ["submit", "kubernetes", "sweep", "sweep.toml", "--out", "parts"];
        with_stand_ins(&place, place.host(&arguments).with(&image).with(more)).run()
    };
    let printed = submit(&["--dry-run"]).expect_code(0).stdout;
    assert!(!place.path("parts").exists(), "printing makes nothing");
    stand_in(&place, "kubectl", "exit 0");
    submit(&[]).expect_code(0);
    assert_eq!(fs::read_to_string(place.path("parts/submissions/0001/jobs.yaml")).unwrap(), printed);
    let jobs = jobs_of(&printed);
    assert_eq!(jobs.len(), 2);
    let spec = jobs[0].0.spec.as_ref().unwrap();
    assert_eq!((spec.completions, spec.completion_mode.as_deref()), (Some(4), Some("Indexed")));
    let words = |job: usize| arguments_of(&jobs[job].0);
    let run = |job: usize, index: &str| {
        let words = words(job);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        place.host(&words).environment("JOB_COMPLETION_INDEX", index).run()
    };
    assert!(words(1).contains(&"--wait".to_owned()));
    let status = || with_stand_ins(&place, place.host(&["status", "parts", "--json"])).run().expect_code(0).json();
    assert_eq!(status()["status"]["cells"][0]["model"], "trial 001");
    for index in ["2", "0", "3", "1", "0"] {
        run(0, index).expect_code(0);
    }
    let counts = status()["status"]["counts"].clone();
    assert_eq!(counts["done"], 4, "{counts}");
    run(1, "0").expect_code(0);
    assert_same_run(&sweep_results(&place.path("parts")), &sweep_results(&place.path("whole")));
    let resume = || with_stand_ins(&place, place.host(&["submit", "--resume", "parts"])).run();
    resume().expect_code(0).expect_error(&["nothing is missing"]);
    // Another sweep, or another model than planned, is not mixed in.
    place.write("sweep.toml", &SWEEP.replace("0.1]", "0.2]"));
    submit(&[]).expect_code(2).expect_error(&["another sweep"]);
}

#[test]
fn a_trial_that_fails_is_told_and_alone_sent_again() {
    let place = place();
    // A rank that the model's layers do not have shows when it is adapted.
    place.write("sweep.toml", &SWEEP.replace("learning-rate = [0.02, 0.1]", "rank = [4, 49]"));
    stand_in(&place, "sbatch", "echo 4711");
    stand_in(&place, "squeue", "exit 0");
    stand_in(&place, "sacct", "exit 1");
    let submit = |arguments: &[&str]| {
        with_stand_ins(&place, place.host(&["submit"]).with(arguments).with(&["--json"])).run().expect_code(0).json()
    };
    let sweep = ["slurm", "sweep", "sweep.toml", "--out", "sweep", "--gres", "none", "--mem", "1G"];
    assert_eq!(submit(&sweep)["tasks"].as_array().unwrap().len(), 4);
    let script = fs::read_to_string(place.path("sweep/submissions/0001/array-0.sh")).unwrap();
    assert!(script.contains("#SBATCH --array=0-3") && script.contains("a trial of the sweep each"), "{script}");
    assert!(calls(&place).contains("--dependency=afterany:4711"), "{}", calls(&place));
    for (task, code) in [("0", 0), ("1", 2), ("2", 0)] {
        let work = ["work", "sweep", "--submission", "1", "--task", task];
        place.host(&work).run().expect_code(code);
    }
    let status = with_stand_ins(&place, place.host(&["status", "sweep"])).run().expect_code(0).stdout;
    for text in ["2 done", "1 failed", "1 incomplete", "trial 002 on hm", "rank 49 is larger", "--resume sweep"] {
        assert!(status.contains(text), "no {text:?}\n{status}");
    }
    let merged = place.host(&["merge", "sweep"]).run().expect_code(1);
    assert!(merged.stdout.contains("rank 49 is larger") && merged.stdout.contains("it is not finished"), "{merged}");
    let sent = submit(&["--resume", "sweep"]);
    let trials: Vec<&str> =
        sent["tasks"].as_array().unwrap().iter().map(|task| task["trial"].as_str().unwrap()).collect();
    assert_eq!(trials, ["002", "004"]);
    let odd = ["submit", "slurm", "--models", "fine", "sweep", "sweep.toml"];
    place.host(&odd).run().expect_code(2).expect_error(&["divide captioning"]);
}

#[test]
fn a_training_is_one_task_with_nothing_behind_it() {
    let place = place();
    let options = ["--model", "fine", "--dataset", "hm", "--batch-size", "8", "--epochs", "2", "--seed", "7"];
    place.host(&["train", "--out", "whole"]).with(&options).run().expect_code(0);
    stand_in(&place, "sbatch", "echo 4711");
    let arguments = ["submit", "slurm", "train", "--out", "part", "--gres", "none", "--time", "10"];
    let host = place.host(&arguments).with(&options);
    with_stand_ins(&place, host).run().expect_code(0);
    assert_eq!(calls(&place).matches("sbatch").count(), 1, "{}", calls(&place));
    let script = fs::read_to_string(place.path("part/submissions/0001/array-0.sh")).unwrap();
    assert!(script.contains("#SBATCH --time=10") && script.contains("scontrol requeue"), "{script}");
    let task = place.host(&["work", "part", "--submission", "1"]).environment("SLURM_ARRAY_TASK_ID", "0");
    task.run().expect_code(0);
    let adapter = |out: &str| RunFiles::of(&place.path(out)).only(|path| path.starts_with("adapter/"));
    assert_same_run(&adapter("part"), &adapter("whole"));
    let status = with_stand_ins(&place, place.host(&["status", "part"])).run().expect_code(0).stdout;
    assert!(status.contains("1 cell: 1 done") && !status.contains("next:"), "{status}");
    place.host(&["merge", "part"]).run().expect_code(2).expect_error(&["nothing to be joined"]);

    let claim = format!("work:{}", place.folder().display());
    let arguments = ["submit", "kubernetes", "train", "--out", "pod", "--image", "lookbook", "--claim", &claim];
    let host = place.host(&arguments).with(&options).with(&["--dry-run"]);
    let jobs = jobs_of(&with_stand_ins(&place, host).run().expect_code(0).stdout);
    assert_eq!((jobs.len(), jobs[0].0.spec.as_ref().unwrap().completions), (1, Some(1)));
    let wrong = ["submit", "slurm", "train", "--out", "wrong", "--strategy", "none-such"];
    place.host(&wrong).with(&options).run().expect_code(2).expect_error(&["no LoRA strategy"]);
    // What only the plugins and the data can tell is asked before anything is sent.
    let wrong = ["submit", "slurm", "train", "--out", "wrong", "--gres", "none", "--time", "10"];
    for (flags, code, error) in [
        (["--set", "no-such=1"], 2, "no-such"),
        (["--train-split", "none-such"], 3, "there is nothing to learn"),
        (["--validation-split", "none-such"], 3, "nothing can be validated"),
    ] {
        for dry in [&[][..], &["--dry-run"]] {
            let host = place.host(&wrong).with(&options).with(&flags).with(dry);
            with_stand_ins(&place, host).run().expect_code(code).expect_error(&[error]);
            assert!(!place.path("wrong").exists(), "{flags:?} left a folder");
        }
    }
    place.write(
        "sweep.toml",
        "[train]\nmodel = \"fine\"\ndataset = \"hm\"\n[train.strategy-options]\nno-such = 1\n[grid]\nrank = [2, 4]\n",
    );
    let sweep =
        place.host(&["submit", "slurm", "sweep", "sweep.toml", "--out", "wrong", "--gres", "none", "--time", "10"]);
    with_stand_ins(&place, sweep).run().expect_code(2).expect_error(&["trial 001", "no-such"]);
    assert!(!place.path("wrong").exists());
    assert_eq!(calls(&place).matches("sbatch").count(), 1, "{}", calls(&place));
}

#[test]
fn a_task_gets_the_memory_that_models_check_tells() {
    let place = Place::with(Registry::usual().nano());
    let needs = place.host(&["models", "check", "nano", "--json"]).run().expect_code(0).json();
    let memory = needs["memory"].as_array().unwrap_or_else(|| panic!("{needs}"));
    let cpu = memory.iter().find(|need| need["device"] == "cpu").unwrap();
    let need = |batch: u64| cpu["weights"].as_u64().unwrap() + batch * cpu["image"].as_u64().unwrap();
    let weights = fs::metadata(repository().join("samples/nano/blip2-opt/model.safetensors")).unwrap().len();
    let gib = |bytes: u64| (bytes + weights + (2 << 30)).div_ceil(4 << 30) * 4;
    // A batch that needs more than the weights do.
    let batch = (6 << 30) / cpu["image"].as_u64().unwrap();
    for batch in [1, batch] {
        let options = ["--models", "nano", "--datasets", "hm", "--run", "runs/sized", "--device", "cpu", "--dry-run"];
        let host = place.host(&["submit", "slurm", "--batch-size", &batch.to_string()]).with(&options);
        let script = host.run().expect_code(0).stdout;
        let line = format!("#SBATCH --mem={}M", gib(need(batch)) * 1024);
        assert!(script.lines().any(|other| other == line), "no {line}\n{script}");
    }
    assert!(gib(need(1)) < gib(need(batch)));
}

#[test]
fn a_task_with_other_weights_than_planned_is_refused() {
    let place = place();
    stand_in(&place, "sbatch", "echo 4711");
    submit(&place, "slurm", &["--gres", "none"]).expect_code(0);
    place.write("weights/config.json", "{\"model_type\": \"trial\", \"other\": 1}\n");
    let task = place.host(&["work", "runs/parts", "--submission", "1", "--task", "0"]).run().expect_code(2);
    task.expect_error(&["another plan", "weights_sha256"]);
    let status = with_stand_ins(&place, place.host(&["status", "runs/parts"])).run().expect_code(0);
    assert!(status.stdout.contains("1 failed"), "{status}");
}

#[test]
fn what_a_scheduler_says_is_told_with_what_to_do() {
    let place = place();
    let task = ["--mem", "1G", "--gres", "none"];
    submit(&place, "slurm", &task).expect_code(3).expect_error(&["Slurm is not here", "no `sbatch`", "--dry-run"]);
    let claim = format!("work:{}", place.folder().display());
    let pod = ["--image", "lookbook", "--claim", &claim];
    submit(&place, "kubernetes", &pod).expect_code(3).expect_error(&["Kubernetes is not here", "no `kubectl`"]);
    submit(&place, "kubernetes", &pod[..2]).expect_code(2).expect_error(&["no volume", "--claim"]);
    submit(&place, "kubernetes", &pod[2..]).expect_code(2).expect_error(&["no image", "--image"]);
    submit(&place, "slurm", &["--mem", "lots"]).expect_code(2).expect_error(&["`lots` is no size of memory"]);
    let none = place.host(&["submit", "--resume", "runs/parts"]);
    with_stand_ins(&place, none).run().expect_code(2).expect_error(&["never submitted", "submit slurm --resume"]);

    let says = |program: &str, words: &str| stand_in(&place, program, &format!("echo '{words}' >&2; exit 1"));
    let policy = "Batch job submission failed: Job violates accounting/QOS policy (job submit limit, the size and/or time limits)";
    for (words, advice) in [
        (policy, "--shards"),
        ("sbatch: error: invalid partition specified: nowhere", "sinfo"),
        ("Batch job submission failed: Invalid account or account/partition combination specified", "--account"),
        ("Batch job submission failed: Access/permission denied", "refuses"),
    ] {
        says("sbatch", words);
        submit(&place, "slurm", &task).expect_code(3).expect_error(&[words, advice]);
        assert!(!place.path("runs/parts/submissions/0001").exists());
    }
    let quota = "Error from server (Forbidden): jobs.batch is forbidden: exceeded quota: team, requested: count/jobs.batch=1, used: 4, limited: 4";
    says("kubectl", quota);
    submit(&place, "kubernetes", &pod).expect_code(3).expect_error(&[quota, "kubectl describe quota"]);
    says(
        "kubectl",
        "The connection to the server localhost:8080 was refused - did you specify the right host or port?",
    );
    submit(&place, "kubernetes", &pod).expect_code(3).expect_error(&["was refused", "get-contexts", "--dry-run"]);

    // The array is taken and the job that merges is not: neither stays.
    stand_in(
        &place,
        "sbatch",
        "case \"$*\" in *merge.sh) echo 'QOSMaxSubmitJobPerUserLimit' >&2; exit 1;; esac; echo 4711",
    );
    stand_in(&place, "scancel", "exit 0");
    submit(&place, "slurm", &task).expect_code(3).expect_error(&["QOSMaxSubmitJobPerUserLimit", "--shards"]);
    assert!(calls(&place).contains("scancel 4711"), "{}", calls(&place));
}

#[test]
fn the_registry_says_what_flags_leave_out_and_wrong_keys_are_errors() {
    let place = place();
    let text = fs::read_to_string(place.path("registry.toml")).unwrap();
    let defaults = "[submit.slurm]\npartition = \"gpu\"\nsetup = [\"module load cuda\"]\n[submit.task]\ncpus = 6\n";
    place.write("registry.toml", &format!("{text}\n{defaults}"));
    let script = submit(&place, "slurm", &["--dry-run", "--time", "1:00:00"]).expect_code(0).stdout;
    for line in ["#SBATCH --partition=gpu", "#SBATCH --cpus-per-task=6", "module load cuda", "#SBATCH --time=1:00:00"] {
        assert!(script.lines().any(|other| other == line), "{line}\n{script}");
    }
    assert!(submit(&place, "slurm", &["--dry-run", "--partition", "cpu"]).stdout.contains("--partition=cpu"));
    place.write("registry.toml", &format!("{text}\n[submit.slurm]\npartitions = \"gpu\"\n"));
    submit(&place, "slurm", &["--dry-run"]).expect_code(2).expect_error(&["partitions"]);
}

#[test]
fn ten_thousand_cells_are_looked_at_at_once() {
    const SIDE: usize = 100;
    let place = place();
    place
        .host(&["eval", "--models", "fine", "--datasets", "hm", "--limit", "1", "--run", "runs/small"])
        .run()
        .expect_code(0);
    let plan = fs::read_to_string(place.path("runs/small/run.toml")).unwrap();
    let (mut head, mut tail, mut model, mut dataset) = (String::new(), String::new(), String::new(), String::new());
    // The tables of a plan by their first line.
    let mut at = 0;
    for line in plan.lines() {
        at = match line {
            "[[model]]" => 1,
            "[[dataset]]" => 2,
            line if line.starts_with("[[metric]]") => 3,
            _ => at,
        };
        let _ = writeln!([&mut head, &mut model, &mut dataset, &mut tail][at], "{line}");
    }
    let many = |text: &str, name: &str| -> String {
        (0..SIDE)
            .map(|number| text.replacen(&format!("name = \"{name}\""), &format!("name = \"{name}-{number}\""), 1))
            .collect()
    };
    let run = place.path("runs/large");
    fs::create_dir_all(run.join("items")).unwrap();
    fs::write(run.join("run.toml"), head + &many(&model, "fine") + &many(&dataset, "hm") + &tail).unwrap();
    let lines = |count: usize| "{\"id\":\"1\",\"error\":\"x\"}\n".repeat(count);
    for dataset in 0..SIDE {
        fs::write(run.join(format!("items/hm-{dataset}.jsonl")), lines(20)).unwrap();
        for model in 0..SIDE {
            let cell = run.join(format!("predictions/hm-{dataset}/fine-{model}"));
            fs::create_dir_all(&cell).unwrap();
            fs::write(cell.join("shard-0001-of-0002.jsonl"), lines(10)).unwrap();
            fs::write(cell.join("shard-0002-of-0002.jsonl"), lines(if model == 0 { 9 } else { 10 })).unwrap();
        }
    }
    let started = Instant::now();
    let outcome = place.host(&["status", "runs/large", "--json"]).run().expect_code(0);
    println!("the status of {} cells took {:?}", SIDE * SIDE, started.elapsed());
    let counts = &outcome.json()["status"]["counts"];
    assert_eq!((&counts["done"], &counts["incomplete"]), (&(9_900.into()), &(100.into())), "{counts}");
    let text = place.host(&["status", "runs/large"]).run().expect_code(0).stdout;
    assert!(text.contains("10000 cells") && text.lines().count() < 20, "{text}");
}
