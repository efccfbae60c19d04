//! Measures what docs/performance.md states of the host itself: help, opening plugins, the host's own work beside the model's, and how
//! decoding overlaps with the device. `cargo xtask build`, then
//! `cargo run --release -p end-to-end-tests --bin host-timings`.

use end_to_end_tests::{Host, Place, Registry, cargo_target, copy_folder, host_program};
use image::imageops::FilterType;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    println!("host --help");
    help();
    println!("\nopening and checking plugins (digest, ABI layout)");
    plugins();
    println!("\nthe host's own work, 600 articles of the H&M layout, batches of 8");
    own_work();
    println!("\ndecoding beside the device, 1,200 × 1,800 px JPEGs of the H&M layout, batches of 4, 100 ms an image");
    overlap();
}

fn help() {
    let times = (0..200).map(|_| {
        let started = Instant::now();
        let status = Command::new(host_program()).arg("--help").stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "the host gives no help");
        started.elapsed().as_secs_f64() * 1e3
    });
    println!("  {}", Spread::of(times.collect()));
}

/// Every plugin beside the host, by the host's own clock.
fn plugins() {
    let place = Place::without_lock(Registry::default());
    let host = host_program();
    let folder = host.parent().unwrap_or(Path::new("."));
    let mut libraries: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == std::env::consts::DLL_EXTENSION))
        .collect();
    libraries.sort();
    for library in libraries {
        let opened: Vec<f64> = (0..20)
            .filter_map(|_| {
                let outcome = place.host(&["plugin", "check", "--json"]).with(&[&library]).run();
                let findings = serde_json::from_str::<serde_json::Value>(&outcome.stdout).ok()?;
                findings[0]["findings"][0]["milliseconds"].as_f64()
            })
            .collect();
        let megabytes = std::fs::metadata(&library).map_or(0.0, |file| file.len() as f64 / 1e6);
        // The libraries that tests want refused are beside the others.
        if !opened.is_empty() {
            let name = library.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            println!("  {name:18} {megabytes:5.1} MB  {}", Spread::of(opened));
        }
    }
}

fn own_work() {
    let catalogue = cargo_target().join("catalogue-600-42");
    if !catalogue.is_dir() {
        samples::write_catalogues(&catalogue, 600, 42).expect("the catalogue can be drawn");
    }
    let registry = Registry::usual().dataset("many", "hm", &catalogue.join("hm"));
    let place = Place::with(registry.model("busy", "milliseconds = 10").model("instant", ""));
    for (model, what) in [("busy", "a captioner of 10 ms an image"), ("instant", "a captioner of 0 ms an image")] {
        let (wall, processor) = timed(place.eval(model, model, "many").with(&["--metrics", "trial-words"]));
        let batches = Batches::read(&place.path("runs").join(model).join("predictions/many").join(model));
        println!("  {what}: {} items in {:.2} s", batches.items(), wall.as_secs_f64());
        println!("    between two batches the device waits {:.3} ms an item", batches.waits() / batches.items() as f64);
        println!("    processor time of the host's process {:.3} ms an item", processor / batches.items() as f64);
        println!("    loading (reading, decoding, preparing; on loader threads) {:.3} ms an item", batches.load_each());
    }
}

fn overlap() {
    let root = large_pictures(48);
    let registry = Registry::usual().dataset("large", "hm", &root).model("busy", "milliseconds = 100");
    let place = Place::with(registry);
    for threads in ["1", "0"] {
        let run = format!("threads-{threads}");
        let flags = ["--metrics", "trial-words", "--batch-size", "4", "--threads", threads];
        place.eval(&run, "busy", "large").with(&flags).run().expect_code(0);
        let batches = Batches::read(&place.path("runs").join(&run).join("predictions/large/busy"));
        let (load, generate) = (batches.union_of(|batch| batch.load), batches.union_of(|batch| batch.generate));
        // Before the first batch is loaded there is nothing that the device could do.
        let begun = batches.0.iter().map(|batch| batch.generate.0).fold(f64::INFINITY, f64::min);
        let load: Vec<(f64, f64)> =
            load.into_iter().filter(|span| span.1 > begun).map(|span| (span.0.max(begun), span.1)).collect();
        let both = common(&load, &generate);
        let wall = batches.0.iter().map(|batch| batch.generate.1).fold(0.0, f64::max);
        let load_total: f64 = batches.0.iter().map(|batch| batch.load.1 - batch.load.0).sum();
        println!("  --threads {threads}: {} items in {:.2} s", batches.items(), wall / 1e3);
        println!(
            "    the device worked {:.2} s, loading took {:.2} s of the loader threads' time",
            length(&generate) / 1e3,
            load_total / 1e3
        );
        println!(
            "    once begun, of the time when something was loading the device worked {:.1} %",
            100.0 * both / length(&load)
        );
        println!(
            "    the first batch came after {begun:.0} ms; from then on the device waited {:.1} % of the time",
            100.0 * batches.waits() / (wall - begun)
        );
    }
}

