//! Draws the pictures of docs/screenshots: the app's main pages, wide and narrow, light and dark.
//! `cargo run --release -p end-to-end-tests --bin web-screenshots URL RUN DATASET ID OUT` with a running `host serve`.

use end_to_end_tests::{Browser, Screen};
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, run, dataset, id, out] = &arguments[..] else {
        eprintln!("arguments: URL RUN DATASET ID OUT");
        std::process::exit(2);
    };
    let base = format!("{}/r/{run}/{dataset}", url.trim_end_matches('/'));
    let pages = [
        ("runs", url.clone()),
        ("items", format!("{base}/?sort=cider&order=lowest")),
        ("item", format!("{base}/item?id={id}&sort=cider")),
        ("compare", format!("{base}/vote")),
    ];
    let screens = [
        ("wide", Screen::DESKTOP),
        ("wide-dark", Screen::DESKTOP.dark()),
        ("narrow", Screen::PHONE),
        ("narrow-dark", Screen::PHONE.dark()),
    ];
    for (screen_name, screen) in screens {
        let Some(browser) = Browser::start(screen) else { std::process::exit(1) };
        for (page, address) in &pages {
            browser.open(address);
            browser.wait("return [...document.images].slice(0, 4).every(image => image.complete)");
            let file = Path::new(out).join(format!("{page}-{screen_name}.png"));
            let picture = image::load_from_memory(&browser.screenshot()).expect("a screenshot is a PNG").into_rgb8();
            picture.save(&file).expect("the folder can be written");
            println!("{}", file.display());
        }
    }
}
