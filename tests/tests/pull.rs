//! `host models pull` against a hub on the loopback interface: the whole way, cut connections, a killed process, damaged files,
//! refusals, and no network.

use end_to_end_tests::{Faults, Host, Hub, Outcome, Place, REPOSITORY, wait_until};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

const WEIGHTS: &str = "model.safetensors";

/// A repository with what a model needs and what it does not.
fn files() -> BTreeMap<String, Vec<u8>> {
    let weights: Vec<u8> = (0..400_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    BTreeMap::from([
        ("config.json".to_owned(), b"{\"model_type\": \"trial\"}\n".to_vec()),
        ("tokenizer.json".to_owned(), b"{}\n".to_vec()),
        ("README.md".to_owned(), b"# A model\n".to_vec()),
        ("pytorch_model.bin".to_owned(), vec![0; 1000]),
        (WEIGHTS.to_owned(), weights),
    ])
}

fn place() -> Place {
    let place = Place::new();
    let registry = fs::read_to_string(place.path("registry.toml")).unwrap();
    let models = format!(
        "{registry}\n[models.tiny]\nplugin = \"trial\"\nweights = \"hf:{REPOSITORY}\"\n\n[models.absent]\nplugin = \"trial\"\nweights = \
         \"hf:some/nothing\"\n"
    );
    place.write("registry.toml", &models);
    place
}

fn pull(place: &Place, hub: &Hub, model: &str) -> Host {
    place
        .host(&["models", "pull", model])
        .environment("HF_ENDPOINT", &hub.address)
        .environment("HF_TOKEN", "")
        .directly()
}

fn is_here(place: &Place) -> bool {
    let list = place.host(&["models", "list", "--json"]).run().expect_code(0).json();
    list.as_array().unwrap().iter().any(|model| model["name"] == "tiny" && model["present"] == true)
}

#[track_caller]
fn pulled(place: &Place, outcome: Outcome) {
    let outcome = outcome.expect_code(0);
    let folder = outcome.stdout.lines().next().unwrap().split(": ").nth(1).unwrap().to_owned();
    assert_eq!(fs::read(format!("{folder}/{WEIGHTS}")).unwrap(), files()[WEIGHTS], "{outcome}");
    assert!(is_here(place));
}

#[test]
fn a_repository_is_pulled_once_and_checked_each_time() {
    let (place, hub) = (place(), Hub::start(files(), Faults::default()));
    assert!(!is_here(&place));
    pulled(&place, pull(&place, &hub, "tiny").run());
    assert!(hub.ranges("README.md").is_empty() && hub.ranges("pytorch_model.bin").is_empty());
    let again = pull(&place, &hub, "tiny").with(&["--json"]).run().expect_code(0);
    assert_eq!((&again.json()["files"], &again.json()["downloaded"]), (&3.into(), &0.into()));
    assert_eq!(hub.ranges(WEIGHTS), ["bytes=0-"]);
    // A file that was changed meanwhile is noticed and fetched again.
    let folder = again.json()["directory"].as_str().unwrap().to_owned();
    let blob = fs::canonicalize(format!("{folder}/{WEIGHTS}")).unwrap();
    let mut bytes = fs::read(&blob).unwrap();
    bytes[7] ^= 1;
    fs::write(&blob, bytes).unwrap();
    pulled(&place, pull(&place, &hub, "tiny").run());
    assert_eq!(hub.ranges(WEIGHTS).len(), 2);
}

#[test]
fn a_cut_connection_goes_on_where_it_ended() {
    let faults = Faults { cut: Some((150_000, 2)), ..Faults::default() };
    let (place, hub) = (place(), Hub::start(files(), faults));
    pulled(&place, pull(&place, &hub, "tiny").run());
    assert_eq!(hub.ranges(WEIGHTS), ["bytes=0-", "bytes=150000-", "bytes=300000-"]);
}

#[test]
fn a_killed_pull_goes_on_where_it_ended() {
    let (place, hub) = (place(), Hub::start(files(), Faults { pause: Duration::from_secs(60), ..Faults::default() }));
    let mut child = pull(&place, &hub, "tiny").start();
    let part = |folder: &std::path::Path| {
        let blobs = folder.join("hub/hub").join(format!("models--{}", REPOSITORY.replace('/', "--"))).join("blobs");
        let entries = fs::read_dir(blobs).into_iter().flatten().flatten();
        let parts = entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "part"));
        parts.filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).max().unwrap_or(0)
    };
    assert!(wait_until(Duration::from_secs(30), || part(place.folder()) >= 190_000), "{}", part(place.folder()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!is_here(&place), "an incomplete model is shown");
    hub.set(Faults::default());
    let kept = part(place.folder());
    pulled(&place, pull(&place, &hub, "tiny").run());
    assert_eq!(hub.ranges(WEIGHTS), ["bytes=0-".to_owned(), format!("bytes={kept}-")]);
}

