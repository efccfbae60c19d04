//! Runs on a real Slurm with two virtual nodes: the bytes of an undivided run, whatever happens to nodes, workers and jobs, and nothing done
//! twice but what was in hand. Skipped where Slurm is not installed.

use end_to_end_tests::{Place, Registry, RunFiles, Slurm, assert_same_run, sweep_results, wait_until};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(240);
const SMALL: [&str; 6] = ["--cpus", "1", "--mem", "500M", "--gres", "none"];

/// All but what tells of the submissions.
fn results(run: RunFiles) -> RunFiles {
    run.only(|path| !path.starts_with("submissions"))
}

fn submit(slurm: &Slurm, place: &Place, arguments: &[&str]) -> serde_json::Value {
    let host = place.host(&["submit", "slurm", "--json"]).with(arguments).with(&SMALL);
    slurm.host(host).run().expect_code(0).json()
}

fn status(slurm: &Slurm, place: &Place, run: &str) -> serde_json::Value {
    slurm.host(place.host(&["status", run, "--json"])).run().expect_code(0).json()
}

fn until_merged(slurm: &Slurm, place: &Place, run: &str) {
    let merged = || place.path(run).join("scores.json").is_file() && status(slurm, place, run)["goes_on"] == false;
    assert!(wait_until(PATIENCE, merged), "{}\n{}", status(slurm, place, run), slurm.ask("squeue", &["--array"]));
}

/// Images that the trial captioner captioned, again ones included.
fn captioned(place: &Place, journal: &str) -> usize {
    std::fs::read_to_string(place.path(journal)).unwrap_or_default().lines().count()
}

