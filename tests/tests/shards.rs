//! Work divided between hosts gives the bytes of undivided work; hosts do not get into each other's way.

use end_to_end_tests::{Place, Registry, RunFiles, assert_same_run, wait_until};
use std::time::Duration;

const MODELS: &str = "fine,slow";
const DATASETS: &str = "hm,fashiongen";

fn place() -> Place {
    Place::with(Registry::usual().model("slow", "milliseconds = 2"))
}

/// All but the notes that only an unsharded run, or only a merged one, has.
fn results(run: RunFiles) -> RunFiles {
    run.only(|path| !path.starts_with("models/"))
}

#[test]
fn three_shards_in_one_directory_merge_to_the_bytes_of_an_unsharded_run() {
    let place = place();
    place.eval("whole", MODELS, DATASETS).run().expect_code(0);
    std::thread::scope(|scope| {
        for shard in ["1/3", "2/3", "3/3"] {
            let command = place.eval("parts", MODELS, DATASETS).with(&["--shard", shard]);
            scope.spawn(move || command.run().expect_code(0).expect_error(&["host merge"]));
        }
    });
    let merged = place.host(&["merge", "runs/parts"]).run().expect_code(0);
    let report = place.host(&["report", "runs/whole"]).run().expect_code(0);
    assert_eq!(merged.stdout, report.stdout);
    assert_same_run(&place.run("parts"), &place.run("whole"));
    // Merging again, and evaluating without shards, change nothing.
    place.host(&["merge", "runs/parts"]).run().expect_code(0);
    place.eval("parts", MODELS, DATASETS).run().expect_code(0);
    assert_same_run(&place.run("parts"), &place.run("whole"));
}

#[test]
fn three_shards_in_directories_of_their_own_merge_to_the_bytes_of_an_unsharded_run() {
    let place = place();
    place.eval("whole", MODELS, DATASETS).run().expect_code(0);
    // As the tasks of a Slurm array and as the pods of an indexed job.
    let slurm = |name: &str, id: &str| {
        let command = place.eval(name, MODELS, DATASETS);
        command.environment("SLURM_ARRAY_TASK_ID", id).environment("SLURM_ARRAY_TASK_COUNT", "3")
    };
    slurm("a", "0").environment("SLURM_ARRAY_TASK_MIN", "0").run().expect_code(0);
    slurm("b", "1").environment("SLURM_ARRAY_TASK_MIN", "0").run().expect_code(0);
    place
        .host(&["merge", "runs/a", "runs/b"])
        .run()
        .expect_code(3)
        .expect_error(&["items are in no shard", "run the shards"]);
    let pod = place.eval("c", MODELS, DATASETS);
    pod.environment("JOB_COMPLETION_INDEX", "2").environment("JOB_COMPLETION_COUNT", "3").run().expect_code(0);
    place.host(&["merge", "runs/a", "runs/b", "runs/c"]).run().expect_code(0);
    assert_same_run(&results(place.run("a")), &results(place.run("whole")));
}

#[test]
fn a_model_that_fails_in_its_shards_costs_its_own_cells_of_the_merged_run() {
    let place = Place::with(Registry::usual().model("faulty", "fault = \"segfault\""));
    for shard in ["1/2", "2/2"] {
        place.eval("parts", "fine,faulty", "hm").with(&["--shard", shard]).run().expect_code(1);
    }
    let merged = place.host(&["merge", "runs/parts"]).run().expect_code(1).expect_error(&["faulty on hm"]);
    let table = place.run("parts").text("table.md");
    assert!(table.contains("| fine | 60 |") && table.contains("- faulty on hm: "), "{table}\n{merged}");
}

#[test]
fn a_run_of_another_plan_is_neither_merged_nor_resumed_and_the_difference_is_shown() {
    let place = place();
    place.eval("run", "fine", "hm").with(&["--limit", "10"]).run().expect_code(0);
    let before = place.run("run");
    let again = place.eval("run", "fine", "hm").with(&["--limit", "12", "--seed", "7"]).run().expect_code(2);
    again.expect_error(&["holds a run of another plan", "limit: 10 -> 12", "seed: 42 -> 7", "--run DIR"]);
    let more = place.eval("run", "fine,slow", "hm").with(&["--limit", "10"]).run().expect_code(2);
    more.expect_error(&["slow: absent -> present"]);
    place.eval("run", "fine", "hm").with(&["--limit", "10", "--max-new-tokens", "5"]).run().expect_code(2);
    assert_same_run(&place.run("run"), &before);

    place.eval("other", "fine", "hm").with(&["--limit", "9", "--shard", "1/2"]).run().expect_code(0);
    let merge = place.host(&["merge", "runs/run", "runs/other"]).run().expect_code(2);
    merge.expect_error(&["cannot be merged", "limit"]);
    place.host(&["merge", "weights"]).run().expect_code(2).expect_error(&["weights holds no run"]);
}

#[test]
fn a_second_host_on_one_run_directory_is_refused_and_the_first_is_not_disturbed() {
    let place = Place::with(Registry::usual().model("slow", "milliseconds = 15"));
    place.eval("whole", "slow", "hm").run().expect_code(0);
    let mut first = place.eval("contended", "slow", "hm").start();
    let begun = place.path("runs/contended/predictions/hm/slow/shard-0000.jsonl");
    assert!(wait_until(Duration::from_secs(20), || begun.exists()), "the first host did not begin");
    let second = place.eval("contended", "slow", "hm").run().expect_code(3);
    second.expect_error(&["is at work in", "already", "--run DIR"]);
    let shard = place.eval("contended", "slow", "hm").with(&["--shard", "1/2"]).run().expect_code(3);
    shard.expect_error(&["is at work in"]);
    place.host(&["merge", "runs/contended"]).run().expect_code(3).expect_error(&["is at work in"]);
    assert!(first.wait().unwrap().success());
    assert_same_run(&place.run("contended"), &place.run("whole"));
}

#[test]
fn captions_and_scores_are_the_same_bytes_at_any_batch_size_and_number_of_threads() {
    let place = place();
    let run = |name: &str, batch: &str, threads: &str| {
        let flags = ["--batch-size", batch, "--threads", threads];
        place.eval(name, "fine", DATASETS).with(&flags).run().expect_code(0);
        place.run(name)
    };
    let one = run("one", "1", "1");
    assert_same_run(&run("three", "3", "2"), &one);
    assert_same_run(&run("eight", "8", "0"), &one);
}

#[test]
fn wrong_shards_are_refused() {
    let place = place();
    for shard in ["0/3", "4/3", "x"] {
        place.eval("run", "fine", "hm").with(&["--shard", shard]).run().expect_code(2);
    }
}
