//! The web app in a real browser: what a person does with it, and whether everybody can. Skipped, with a line that says so, where there is
//! no Chromium.

use end_to_end_tests::{Browser, GeneratedRun, Place, Registry, Screen, WebServer, cargo_target};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn served() -> (Place, PathBuf, WebServer) {
    let place = Place::without_lock(Registry::usual());
    let run = place.path("runs/made");
    GeneratedRun::new(120, 2).write(&run);
    let server = WebServer::start(&place, &[&run], &[]);
    server.get_until("/r/made/live", |answer| answer.text().contains("\"busy\":false"));
    (place, run, server)
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn browsing_by_mouse_and_keyboard_and_finding_everything_again() {
    let (_place, run, server) = served();
    let Some(browser) = Browser::start(Screen::DESKTOP) else { return };
    // Open.
    browser.open(&server.url);
    browser.click("a.button:not(.plain)");
    assert!(browser.text(".count").contains("1–24 of 120"), "{}", browser.text(".count"));

    // Sort by a difference.
    browser.choose("#sort", "spice");
    browser.choose("#minus", "model-b");
    browser.click(".filters .primary");
    browser.wait("return location.search.includes('minus=model-b')");
    let score = |line: &Value| line["spice"].as_f64().unwrap() as f32;
    let (a, b) = (lines(&run.join("scores/hm/model-a/items.jsonl")), lines(&run.join("scores/hm/model-b/items.jsonl")));
    let best = a.iter().zip(&b).max_by(|x, y| (score(x.0) - score(x.1)).total_cmp(&(score(y.0) - score(y.1)))).unwrap();
    assert_eq!(browser.text("a.open"), best.0["id"].as_str().unwrap());

    // Filter, on top of it.
    browser.click(".more > summary");
    browser.choose("#category", "dress");
    browser.click(".filters .primary");
    browser.wait("return location.search.includes('category=dress')");
    let dresses = lines(&run.join("items/hm.jsonl")).iter().filter(|item| item["category"] == "dress").count();
    assert!(browser.text(".count").contains(&format!("of {dresses}")), "{}", browser.text(".count"));
    assert!(browser.url().contains("sort=spice"), "{}", browser.url());

    // Search, by key.
    browser.press("/");
    browser.press("sleeves");
    browser.enter();
    browser.wait("return location.search.includes('q=sleeves')");
    let view = browser.url();
    let first = browser.text("a.open");

    // Step by keys: the first item, the second, into it, to the next and back, and up.
    browser.press("j");
    browser.press("j");
    let second = browser.run("return document.querySelector('.item.current a.open').textContent");
    browser.enter();
    browser.wait("return Boolean(document.querySelector('.single'))");
    assert_eq!(Value::from(browser.text("h1")), second);
    browser.press("k");
    browser.wait("return document.querySelector('.step').textContent.includes('1 of')");
    assert_eq!(browser.text("h1"), first);

    // A note, by keys, and found again.
    browser.press("n");
    browser.press("the belt is invented");
    browser.control_enter();
    browser.wait("return document.querySelector('[data-status]').textContent === 'Saved'");
    browser.reload();
    assert_eq!(browser.run("return document.getElementById('note').value"), "the belt is invented");
    assert_eq!(lines(&run.join("notes.jsonl"))[0]["id"], Value::from(first.clone()));
    browser.press("u");
    browser.wait("return Boolean(document.querySelector('.items'))");
    assert_eq!(browser.url(), view, "the list is as it was left");
    browser.wait("return Boolean(document.querySelector('.tag.noted'))");

    // A vote, by key.
    browser.open(&format!("{}r/made/hm/vote", server.url));
    let left = browser.text(".side .text");
    browser.press("1");
    browser.wait("return document.body.textContent.includes('Vote saved.')");
    let vote = &lines(&run.join("votes.jsonl"))[0];
    let preferred = vote[vote["preferred"].as_str().unwrap()].as_str().unwrap();
    assert_eq!(vote["left"], preferred);
    let captions = lines(&end_to_end_tests::predictions_file(&run, preferred));
    let voted = captions.iter().find(|caption| caption["id"] == vote["id"]).unwrap();
    assert_eq!(voted["caption"], Value::from(left));
    browser.reload();
    assert!(browser.text(".progress").starts_with("1 of"), "{}", browser.text(".progress"));

    // The shared address shows the same in another browser.
    let Some(other) = Browser::start(Screen::PHONE) else { return };
    other.open(&view);
    assert_eq!(other.text("a.open"), first);
    let wide = other.run("return document.documentElement.scrollWidth <= window.innerWidth");
    assert_eq!(wide, Value::Bool(true), "the page is wider than a phone");
}

#[test]
fn a_page_follows_its_run() {
    let (_place, run, server) = served();
    let Some(browser) = Browser::start(Screen::DESKTOP) else { return };
    browser.open(&format!("{}r/made/hm/", server.url));
    browser.run("window.unchanged = true");
    fs::remove_file(end_to_end_tests::predictions_file(&run, "model-a")).unwrap();
    browser.wait("return document.body.textContent.includes('No caption yet.')");
    assert_eq!(browser.run("return window.unchanged"), Value::Bool(true), "the page was loaded anew");
}

/// Where `.ci/run` installs axe-core; `npm install --prefix target/axe axe-core` does so by hand.
fn axe() -> Option<String> {
    let file = cargo_target().with_file_name("axe").join("node_modules/axe-core/axe.min.js");
    let script = fs::read_to_string(&file);
    if script.is_err() {
        eprintln!("skipped: {} is not there (npm install --prefix target/axe axe-core)", file.display());
    }
    script.ok()
}

#[test]
fn axe_finds_nothing_serious() {
    let Some(axe) = axe() else { return };
    let (_place, _run, server) = served();
    for screen in [Screen::DESKTOP, Screen::PHONE.dark()] {
        let Some(browser) = Browser::start(screen) else { return };
        let pages =
            ["", "r/made/hm/?sort=spice&minus=model-b", "r/made/hm/item?id=0100000007", "r/made/hm/vote", "none"];
        for page in pages {
            browser.open(&format!("{}{page}", server.url));
            browser.run(&axe);
            let found = browser.run(
                "return axe.run().then(told => told.violations.filter(v => ['serious', 'critical'].includes(v.impact))\
                 .map(v => v.id + ': ' + v.nodes.slice(0, 4).map(n => n.html.slice(0, 160) + ' — ' + n.failureSummary).join('\\n')))",
            );
            assert_eq!(found, Value::Array(Vec::new()), "{page} {screen:?}");
        }
    }
}
