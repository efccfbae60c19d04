//! A host that is killed, at any moment, loses nothing but time.

use end_to_end_tests::{Place, Registry, RunFiles, assert_same_run, copy_folder, processes_with, sample_catalogue};
use end_to_end_tests::{predictions, test_image, wait_until};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const KILLS: usize = 20;
const PARALLEL: usize = 4;
/// So wide is one image, on which the captioner `fragile` dies.
const DEADLY: u32 = 777;

/// Two datasets; a captioner that does its work and one that dies of one image; a metric beside the usual ones.
fn place() -> Place {
    let data = sample_catalogue();
    let place = Place::without_lock(Registry::default());
    copy_folder(&data.join("hm"), &place.path("hm"));
    test_image(&some_image(&place), DEADLY, 400, [10, 200, 10]);
    let hm = place.path("hm");
    let text = Registry::usual().text().replace(&data.join("hm").display().to_string(), &hm.display().to_string());
    let models = Registry::default()
        .model("slow", "milliseconds = 8")
        .model("fragile", &format!("fault = \"segfault\"\nwidth = {DEADLY}\nmilliseconds = 3"));
    place.write("registry.toml", &(text + models.text()));
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    place
}

fn some_image(place: &Place) -> PathBuf {
    let csv = std::fs::read_to_string(place.path("hm/articles.csv")).unwrap();
    let id = csv.lines().nth(30).unwrap().split(',').next().unwrap().to_owned();
    place.path("hm/images").join(&id[..3]).join(format!("{id}.jpg"))
}

#[test]
fn a_host_killed_at_twenty_random_moments_finishes_to_the_same_bytes_and_leaves_no_worker() {
    let place = place();
    let eval = |run: &str| place.eval(run, "slow,fragile", "hm,fashiongen");
    let started = Instant::now();
    eval("undisturbed").run().expect_code(0);
    let length = started.elapsed();
    let undisturbed = place.run("undisturbed");
    let left_out = predictions(&undisturbed, "hm", "fragile");
    assert_eq!(left_out.iter().filter(|prediction| prediction.get("error").is_some()).count(), 1);

    let mut random = fastrand::Rng::with_seed(20);
    // One moment in each twentieth of the run, so that captioning, scoring and writing tables are all hit.
    let moments: Vec<Duration> =
        (0..KILLS).map(|part| length.mul_f64((part as f64 + random.f64()) / KILLS as f64)).collect();
    std::thread::scope(|scope| {
        for lane in 0..PARALLEL {
            let (moments, eval, undisturbed, place) = (&moments, &eval, &undisturbed, &place);
            scope.spawn(move || {
                for (number, moment) in moments.iter().enumerate().filter(|(number, _)| number % PARALLEL == lane) {
                    let name = format!("killed-{number}");
                    let command = eval(&name);
                    let mark = command.mark();
                    let mut host = command.start();
                    std::thread::sleep(*moment);
                    // On Unix this is SIGKILL.
                    host.kill().unwrap();
                    host.wait().unwrap();
                    let alone = || processes_with(&mark).is_empty();
                    assert!(
                        wait_until(Duration::from_secs(5), alone),
                        "a worker outlives the host killed at {moment:?}"
                    );
                    eval(&name).run().expect_code(0);
                    println!("killed after {moment:?} of {length:?}");
                    assert_same_run(&place.run(&name), undisturbed);
                }
            });
        }
    });
}

#[test]
fn a_host_killed_again_and_again_gets_to_the_end() {
    let place = place();
    place.eval("undisturbed", "slow", "hm").run().expect_code(0);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..8 {
        let mut host = place.eval("harried", "slow", "hm").start();
        std::thread::sleep(Duration::from_millis(random.u64(50..300)));
        host.kill().unwrap();
        host.wait().unwrap();
    }
    place.eval("harried", "slow", "hm").run().expect_code(0);
    assert_same_run(&place.run("harried"), &place.run("undisturbed"));
}

