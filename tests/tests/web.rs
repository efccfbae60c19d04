//! The web app over plain HTTP: what it shows, what it refuses, and what it makes of runs that change under it.

use end_to_end_tests::{
    DATASET, GeneratedRun, Place, Registry, RunFiles, WebServer, assert_same_run, escaped, predictions_file,
    write_lines,
};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// A generated run in a place of its own.
fn generated(items: usize, models: usize) -> (Place, PathBuf) {
    let place = Place::without_lock(Registry::usual());
    let run = place.path("runs/made");
    GeneratedRun::new(items, models).write(&run);
    (place, run)
}

/// Served, and read to its end.
fn served(items: usize, models: usize) -> (Place, PathBuf, WebServer) {
    let (place, run) = generated(items, models);
    let server = WebServer::start(&place, &[&run], &[]);
    read_whole(&server, "made");
    (place, run, server)
}

fn read_whole(server: &WebServer, run: &str) {
    let live = server.get_until(&format!("/r/{run}/live"), |answer| answer.text().contains("\"busy\":false"));
    assert!(live.text().contains("\"busy\":false"), "{}", live.text());
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The ids of a list's items, in order.
fn listed(page: &str) -> Vec<String> {
    let parts = page.split("class=\"open\" href=\"").skip(1);
    parts.map(|part| part.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned()).collect()
}

#[test]
fn items_are_sorted_filtered_searched_and_paged_by_the_url_alone() {
    let (_place, run, server) = served(200, 2);
    let scores = |model: &str| lines(&run.join("scores").join(DATASET).join(model).join("items.jsonl"));
    let (a, b) = (scores("model-a"), scores("model-b"));
    let number = |line: &Value, name: &str| line[name].as_f64().unwrap() as f32;

    let mut expected: Vec<(f32, &str)> =
        a.iter().zip(&b).map(|(a, b)| (number(a, "spice") - number(b, "spice"), a["id"].as_str().unwrap())).collect();
    expected.sort_by(|x, y| y.0.total_cmp(&x.0));
    let expected: Vec<&str> = expected.into_iter().map(|(_, id)| id).collect();
    let sorted = "/r/made/hm/?sort=spice&of=model-a&minus=model-b";
    assert_eq!(listed(&server.get(sorted).text()), expected[..24]);
    assert_eq!(listed(&server.get(&format!("{sorted}&page=2")).text()), expected[24..48]);
    let lowest = listed(&server.get(&format!("{sorted}&order=lowest")).text());
    assert_eq!(lowest, expected.iter().rev().take(24).copied().collect::<Vec<_>>());

    let count = |query: &str| -> usize {
        let text = server.get(&format!("/r/made/hm/?{query}")).text();
        let line = text.split("class=\"count\"").nth(1).unwrap().split("</p>").next().unwrap().to_owned();
        if line.contains("No item") {
            return 0;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        words[words.iter().position(|word| *word == "of").unwrap() + 1].parse().unwrap()
    };
    let items = lines(&run.join("items/hm.jsonl"));
    assert_eq!(count(""), 200);
    assert_eq!(count("category=dress"), items.iter().filter(|item| item["category"] == "dress").count());
    let wrong = |line: &&Value| {
        let judged = &line["details"]["category-accuracy"];
        judged["predicted"] != judged["category"]
    };
    assert_eq!(count("only=wrong-category&of=model-b"), b.iter().filter(wrong).count());
    let missed = |line: &&Value| line["details"]["attribute"]["missed"].as_array().unwrap().contains(&json!("navy"));
    assert_eq!(count("attribute=navy&mark=missed&of=model-a"), a.iter().filter(missed).count());
    let middling = |line: &&Value| {
        let printed = (f64::from(number(line, "cider")) * 1000.0).round() / 10.0;
        (25.0..=50.0).contains(&printed)
    };
    assert_eq!(count("metric=cider&min=25&max=50&of=model-a"), a.iter().filter(middling).count());
    let captions = |model: &str| lines(&predictions_file(&run, model));
    let (texts_a, texts_b) = (captions("model-a"), captions("model-b"));
    let found = |place: &usize| {
        let item = &items[*place];
        let texts = [&item["references"][0], &item["metadata"]["colour_group_name"], &item["metadata"]["prod_name"]];
        let all = texts.into_iter().chain([&texts_a[*place]["caption"], &texts_b[*place]["caption"]]);
        let all: Vec<String> = all.map(|text| text.as_str().unwrap().to_lowercase()).collect();
        ["navy", "long sleeves"].iter().all(|word| all.iter().any(|text| text.contains(word)))
    };
    assert_eq!(count("q=Navy+%22long+sleeves%22"), (0..200).filter(found).count());
    assert_eq!(count("q=no-such-word"), 0);
    assert_eq!(count(&format!("q={}", items[7]["id"].as_str().unwrap())), 1);
}

#[test]
fn stepping_follows_the_view_and_unknown_names_are_told() {
    let (_place, _run, server) = served(60, 2);
    let list = server.get("/r/made/hm/?sort=spice&category=dress").text();
    let ids = listed(&list);
    let item = server.get(&format!("/r/made/hm/item?id={}&sort=spice&category=dress", ids[1])).text();
    assert!(item.contains(&format!("2 of {}", ids.len())), "{item}");
    for (relation, id) in [("prev", &ids[0]), ("next", &ids[2])] {
        let link = format!("rel=\"{relation}\" href=\"/r/made/hm/item?id={id}&#38;sort=spice&#38;category=dress\"");
        assert!(item.contains(&link), "{link}\n{item}");
    }
    let odd = server.get("/r/made/hm/?model=modle-a&sort=spise&page=99999999999999999999&min=NaN&metric=spice&order=x");
    assert_eq!(odd.status, 200);
    assert!(odd.text().contains("no model “modle-a”") && odd.text().contains("no metric “spise”"), "{}", odd.text());
    for path in ["/r/made/hm/item?id=nothing", "/r/made/hm/item", "/r/made/cars/", "/r/other/", "/r/made/hm/else"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn addresses_without_their_last_slash_lead_to_those_with_it() {
    let (_place, _run, server) = served(5, 1);
    for (path, place) in [("/r/made", "/r/made/"), ("/r/made/hm?sort=spice", "/r/made/hm/?sort=spice")] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("location")), (308, Some(place)), "{path}");
        assert_eq!(server.get(place).status, 200);
    }
    for path in ["/r/maid", "/r/made/hn", "/r/made/hm/items"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn no_part_of_a_request_becomes_a_path() {
    let (place, _run, server) = served(10, 1);
    place.write("secret.txt", "root: secret");
    let attempts = [
        "/../secret.txt",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets//etc/passwd",
        "/r/../secret.txt",
        "/r/..%2f..%2f/",
        "/r/made/..%2f..%2f..%2fetc/",
        "/r/made/..%2fsecret.txt/image?id=1",
        "/r/made/hm/image?id=../../../../etc/passwd",
        "/r/made/hm/image?id=..%2F..%2Fsecret.txt&size=large",
        "/r/made/hm/image?id=/etc/passwd",
        "/r/made/hm/image?id=0100000000%00.jpg",
        "/r/made/hm/item?id=file:///etc/passwd",
        "/r/made/run.toml",
        "/r/made/predictions/hm/model-a/shard-0000.jsonl",
        "/r/%00/",
        "/r/%ff%fe/",
        "file:///etc/passwd",
        "http://evil.example/etc/passwd",
    ];
    for path in attempts {
        let answer = server.get(path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text().contains("root:") && !answer.text().contains("weights_sha256"), "{path}");
    }
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn oversized_and_malformed_requests_are_refused_and_the_server_goes_on() {
    let (_place, run, server) = served(10, 2);
    let host = server.address;
    let csrf = server.csrf("/r/made/hm/item?id=0100000000");
    let note = |text: &str| server.post("/r/made/hm/note", &[("csrf", &csrf), ("id", "0100000000"), ("text", text)]);
    let close = "Connection: close\r\n";
    let raw = |head: &str| server.request(format!("{head}\r\n")).status;

    assert_eq!(server.get(&format!("/?q={}", "x".repeat(9000))).status, 414);
    assert_eq!(raw(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n{close}X: {}\r\n", "x".repeat(200_000))), 431);
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    assert_eq!(raw(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n{close}{many}")), 431);
    assert_eq!(note(&"x".repeat(70_000)).status, 413);
    assert_eq!(note(&"x".repeat(5000)).status, 400);
    assert_eq!(raw("\x16\x03\x01 garbage\r\n"), 400);
    assert_eq!(raw(&format!("DELETE / HTTP/1.1\r\nHost: {host}\r\n{close}")), 405);
    assert_eq!(raw(&format!("POST /r/made/hm/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n{close}")), 405);
    assert_eq!(raw(&format!("GET / HTTP/1.1\r\n{close}")), 421, "no name of the host");
    for name in ["evil.example", "evil.example:80", "192.0.2.1"] {
        assert_eq!(raw(&format!("GET / HTTP/1.1\r\nHost: {name}\r\n{close}")), 421, "{name}");
    }
    let form = |kind: &str, body: &str| {
        let length = body.len();
        server.request(format!(
            "POST /r/made/hm/note HTTP/1.1\r\nHost: {host}\r\n{close}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    assert_eq!(form("application/json", "{}").status, 400);
    assert_eq!(form("application/x-www-form-urlencoded", "%%%&&&===").status, 403);
    let foreign = [("csrf", "0"), ("id", "0100000000"), ("text", "x")];
    assert_eq!(server.post("/r/made/hm/note", &foreign).status, 403);
    let right = [("csrf", csrf.as_str()), ("id", "0100000000"), ("text", "x")];
    assert_eq!(server.post_with("/r/made/hm/note", &right, &["Origin: http://evil.example"]).status, 403);
    assert_eq!(server.post_with("/r/made/hm/note", &right, &["Sec-Fetch-Site: cross-site"]).status, 403);
    assert_eq!(server.post("/r/made/hm/vote?a=model-a&b=model-b", &[("csrf", "0"), ("preferred", "left")]).status, 403);
    let vote = [("csrf", csrf.as_str()), ("id", "nothing"), ("preferred", "left")];
    assert_eq!(server.post("/r/made/hm/vote?a=model-a&b=model-b", &vote).status, 400);
    assert!(!run.join("notes.jsonl").exists() && !run.join("votes.jsonl").exists(), "something was written");
    let page = server.get("/");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn html_in_captions_ids_and_names_stays_text() {
    let (place, run) = generated(3, 1);
    let evil = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>";
    let item = json!({
        "id": evil, "product": "p", "references": [format!("{evil} reference")], "category": evil,
        "metadata": { evil: evil }, "image": "../../../../etc/passwd",
    });
    write_lines(&run.join("items/hm.jsonl"), [item].into_iter());
    let prediction = json!({ "id": evil, "caption": format!("caption {evil}"), "token_ids": [1], "finish": "eos" });
    write_lines(&predictions_file(&run, "model-a"), [prediction].into_iter());
    let attribute = json!({ "matched": [evil], "missed": [], "extra": [evil] });
    let scores = json!({ "id": evil, "spice": 0.5, "details": { "attribute": attribute, "x": { "predicted": evil } } });
    write_lines(&run.join("scores/hm/model-a/items.jsonl"), [scores].into_iter());
    let server = WebServer::start(&place, &[&run], &[]);
    read_whole(&server, "made");
    let item = format!("/r/made/hm/item?id={}", escaped(evil));
    let csrf = server.csrf(&item);
    assert_eq!(server.post("/r/made/hm/note", &[("csrf", &csrf), ("id", evil), ("text", evil)]).status, 303);
    let search = format!("/r/made/hm/?q={0}&attribute={0}&category={0}", escaped(evil));
    for path in [item.as_str(), &search, "/r/made/hm/", "/r/made/", "/"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        let page = answer.text();
        assert!(
            !page.contains("<script>alert") && !page.contains("<img src=x") && !page.contains("\"'&<"),
            "{path}\n{page}"
        );
        if path.contains("/hm/") {
            assert!(page.contains("&#60;script&#62;alert(1)"), "{path}\n{page}");
        }
    }
    let image = server.get(&format!("/r/made/hm/image?id={}", escaped(evil)));
    assert_eq!((image.status, image.header("content-type")), (404, Some("image/svg+xml")));
    assert!(!image.text().contains("root:"));
    // A spreadsheet takes no formula from a note.
    assert_eq!(server.post("/r/made/hm/note", &[("csrf", &csrf), ("id", evil), ("text", "=1+1")]).status, 303);
    assert!(server.get("/r/made/notes.csv").text().contains(",'=1+1,"));
}

#[test]
fn a_run_in_progress_is_followed_and_a_half_written_line_waited_for() {
    let (place, run) = generated(20, 2);
    let file = predictions_file(&run, "model-b");
    let all = fs::read(&file).unwrap();
    let half = all.len() / 2 + 3;
    fs::write(&file, &all[..half]).unwrap();
    fs::remove_dir_all(run.join("scores/hm/model-b")).unwrap();
    let server = WebServer::start(&place, &[&run], &[]);
    let whole = all[..half].iter().filter(|byte| **byte == b'\n').count();
    let done = format!("\"done\":{}", 20 + whole);
    let live = server.get_until("/r/made/live", |answer| answer.text().contains(&done));
    assert!(live.text().contains(&done) && live.text().contains("\"busy\":true"), "{}", live.text());
    let page = server.get("/r/made/hm/").text();
    assert!(page.contains("No caption yet.") && page.contains(&format!("{} of 40 captions", 20 + whole)), "{page}");
    let mut out = OpenOptions::new().append(true).open(&file).unwrap();
    out.write_all(&all[half..]).unwrap();
    read_whole(&server, "made");
    assert!(!server.get("/r/made/hm/").text().contains("No caption yet."));
}

#[test]
fn files_that_change_or_vanish_are_noticed_and_nothing_falls() {
    let (_place, run, server) = served(30, 2);
    let list = || server.get("/r/made/hm/");
    let version = || -> Value { serde_json::from_str(&server.get("/r/made/live").text()).unwrap() };
    // Overwritten in place: lines are elsewhere than they were.
    let file = predictions_file(&run, "model-a");
    let mut captions = lines(&file);
    captions.reverse();
    captions[0]["caption"] = json!("an entirely new caption");
    write_lines(&file, captions.iter().cloned());
    let last = captions[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/r/made/hm/item?id={last}");
    let item = server.get_until(&path, |answer| answer.text().contains("entirely new"));
    assert!(item.text().contains("entirely new"), "{}", item.text());
    // Cut short in place.
    let scores = run.join("scores/hm/model-a/items.jsonl");
    let length = fs::metadata(&scores).unwrap().len();
    OpenOptions::new().write(true).open(&scores).unwrap().set_len(length / 2).unwrap();
    for answer in [list(), server.get(&path)] {
        assert!([200, 409].contains(&answer.status), "{}", answer.status);
    }
    assert_eq!(server.get_until(&path, |answer| answer.status == 200).status, 200);
    // Gone, one after the other, and at last the whole.
    fs::remove_file(&file).unwrap();
    let gone = server.get_until("/r/made/hm/", |answer| answer.text().contains("No caption yet."));
    assert!(gone.text().contains("No caption yet."));
    let before = version()["version"].as_u64().unwrap();
    fs::remove_file(run.join("items/hm.jsonl")).unwrap();
    let gone = server.get_until("/r/made/hm/", |answer| answer.text().contains("is not there or holds no items"));
    assert!(gone.text().contains("is not there or holds no items"), "{}", gone.text());
    assert!(version()["version"].as_u64().unwrap() > before);
    fs::remove_dir_all(&run).unwrap();
    let gone = server.get_until("/r/made/hm/", |answer| answer.text().contains("not there any more"));
    assert!(gone.status == 200 && gone.text().contains("not there any more"), "{}", gone.text());
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn notes_and_votes_are_kept_and_the_results_are_not_touched() {
    let (place, run, server) = served(40, 2);
    let before = RunFiles::of(&run);
    let item = "/r/made/hm/item?id=0100000007";
    let csrf = server.csrf(item);
    let write = |text: &str| server.post("/r/made/hm/note", &[("csrf", &csrf), ("id", "0100000007"), ("text", text)]);
    assert_eq!(write("first").status, 303);
    assert_eq!(write("sleeves are wrong").status, 303);
    assert!(server.get(item).text().contains(">sleeves are wrong</textarea>"));
    assert_eq!(listed(&server.get("/r/made/hm/?only=noted").text()), ["0100000007"]);

    let vote_page = "/r/made/hm/vote?a=model-a&b=model-b";
    let mut seen = Vec::new();
    for side in ["left", "right", "equal"] {
        let page = server.get(vote_page).text();
        let comparison = page.split("data-vote").nth(1).unwrap().split("class=\"between\"").next().unwrap().to_owned();
        assert!(!comparison.contains("model-"), "a name shows which is which\n{comparison}");
        let id = page.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(!seen.contains(&id));
        let cast = server.post(vote_page, &[("csrf", &csrf), ("id", &id), ("preferred", side)]);
        assert_eq!(cast.status, 303);
        let after = server.get(cast.header("location").unwrap()).text();
        assert!(after.contains("Vote saved.") && after.contains(&format!("{} of ", seen.len() + 1)), "{after}");
        seen.push(id);
    }
    let votes = lines(&run.join("votes.jsonl"));
    for (vote, (id, side)) in votes.iter().zip(seen.iter().zip(["left", "right", "equal"])) {
        let left = vote["left"].as_str().unwrap();
        let right = if left == "model-a" { "model-b" } else { "model-a" };
        let preferred = match vote["preferred"].as_str().unwrap() {
            "a" => "model-a",
            "b" => "model-b",
            other => other,
        };
        let expected = match side {
            "left" => left,
            "right" => right,
            other => other,
        };
        assert_eq!((vote["id"].as_str().unwrap(), preferred), (id.as_str(), expected));
    }
    // Taken back, and found again by another server.
    assert_eq!(server.post(vote_page, &[("csrf", &csrf), ("id", &seen[2]), ("preferred", "withdrawn")]).status, 303);
    drop(server);
    let again = WebServer::start(&place, &[&run], &[]);
    read_whole(&again, "made");
    assert!(again.get(item).text().contains(">sleeves are wrong</textarea>"));
    assert_eq!(again.get("/r/made/votes.csv").text().lines().count(), 3);
    assert!(again.get("/r/made/notes.csv").text().contains("hm,0100000007,sleeves are wrong,"));
    let after = RunFiles::of(&run).only(|path| !["notes.jsonl", "votes.jsonl"].contains(&path));
    assert_same_run(&after, &before);
}

#[test]
fn beyond_loopback_only_the_token_opens() {
    let (place, run) = generated(5, 1);
    let server = WebServer::start(&place, &[&run], &["--address", "0.0.0.0"]);
    let token = server.url.split("token=").nth(1).expect("the address has a token").to_owned();
    for path in ["/", "/r/made/hm/", "/r/made/hm/image?id=0100000000", "/?token=wrong", "/assets/app.js"] {
        assert_eq!(server.get(path).status, 401, "{path}");
    }
    let entered = server.get(&format!("/?token={token}"));
    assert_eq!((entered.status, entered.header("location")), (303, Some("/")));
    let sorted = server.get(&format!("/r/made/hm/?sort=spice&token={token}&page=2"));
    assert_eq!((sorted.status, sorted.header("location")), (303, Some("/r/made/hm/?sort=spice&page=2")));
    let elsewhere = server.get(&format!("//evil.example/?token={token}"));
    assert_eq!(elsewhere.header("location"), Some("/evil.example/"));
    let cookie = entered.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let with = server.request(format!(
        "GET /r/made/hm/ HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n",
        server.address
    ));
    assert_eq!(with.status, 200);
    let other = format!("GET / HTTP/1.1\r\nHost: evil.example\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n");
    assert_eq!(server.request(other).status, 421);
}

/// Evaluates the sample catalogue with the trial captioner.
fn evaluated() -> (Place, PathBuf) {
    let place = Place::new();
    place.eval("real", "fine", "hm").with(&["--limit", "12"]).run().expect_code(0);
    let run = place.path("runs/real");
    (place, run)
}

#[test]
fn images_come_from_the_datasets_and_are_made_small() {
    let (place, run) = evaluated();
    let server = WebServer::start(&place, &[&run], &[]);
    read_whole(&server, "real");
    let id = lines(&run.join("items/hm.jsonl"))[0]["id"].as_str().unwrap().to_owned();
    for size in ["", "&size=large"] {
        let path = format!("/r/real/hm/image?id={id}{size}");
        let answers: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| server.get(&path))).collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for answer in answers {
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/jpeg")));
            let image = image::load_from_memory(&answer.body).unwrap();
            assert!(image.width().max(image.height()) <= if size.is_empty() { 360 } else { 1200 });
        }
    }
    // The registry's dataset is another by now: its images are not the run's.
    drop(server);
    let registry = fs::read_to_string(place.path("registry.toml")).unwrap();
    let elsewhere = place.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let root = end_to_end_tests::sample_catalogue().join("hm").display().to_string();
    place.write(
        "registry.toml",
        &registry.replace(&format!("{root:?}"), &format!("{:?}", elsewhere.display().to_string())),
    );
    let server = WebServer::start(&place, &[&run], &[]);
    read_whole(&server, "real");
    assert_eq!(server.get(&format!("/r/real/hm/image?id={id}")).status, 404);
    assert_eq!(server.get("/r/real/hm/").status, 200);
}

#[test]
fn several_runs_are_served_and_wrong_arguments_are_told() {
    let (place, run) = generated(5, 1);
    let other = place.path("elsewhere/made");
    GeneratedRun::new(3, 2).write(&other);
    let server = WebServer::start(&place, &[&run, &other], &[]);
    for name in ["made", "made-2"] {
        read_whole(&server, name);
        assert_eq!(server.get(&format!("/r/{name}/hm/")).status, 200);
    }
    assert_eq!(listed(&server.get("/r/made-2/hm/").text()).len(), 3);
    let port = server.address.port().to_string();
    let taken = place.host(&["serve"]).with(&[&run]).with(&["--port", &port]).run().expect_code(3);
    taken.expect_error(&["cannot listen on", "--port"]);
    place.host(&["serve", "weights"]).run().expect_code(2).expect_error(&["is no run directory"]);
}

#[test]
fn fifty_requests_at_once_are_all_answered() {
    let (_place, _run, server) = served(300, 2);
    let paths = [
        "/r/made/hm/?sort=spice",
        "/r/made/hm/?q=navy",
        "/r/made/",
        "/r/made/hm/vote",
        "/r/made/hm/item?id=0100000014",
    ];
    std::thread::scope(|scope| {
        for number in 0..50 {
            let (server, path) = (&server, paths[number % paths.len()]);
            scope.spawn(move || assert_eq!(server.get(path).status, 200, "{path}"));
        }
    });
}

#[test]
fn an_exported_copy_is_whole_and_has_no_forms() {
    let (place, run) = evaluated();
    let before = RunFiles::of(&run);
    let copy = place.path("copy");
    let done = place.host(&["report"]).with(&[&run]).with(&["--items", "5", "--export"]).with(&[&copy]).run();
    let done = done.expect_code(0);
    assert!(done.stdout.contains("5 items") && done.stdout.contains("index.html"), "{done}");
    let mut pages = 0;
    for entry in fs::read_dir(&copy).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "html") {
            continue;
        }
        pages += 1;
        let page = fs::read_to_string(&path).unwrap();
        assert!(!page.contains("method=\"post\"") && !page.contains("data-live"), "{}", path.display());
        for attribute in ["href=\"", "src=\""] {
            for link in page.split(attribute).skip(1) {
                let link = link.split('"').next().unwrap();
                assert!(link.starts_with('#') || copy.join(link).is_file(), "{} leads to {link}", path.display());
            }
        }
    }
    assert_eq!(pages, 1 + 1 + 5);
    let image = image::open(fs::read_dir(copy.join("images")).unwrap().next().unwrap().unwrap().path()).unwrap();
    assert!(image.width() > 1);
    let inside = run.join("predictions/hm");
    let refused = place.host(&["report"]).with(&[&run]).with(&["--export"]).with(&[&inside]).run().expect_code(2);
    refused.expect_error(&["holds the run's results"]);
    assert_same_run(&RunFiles::of(&run), &before);
}
