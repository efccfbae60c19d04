//! Measures what docs/performance.md states of the web app, on a generated run of 100,000 items and three models:
//! `cargo build --release -p host && cargo run --release -p end-to-end-tests --bin web-timings [ITEMS]`.

use end_to_end_tests::{GeneratedRun, Place, Registry, WebServer};
use std::time::Instant;

fn main() {
    let items = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let place = Place::without_lock(Registry::default());
    let run = place.path("runs/made");
    GeneratedRun::new(items, 3).write(&run);
    println!("{items} items, 3 models: {:.0} MB of files", folder_size(&run) as f64 / 1e6);

    let started = Instant::now();
    let server = WebServer::start(&place, &[&run], &[]);
    println!("listening after {:.0} ms", milliseconds(started));
    let first = Instant::now();
    assert_eq!(server.get("/").status, 200);
    println!("the first page of all (runs): {:.1} ms", milliseconds(first));
    let page = server.get_until("/r/made/hm/", |answer| answer.text().contains("class=\"open\""));
    assert_eq!(page.status, 200);
    println!("the first items are shown {:.0} ms after the start", milliseconds(started));
    server.get_until("/r/made/live", |answer| answer.text().contains("\"busy\":false"));
    println!("everything is read {:.0} ms after the start", milliseconds(started));
    println!("resident memory: {:.0} MB, at most {:.0} MB", memory(&server, "VmRSS"), memory(&server, "VmHWM"));

    println!("\nmilliseconds, each address for the first time (nothing is remembered)");
    let id = "0100350000";
    let pages = [
        ("first page of items", "/r/made/hm/?model=model-a&model=model-b".to_owned()),
        ("sorted by a metric", "/r/made/hm/?sort=spice&of=model-a".to_owned()),
        ("sorted by a difference", "/r/made/hm/?sort=cider&of=model-a&minus=model-b".to_owned()),
        ("largest difference either way", "/r/made/hm/?sort=meteor&of=model-c&minus=model-b&order=largest".to_owned()),
        ("a category", "/r/made/hm/?category=dress".to_owned()),
        ("a missed attribute", "/r/made/hm/?attribute=navy&mark=missed&of=model-b".to_owned()),
        ("wrong category predicted", "/r/made/hm/?only=wrong-category".to_owned()),
        ("captions differ", "/r/made/hm/?only=different".to_owned()),
        ("a metric's range", "/r/made/hm/?metric=rouge-l&min=20&max=40".to_owned()),
        ("search, one word", "/r/made/hm/?q=linen".to_owned()),
        ("search, words that nothing has", "/r/made/hm/?q=zebra+%22no+such+words%22".to_owned()),
        (
            "all together",
            "/r/made/hm/?sort=spice&minus=model-b&category=dress&attribute=navy&metric=cider&min=10&q=wool".to_owned(),
        ),
        ("last page of a sorted view", format!("/r/made/hm/?sort=bleu-1&page={}", items / 24)),
        ("an item in a sorted view", format!("/r/made/hm/item?id={id}&sort=bleu-4")),
        ("blind comparison", "/r/made/hm/vote".to_owned()),
    ];
    for (name, path) in &pages {
        let times: Vec<f64> = (0..9)
            .map(|round| {
                // A search word that is in every item makes an address that was not asked for before, at the cost of a search.
                let sign = if path.contains('?') { '&' } else { '?' };
                let fresh = if path.contains("q=") || round == 0 {
                    String::new()
                } else {
                    format!(
                        "{sign}q={}",
                        &"fit relaxed straight hem lining shade made blend".split(' ').nth(round - 1).unwrap_or("fit")
                    )
                };
                let started = Instant::now();
                let answer = server.get(&format!("{path}{fresh}"));
                assert_eq!(answer.status, 200, "{path}");
                milliseconds(started)
            })
            .collect();
        println!("  {name:34} {}", spread(times));
    }

    println!("\n50 requests at once, ten times");
    let mut slowest: Vec<f64> = Vec::new();
    for round in 0..10 {
        let times: Vec<f64> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..50)
                .map(|number| {
                    let (server, pages) = (&server, &pages);
                    scope.spawn(move || {
                        let path = &pages[(number + round) % pages.len()].1;
                        let started = Instant::now();
                        assert_eq!(server.get(path).status, 200, "{path}");
                        milliseconds(started)
                    })
                })
                .collect();
            asking.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        assert_eq!(times.len(), 50, "some were not answered");
        slowest.push(times.into_iter().fold(0.0, f64::max));
    }
    println!("  all answered; the slowest of each fifty: {}", spread(slowest));
    println!("resident memory: {:.0} MB, at most {:.0} MB", memory(&server, "VmRSS"), memory(&server, "VmHWM"));
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn spread(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let middle = times[times.len() / 2];
    format!("median {middle:6.1}, at most {:6.1}", times.last().copied().unwrap_or(middle))
}

/// Of the server's process, in MB.
fn memory(server: &WebServer, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0 / 1e6
}

fn folder_size(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(
            |entry| {
                if entry.path().is_dir() { folder_size(&entry.path()) } else { entry.metadata().map_or(0, |m| m.len()) }
            },
        )
        .sum()
}