#[test]
fn a_worker_whose_plugin_spins_ends_with_its_host() {
    let place = Place::with(Registry::usual().model("spinning", "fault = \"spin\""));
    let command = place.eval("spins", "spinning", "hm");
    let mark = command.mark();
    let mut host = command.start();
    let busy = || processes_with(&mark).iter().any(|pid| *pid != host.id() && processor_seconds(*pid) > 0.2);
    assert!(wait_until(Duration::from_secs(30), busy), "no worker came to spin");
    host.kill().unwrap();
    host.wait().unwrap();
    assert!(wait_until(Duration::from_secs(5), || processes_with(&mark).is_empty()), "the worker spins on");
}

#[test]
fn a_worker_killed_from_outside_costs_nothing() {
    let place = Place::with(Registry::usual().model("slow", "milliseconds = 15"));
    place.eval("undisturbed", "slow", "hm").run().expect_code(0);
    let command = place.eval("disturbed", "slow", "hm").with(&["--batch-size", "2"]);
    let mark = command.mark();
    let mut host = command.start();
    // As the system's memory killer would; with room for an item or two between the two times.
    for _ in 0..2 {
        let workers = || processes_with(&mark).into_iter().filter(|pid| *pid != host.id()).collect::<Vec<_>>();
        assert!(wait_until(Duration::from_secs(20), || !workers().is_empty()), "there is no worker");
        std::thread::sleep(Duration::from_millis(250));
        for worker in workers() {
            let killed = std::process::Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap();
            assert!(killed.success() || host.try_wait().unwrap().is_some());
        }
    }
    assert!(host.wait().unwrap().success());
    assert_same_run(&place.run("disturbed"), &place.run("undisturbed"));
}

/// Processor time of a process's own code; 0 if it is gone.
fn processor_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    // Field 14 of the whole line, in ticks of 10 ms.
    after_name.split(' ').nth(11).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / 100.0
}

#[test]
fn a_torn_last_line_is_captioned_again_and_every_other_is_kept() {
    let place = Place::new();
    let file = place.path("runs/torn/predictions/hm/fine/shard-0000.jsonl");
    place.eval("torn", "fine", "hm").run().expect_code(0);
    let whole = place.run("torn");
    let bytes = std::fs::read(&file).unwrap();
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
    for kept in [bytes.len() - 1, bytes.len() - 20, bytes.len() * 2 / 3, 5] {
        std::fs::write(&file, &bytes[..kept]).unwrap();
        let outcome = place.eval("torn", "fine", "hm").run().expect_code(0);
        assert!(outcome.stderr.contains(&format!("{lines} of {lines}")), "{outcome}");
        assert_same_run(&place.run("torn"), &whole);
    }
    // A line that a crash of the machine left half written, with what it was followed by.
    OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"id\":\"0\0\0\0\0").unwrap();
    place.eval("torn", "fine", "hm").run().expect_code(0);
    assert_same_run(&place.run("torn"), &whole);
}

#[test]
fn rerunning_a_finished_command_changes_no_file() {
    let place = Place::new();
    place.eval("twice", "fine", "hm,fashiongen").run().expect_code(0);
    let (before, times) = (place.run("twice"), modified(&place));
    place.eval("twice", "fine", "hm,fashiongen").run().expect_code(0);
    assert_same_run(&place.run("twice"), &before);
    assert_eq!(modified(&place), times, "predictions or scores were written anew");
}

/// When each prediction and score file was written.
fn modified(place: &Place) -> Vec<(String, std::time::SystemTime)> {
    let run = place.path("runs/twice");
    let truths = RunFiles::of(&run).only(|path| path.starts_with("predictions") || path.starts_with("scores/"));
    let time = |path: &String| std::fs::metadata(run.join(path)).unwrap().modified().unwrap();
    truths.0.keys().map(|path| (path.clone(), time(path))).collect()
}
