//! A disk that is full and a folder that must not be written: a clear error, what was saved stays, a rerun finishes.

use end_to_end_tests::{Place, Registry, RunFiles, SmallDisk, assert_same_run, host_program};
use std::path::Path;
use std::process::Command;

/// A run directory's file system with nothing to spare, or why there is none here.
fn disk(place: &Place, kibibytes: u64) -> Option<SmallDisk> {
    match SmallDisk::mount(&place.path("disk"), kibibytes) {
        Ok(disk) => Some(disk),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            None
        }
    }
}

fn eval(place: &Place, run: &Path) -> end_to_end_tests::Host {
    let arguments = ["eval", "--models", "fine", "--datasets", "hm,fashiongen", "--split", "all", "--batch-size", "4"];
    place.host(&arguments).with(&["--run".as_ref(), run.as_os_str()])
}

/// Every line of every prediction file is a line of the whole run, in its place.
fn assert_predictions_intact(found: &RunFiles, whole: &RunFiles) -> usize {
    let mut lines = 0;
    for path in found.0.keys().filter(|path| path.starts_with("predictions/")) {
        let text = found.text(path);
        assert!(text.is_empty() || text.ends_with('\n'), "{path} has a torn line");
        assert!(whole.text(path).starts_with(&text), "{path} has other lines");
        lines += text.lines().count();
    }
    lines
}

#[test]
fn a_full_disk_is_a_clear_error_that_keeps_earlier_lines_and_a_rerun_with_space_finishes() {
    let place = Place::with(Registry::usual());
    let whole = place.path("whole");
    eval(&place, &whole).run().expect_code(0);
    let whole = RunFiles::of(&whole);
    // Kibibytes in whole pages.
    let size_of = |wanted: &dyn Fn(&str) -> bool| -> u64 {
        let files = whole.0.iter().filter(|(path, _)| wanted(path));
        files.map(|(_, bytes)| bytes.len().div_ceil(4096) as u64 * 4).sum()
    };
    let needed = size_of(&|_| true);
    let before_captions =
        size_of(&|path| path == "run.toml" || path.starts_with("items") || path.starts_with("models"));
    let lines =
        whole.0.keys().filter(|path| path.starts_with("predictions/")).map(|path| whole.text(path).lines().count());
    let lines: usize = lines.sum();
    let mut stopped_with = Vec::new();
    // Full before the items are listed, at every page of predictions, while scoring, and only at the tables.
    let while_captioning = (0..8).map(|page| before_captions + page * 4);
    let sizes = [8, before_captions / 2].into_iter().chain(while_captioning);
    for size in sizes.chain([70, 80, 90, 96].map(|percent| needed * percent / 100 / 4 * 4)) {
        let Some(disk) = disk(&place, size) else { return };
        let run = disk.path().join("run");
        let outcome = eval(&place, &run).run();
        if outcome.code == Some(0) {
            continue;
        }
        let outcome = outcome.expect_code(3).expect_error(&["no space left on device", "free some space"]);
        assert!(outcome.stderr.contains(&run.display().to_string()), "the error names no file\n{outcome}");
        stopped_with.push(assert_predictions_intact(&RunFiles::of(&run), &whole));
        disk.resize(needed * 4 + 1024);
        eval(&place, &run).run().expect_code(0);
        assert_same_run(&RunFiles::of(&run), &whole);
    }
    println!("lines saved when the disk was full: {stopped_with:?}");
    let between = |from: usize, to: usize| stopped_with.iter().any(|saved| (from..=to).contains(saved));
    assert!(between(0, 0) && between(1, lines - 1) && between(lines, lines), "full at other places: {stopped_with:?}");
}

#[test]
fn a_read_only_run_directory_is_a_clear_error_and_stays_as_it_is() {
    let place = Place::new();
    let Some(disk) = disk(&place, 4096) else { return };
    let run = disk.path().join("run");
    // A run that is half done.
    eval(&place, &run).run().expect_code(0);
    let whole = RunFiles::of(&run);
    let file = run.join("predictions/hm/fine/shard-0000.jsonl");
    let bytes = std::fs::read(&file).unwrap();
    let half = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(25).unwrap().0 + 1;
    std::fs::write(&file, &bytes[..half]).unwrap();
    std::fs::remove_dir_all(run.join("scores")).unwrap();
    let before = RunFiles::of(&run);

    disk.set_read_only(true, 4096);
    let outcome = eval(&place, &run)
        .run()
        .expect_code(3)
        .expect_error(&["read-only file system", "folder that you may write to"]);
    assert!(outcome.stderr.contains(&run.display().to_string()), "{outcome}");
    assert_same_run(&RunFiles::of(&run), &before);
    // The scores are gone.
    place.host(&["report"]).with(&[&run]).run().expect_code(3).expect_error(&["has no scores"]);

    let elsewhere = disk.path().join("new/run");
    eval(&place, &elsewhere).run().expect_code(3).expect_error(&["cannot create the folder", "read-only file system"]);

    disk.set_read_only(false, 4096);
    eval(&place, &run).run().expect_code(0);
    assert_same_run(&RunFiles::of(&run), &whole);
}

#[test]
fn a_run_that_is_a_file_is_a_clear_error() {
    let place = Place::new();
    place.write("file", "not a folder\n");
    let file = place.path("file");
    eval(&place, &file).run().expect_code(3).expect_error(&["cannot create the folder"]);
}

#[test]
fn a_run_on_a_read_only_disk_is_shown_with_a_warning() {
    let place = Place::new();
    let Some(disk) = disk(&place, 4096) else { return };
    let run = disk.path().join("run");
    eval(&place, &run).run().expect_code(0);
    let report = |format: &str| place.host(&["report", "--format", format]).with(&[&run]).run().expect_code(0);
    let before = ["terminal", "csv", "html"].map(|format| report(format).stdout);
    disk.set_read_only(true, 4096);
    for (format, before) in ["terminal", "csv", "html"].iter().zip(before) {
        let told = report(format).expect_error(&["warning: ", "were not written", "read-only file system"]);
        assert!(!before.is_empty() && told.stdout == before, "{told}");
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_a_clear_error_and_a_rerun_without_it_finishes() {
    let place = Place::new();
    let run = place.path("run");
    let arguments = ["eval", "--models", "fine", "--datasets", "hm,fashiongen", "--split", "all", "--batch-size", "4"];
    for blocks in ["4", "16"] {
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -f {blocks}; exec \"$@\""), "sh"]).arg(host_program()).args(arguments);
        let ended = limited.arg("--run").arg(&run).current_dir(place.folder()).output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(3), "{told}");
        assert!(told.contains("file too large") && told.contains("ulimit -f"), "{told}");
    }
    eval(&place, &run).run().expect_code(0);
    let whole = place.path("whole");
    eval(&place, &whole).run().expect_code(0);
    assert_same_run(&RunFiles::of(&run), &RunFiles::of(&whole));
}