#[test]
fn six_shards_of_the_demo_models_run_as_an_array_give_the_bytes_of_an_undivided_run() {
    let Some(slurm) = Slurm::start() else { return };
    // A folder whose name scripts must quote.
    let place = Place::with(Registry::usual().nano());
    let options = ["--models", "nano,fine", "--datasets", "hm,fashiongen", "--split", "all", "--limit", "9"];
    place.host(&["eval", "--run", "runs/whole"]).with(&options).run().expect_code(0);
    let run = "runs/it's 100 % ours";
    let sent = submit(&slurm, &place, &[&options[..], &["--shards", "6", "--run", run]].concat());
    assert_eq!(sent["tasks"].as_array().unwrap().len(), 12);
    // Both need the same memory as asked for: one array, and the job that merges.
    assert_eq!(sent["jobs"].as_array().unwrap().len(), 2, "{sent}");
    until_merged(&slurm, &place, run);
    assert_same_run(&results(RunFiles::of(&place.path(run))), &results(place.run("whole")));
    let done = status(&slurm, &place, run);
    assert_eq!(done["status"]["counts"]["done"], 4, "{done}");
    let log = std::fs::read_to_string(place.path(run).join("submissions/0001/merge.log")).unwrap();
    assert!(log.contains("BLEU-4"), "{log}");

    // What cannot be sent, in the scheduler's words.
    let refused = |arguments: &[&str], texts: &[&str]| {
        let host = place.host(&["submit", "slurm", "--run", "runs/refused"]).with(&options).with(arguments);
        slurm.host(host).run().expect_code(3).expect_error(texts);
        assert!(!place.path("runs/refused/submissions/0001").exists(), "what was refused is on record");
    };
    let small = |more: [&'static str; 2]| [&SMALL[..], &more[..]].concat();
    refused(&small(["--partition", "nowhere"]), &["invalid partition specified: nowhere", "sinfo"]);
    refused(
        &["--partition", "short", "--time", "10", "--mem", "500M", "--cpus", "1"],
        &["Requested time limit is invalid", "ask for less --time"],
    );
    refused(&["--gres", "gpu:1", "--mem", "500M", "--cpus", "1"], &["Invalid generic resource", "--gres none"]);
    refused(&["--mem", "900G", "--cpus", "1"], &["Memory specification can not be satisfied", "--mem"]);
    refused(&["--cpus", "3", "--mem", "500M"], &["configuration is not available", "--cpus"]);
    refused(&small(["--shards", "9"]), &["Invalid job array specification", "MaxArraySize"]);
    assert_eq!(slurm.ask("squeue", &["--noheader"]), "", "a refused submission left jobs behind");
}

#[test]
fn a_dead_node_a_killed_worker_and_cancelled_jobs_cost_only_what_was_in_hand() {
    let Some(slurm) = Slurm::start() else { return };
    let place = slow_place(300);
    let items = 60 + 30;
    let options = ["--models", "slow", "--datasets", "hm,fashiongen", "--split", "all", "--batch-size", "1"];
    place.host(&["eval", "--run", "runs/whole"]).with(&options).with(&["--jobs", "4"]).run().expect_code(0);
    std::fs::remove_file(place.path("journal")).unwrap();

    let run = "runs/six";
    submit(&slurm, &place, &[&options[..], &["--shards", "6", "--run", run]].concat());
    let at_least = |count: usize| assert!(wait_until(PATIENCE, || captioned(&place, "journal") >= count));
    at_least(8);
    // A worker on n2, mid-shard: its host starts another.
    let worker = workers_on(&slurm, "n2").first().copied().expect("a task runs on n2");
    assert!(std::process::Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap().success());
    let mut in_hand = 1;
    // The other node dies with all that is on it.
    slurm.kill_node("n1");
    in_hand += 2;
    at_least(30);
    // All is cancelled, and what is missing goes on in four shards instead of six, on the node that is left.
    let job = || status(&slurm, &place, run)["status"]["submission"]["jobs"].clone();
    let ids: Vec<String> = job().as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    let early = slurm.host(place.host(&["submit", "--resume", run, "--shards", "4"])).run().expect_code(3);
    early.expect_error(&["queued or running", "scancel", "host status"]);
    slurm.ask("scancel", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    in_hand += 4;
    // Until the queue has let go of them, on the dead node too.
    let again = |more: &'static str| slurm.host(place.host(&["submit", "--resume", run, "--shards", "4", more])).run();
    assert!(wait_until(PATIENCE, || again("--dry-run").code == Some(0)));
    let cancelled = status(&slurm, &place, run);
    assert_eq!(cancelled["status"]["counts"]["incomplete"], 2, "{cancelled}");
    assert!(cancelled["next"].as_str().unwrap().contains("host submit --resume"), "{cancelled}");

    let sent = again("--json").expect_code(0).json();
    assert_eq!(sent["submission"], 2);
    assert!(sent["tasks"].as_array().unwrap().iter().all(|task| task["shard"].as_str().unwrap().ends_with("/4")));
    until_merged(&slurm, &place, run);
    assert_same_run(&results(place.run("six")), &results(place.run("whole")));
    let again = captioned(&place, "journal") - items;
    println!("{again} of {items} items were captioned twice; {in_hand} may have been in hand");
    assert!(again <= in_hand, "{again} items were captioned twice, and only {in_hand} can have been in hand");
    let nothing = slurm.host(place.host(&["submit", "--resume", run])).run().expect_code(0);
    nothing.expect_error(&["nothing is missing"]);
}

#[test]
fn a_job_that_meets_its_time_limit_or_is_preempted_goes_back_into_the_queue_and_on() {
    let Some(slurm) = Slurm::start() else { return };
    let place = slow_place(1300);
    let options = ["--models", "slow", "--datasets", "hm", "--split", "all", "--batch-size", "1"];
    place.host(&["eval", "--run", "runs/whole"]).with(&options).with(&["--jobs", "4"]).run().expect_code(0);
    std::fs::remove_file(place.path("journal")).unwrap();
    let run = "runs/limited";
    // The notice comes at once: Slurm looks at limits twice a minute.
    let limits = ["--shards", "2", "--run", run, "--time", "1", "--notice", "58"];
    let sent = submit(&slurm, &place, &[&options[..], &limits].concat());
    let array = sent["jobs"][0]["id"].as_str().unwrap();
    assert!(wait_until(PATIENCE, || captioned(&place, "journal") >= 4));
    // As a preemption does it: the script gets SIGTERM, and the job is still a running one.
    slurm.ask("scancel", &["--signal=TERM", "--batch", &format!("{array}_1")]);
    until_merged(&slurm, &place, run);
    assert_same_run(&results(place.run("limited")), &results(place.run("whole")));
    let log = |task: usize| {
        std::fs::read_to_string(place.path(run).join(format!("submissions/0001/task-{task}.log"))).unwrap()
    };
    let stops: usize = (0..2).map(|task| log(task).matches("stopped, as asked").count()).sum();
    assert!(stops >= 2 && log(1).contains("stopped, as asked"), "{}\n---\n{}", log(0), log(1));
    let again = captioned(&place, "journal") - 60;
    println!("{stops} stops, {again} items captioned twice");
    assert!(again <= stops, "{again} items were captioned twice in {stops} stops");
}

/// Two models at two learning rates.
const SWEEP: &str = "[train]\ndataset = \"hm\"\nbatch-size = 4\nmicro-batch = 2\nlimit = 16\nvalidation-limit = 4\nrank = 4\nsteps = 12\n\
                     validate-every = 3\npatience = 0\n\n[grid]\nmodel = [\"nano\", \"slow\"]\nlearning-rate = [0.001, 0.02]\n";

#[test]
fn a_sweep_of_four_trials_comes_to_the_ranking_and_adapters_of_an_undisturbed_one() {
    let Some(slurm) = Slurm::start() else { return };
    let place = |milliseconds: usize| {
        let place = Place::with(Registry::usual().nano().model("slow", &format!("milliseconds = {milliseconds}")));
        place.write("sweep.toml", SWEEP);
        place
    };
    // How long a step takes is no part of what comes of it.
    let undisturbed = place(0);
    undisturbed.host(&["sweep", "sweep.toml", "--device", "cpu", "--out", "sweep"]).run().expect_code(0);
    let place = place(300);
    let arguments = ["submit", "slurm", "sweep", "sweep.toml", "--device", "cpu", "--out", "sweep", "--json"];
    let sent = slurm.host(place.host(&arguments).with(&SMALL)).run().expect_code(0).json();
    let tasks: Vec<String> =
        sent["tasks"].as_array().unwrap().iter().map(|task| task["trial"].as_str().unwrap().to_owned()).collect();
    assert_eq!(tasks.len(), 4);
    let number = |trial: &str| tasks.iter().position(|other| other == trial).unwrap();
    let file = |trial: &str, name: &str| place.path("sweep/trials").join(trial).join(name);
    let log = |trial: &str| {
        let path = place.path("sweep/submissions/0001").join(format!("task-{}.log", number(trial)));
        std::fs::read_to_string(path).unwrap_or_default()
    };
    // The third and fourth are the slow ones. The worker of one is killed mid-trial: its host starts another.
    assert!(wait_until(PATIENCE, || ["003", "004"]
        .iter()
        .all(|trial| file(trial, "checkpoints/index.json").is_file())));
    let of_task = slurm.processes_of(number("003"));
    let worker = of_task.into_iter().find(|pid| is_worker(*pid)).expect("a trial is trained by a worker");
    assert!(std::process::Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap().success());
    // The other is preempted: it saves and goes back into the queue.
    slurm.ask(
        "scancel",
        &["--signal=TERM", "--batch", &format!("{}_{}", sent["jobs"][0]["id"].as_str().unwrap(), number("004"))],
    );
    assert!(wait_until(PATIENCE, || log("004").contains("saved behind step")), "{}", log("004"));
    assert!(wait_until(PATIENCE, || log("003").contains("going on from the last checkpoint")), "{}", log("003"));
    // All is cancelled, and only what is not finished goes on.
    let ids: Vec<&str> = sent["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
    slurm.ask("scancel", &ids);
    let again = |more: &str| slurm.host(place.host(&["submit", "--resume", "sweep", more])).run();
    assert!(wait_until(PATIENCE, || again("--dry-run").code == Some(0)));
    let open: Vec<&String> = tasks.iter().filter(|trial| !file(trial, "result.json").is_file()).collect();
    assert!(open.len() >= 2, "the slow trials were finished before they were cancelled: {open:?}");
    let sent = again("--json").expect_code(0).json();
    let sent: Vec<&str> =
        sent["tasks"].as_array().unwrap().iter().map(|task| task["trial"].as_str().unwrap()).collect();
    assert_eq!(sent, open);
    let ranked = || place.path("sweep/sweep.json").is_file() && status(&slurm, &place, "sweep")["goes_on"] == false;
    assert!(wait_until(PATIENCE, ranked), "{}\n{}", status(&slurm, &place, "sweep"), slurm.ask("squeue", &["--array"]));
    assert_same_run(&sweep_results(&place.path("sweep")), &sweep_results(&undisturbed.path("sweep")));
    let done = status(&slurm, &place, "sweep");
    assert_eq!((&done["status"]["counts"]["done"], &done["next"]), (&4.into(), &serde_json::Value::Null), "{done}");
    let merged = std::fs::read_to_string(place.path("sweep/submissions/0002/merge.log")).unwrap();
    assert!(merged.contains("Validation loss"), "{merged}");
}

/// A captioner that takes its time and keeps a journal.
fn slow_place(milliseconds: usize) -> Place {
    let place = Place::without_lock(Registry::default());
    let journal = place.path("journal").display().to_string();
    let options = format!("milliseconds = {milliseconds}\njournal = {journal:?}");
    place.write("registry.toml", Registry::usual().model("slow", &options).text());
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    place
}

/// Captioning workers of jobs on a node: `host worker` below `host work`.
fn workers_on(slurm: &Slurm, node: &str) -> Vec<u32> {
    let on_node = slurm.processes_on(node);
    on_node.into_iter().filter(|pid| is_worker(*pid)).collect()
}

fn is_worker(pid: u32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).nth(1) == Some(b"worker")
}