/// The H&M layout with large pictures: the sample catalogue's, enlarged.
fn large_pictures(count: usize) -> PathBuf {
    let root = cargo_target().join(format!("large-{count}"));
    if root.is_dir() {
        return root;
    }
    let aside = tempfile::tempdir_in(cargo_target()).expect("the target folder can be written");
    let small = aside.path().join("small");
    samples::write_catalogues(&small, count, 42).expect("the catalogue can be drawn");
    copy_folder(&small.join("hm"), &aside.path().join("large"));
    enlarge(&aside.path().join("large/images"));
    std::fs::rename(aside.path().join("large"), &root).expect("a folder can be renamed");
    root
}

fn enlarge(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            enlarge(&path);
        } else {
            let picture = image::open(&path).expect("the sample picture can be read");
            let large = picture.resize_exact(1200, 1800, FilterType::CatmullRom);
            large.to_rgb8().save(&path).expect("the picture can be written");
        }
    }
}

/// Runs a command; gives its wall time, and the processor time of its own process (without workers) in milliseconds.
fn timed(command: Host) -> (Duration, f64) {
    let started = Instant::now();
    let mut host = command.start();
    let mut processor = 0.0;
    loop {
        // Fields 14 and 15: ticks of 10 ms in the program and in the kernel.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", host.id())).unwrap_or_default();
        let fields: Vec<f64> = stat
            .rsplit_once(") ")
            .map_or("", |(_, rest)| rest)
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse().ok())
            .collect();
        processor = f64::max(processor, fields.iter().sum::<f64>() * 10.0);
        if let Ok(Some(status)) = host.try_wait() {
            assert!(status.success(), "the evaluation failed");
            return (started.elapsed(), processor);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// When a batch was loaded and captioned: start and end in milliseconds.
struct Batch {
    items: usize,
    load: (f64, f64),
    generate: (f64, f64),
}

/// A cell's timing.jsonl.
struct Batches(Vec<Batch>);

impl Batches {
    fn read(cell: &Path) -> Batches {
        let text = std::fs::read_to_string(cell.join("timing.jsonl")).expect("the run has timings");
        let batches = text.lines().filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let time = |key: &str| line["timing"][key].as_f64();
            let span = |start: &str, length: &str| Some((time(start)?, time(start)? + time(length)?));
            let items = line["items"].as_u64()? as usize;
            Some(Batch { items, load: span("load_start", "load")?, generate: span("generate_start", "generate")? })
        });
        Batches(batches.collect())
    }

    fn items(&self) -> usize {
        self.0.iter().map(|batch| batch.items).sum()
    }

    /// How long the captioner had nothing to do between its batches, all together.
    fn waits(&self) -> f64 {
        self.0.windows(2).map(|pair| (pair[1].generate.0 - pair[0].generate.1).max(0.0)).sum()
    }

    fn load_each(&self) -> f64 {
        self.0.iter().map(|batch| batch.load.1 - batch.load.0).sum::<f64>() / self.items() as f64
    }

    /// The times when any batch was at it.
    fn union_of(&self, span: impl Fn(&Batch) -> (f64, f64)) -> Vec<(f64, f64)> {
        let mut spans: Vec<(f64, f64)> = self.0.iter().map(span).collect();
        spans.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut union: Vec<(f64, f64)> = Vec::new();
        for span in spans {
            match union.last_mut() {
                Some(last) if span.0 <= last.1 => last.1 = last.1.max(span.1),
                _ => union.push(span),
            }
        }
        union
    }
}

fn length(spans: &[(f64, f64)]) -> f64 {
    spans.iter().map(|span| span.1 - span.0).sum()
}

/// How long both were at it.
fn common(a: &[(f64, f64)], b: &[(f64, f64)]) -> f64 {
    let both = a.iter().flat_map(|a| b.iter().map(move |b| a.1.min(b.1) - a.0.max(b.0)));
    both.filter(|length| *length > 0.0).sum()
}

/// The least, middle and 95th percentile of some milliseconds.
struct Spread(Vec<f64>);

impl Spread {
    fn of(mut times: Vec<f64>) -> Spread {
        times.sort_by(f64::total_cmp);
        Spread(times)
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at =
            |share: f64| self.0.get((share * (self.0.len() as f64 - 1.0)).round() as usize).copied().unwrap_or(0.0);
        let (least, middle, high) = (at(0.0), at(0.5), at(0.95));
        write!(f, "least {least:.1} ms, median {middle:.1} ms, 95 % within {high:.1} ms ({} runs)", self.0.len())
    }
}
