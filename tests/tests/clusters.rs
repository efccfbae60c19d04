//! Submitting without a cluster: manifests against Kubernetes' published types, each completion index run as the engine would, what
//! schedulers say when they refuse (from stand-ins on the PATH), and how fast a large run's status is.

use end_to_end_tests::{Host, Outcome, Place, Registry, RunFiles, assert_same_run, repository};
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