#[test]
fn a_hub_that_sends_nothing_more_is_asked_again() {
    let faults = Faults { pause: Duration::from_secs(600), pauses: Some(1), ..Faults::default() };
    let (place, hub) = (place(), Hub::start(files(), faults.clone()));
    let outcome = pull(&place, &hub, "tiny").environment("HF_HUB_DOWNLOAD_TIMEOUT", "2").run();
    let outcome = outcome.expect_error(&["nothing came for 2 s; trying again"]);
    pulled(&place, outcome);
    assert_eq!(hub.ranges(WEIGHTS), ["bytes=0-", "bytes=200000-"]);
    // One that never does is given up; what came stays.
    let (place, hub) = (self::place(), Hub::start(files(), Faults { pauses: None, ..faults }));
    let outcome = pull(&place, &hub, "tiny").environment("HF_HUB_DOWNLOAD_TIMEOUT", "1").run().expect_code(3);
    outcome.expect_error(&["cannot be downloaded", "(nothing came for 1 s)", "goes on there"]);
    assert_eq!(hub.ranges(WEIGHTS), ["bytes=0-", "bytes=200000-", "bytes=300000-", "bytes=350000-"]);
}

#[test]
fn a_damaged_file_is_named_and_removed() {
    let (place, hub) = (place(), Hub::start(files(), Faults { damaged: true, ..Faults::default() }));
    let outcome = pull(&place, &hub, "tiny").run().expect_code(3);
    outcome.expect_error(&["model.safetensors arrived damaged", "SHA-256", "run the same command again"]);
    assert!(!is_here(&place));
    hub.set(Faults::default());
    pulled(&place, pull(&place, &hub, "tiny").run());
}

#[test]
fn refusals_say_what_to_do() {
    let faults = Faults { token: Some("hf_right".to_owned()), ..Faults::default() };
    let (place, hub) = (place(), Hub::start(files(), faults));
    let refused = pull(&place, &hub, "tiny").run().expect_code(3);
    refused.expect_error(&["refuses some/tiny (401)", "HF_TOKEN"]);
    pulled(&place, pull(&place, &hub, "tiny").environment("HF_TOKEN", "hf_right").run());
    hub.set(Faults::default());
    let absent = pull(&place, &hub, "absent").run().expect_code(2);
    absent.expect_error(&["has no some/nothing at revision main", "registry.toml:"]);
    let local = pull(&place, &hub, "fine").run().expect_code(2);
    local.expect_error(&["the directory weights, not a repository"]);
    pull(&place, &hub, "tinny").run().expect_code(2).expect_error(&["did you mean `tiny`"]);
}

#[test]
fn pickled_weights_are_not_pulled() {
    let mut files = files();
    files.remove(WEIGHTS);
    let (place, hub) = (place(), Hub::start(files, Faults::default()));
    pull(&place, &hub, "tiny")
        .run()
        .expect_code(3)
        .expect_error(&["holds no weights as safetensors", "never from pickle"]);
}

#[test]
fn without_a_network_it_says_so() {
    let place = place();
    // A port that was just free: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hub = place
        .host(&["models", "pull", "tiny"])
        .environment("HF_ENDPOINT", &format!("http://127.0.0.1:{port}"))
        .directly();
    hub.run().expect_code(3).expect_error(&["cannot be reached", "is there a network here"]);
}
