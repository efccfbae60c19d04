//! `host recommend` end to end: Elliot's definitions, features that help and shuffled ones that do not, bad input, resuming.

use end_to_end_tests::{Outcome, Place, Registry, library, repository, wait_until};
use samples::layout::interactions::write_shop;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

fn place() -> Place {
    let mut registry =
        Registry::default().plugin("neighbours", &library("neighbours")).plugin("factors", &library("factors"));
    for (name, plugin) in [
        ("random", "neighbours"),
        ("most-pop", "neighbours"),
        ("item-knn", "neighbours"),
        ("user-knn", "neighbours"),
        ("bpr-mf", "factors"),
        ("vbpr", "factors"),
        ("freedom", "factors"),
    ] {
        registry = registry.recommender(name, plugin);
    }
    Place::with(registry)
}

fn recommend(place: &Place, text: &str, run: &str) -> Outcome {
    place.write("experiment.toml", text);
    place.host(&["recommend", "experiment.toml", "--json", "--run", run]).run()
}

fn model<'a>(results: &'a Value, name: &str) -> &'a Value {
    let models = results["models"].as_array().expect("there are models");
    models.iter().find(|model| model["name"] == name).unwrap_or_else(|| panic!("no model {name}"))
}

#[test]
fn metrics_are_those_of_elliots_definitions() {
    let place = place();
    let fixture = repository().join("tests/parity/recommend");
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture.join("expected.json")).unwrap()).unwrap();
    let mut text = format!(
        "[data]\ntrain = {:?}\nvalidation = {:?}\ntest = {:?}\n\n[evaluation]\ncutoffs = {}\nthreshold = {}\n",
        fixture.join("train.tsv"),
        fixture.join("validation.tsv"),
        fixture.join("test.tsv"),
        expected["cutoffs"],
        expected["threshold"],
    );
    text += "metrics = [\"ndcg\", \"map\", \"map-elliot\", \"recall\", \"precision\", \"hit-rate\", \"mrr\", \"coverage\", \"gini\", \"novelty\"]\n";
    let models = expected["models"].as_array().unwrap();
    for model in models.iter().filter(|model| model["test"].is_object()) {
        text += &format!("\n[[models]]\nname = {}\nrecommender = {}\n", model["name"], model["recommender"]);
        for (name, value) in model["parameters"].as_object().unwrap() {
            text += &format!("{name} = {value}\n");
        }
    }
    let results = recommend(&place, &text, "run").expect_code(0).json();
    let mut compared = 0;
    for wanted in models.iter().filter(|model| model["test"].is_object()) {
        let own = model(&results, wanted["name"].as_str().unwrap());
        for part in ["validation", "test"] {
            for (name, value) in wanted[part].as_object().unwrap() {
                let found = own[part][name].as_f64().unwrap_or(f64::NAN);
                let difference = (found - value.as_f64().unwrap()).abs();
                assert!(difference < 1e-9, "{} {part} {name}: {found}, not {value}", wanted["name"]);
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "{compared}");
    assert_eq!(results["data"]["untrained_items"], 1);
    assert_eq!(results["data"]["single"], 1);
    // The same command again has nothing to do; `host report` gives the same numbers.
    let again = recommend(&place, &text, "run").expect_code(0);
    assert_eq!(again.json(), results);
    let reported = place.host(&["report", "run", "--format", "json"]).run().expect_code(0).json();
    assert_eq!(reported["models"], results["models"]);
    assert!(place.path("run/users/most pop.tsv").is_file() && place.path("run/table.tex").is_file());
}

/// A shop whose customers buy by category and colour; its articles' attributes are the features.
fn shop(place: &Place) {
    write_shop(place.folder(), 42, 2000, 1500, 40_000).unwrap();
}

const SHOP: &str = r#"
[data]
name = "shop"
interactions = "hm/transactions_train.csv"
columns = { user = "customer_id", item = "article_id", time = "t_dat" }
filter = { k-core = 2 }
split = { by = "temporal-user", test = 0.15, validation = 0.1 }

[evaluation]
cutoffs = [20]
metrics = ["recall"]
select = "recall@20"
every = 5
cold = 10

[features.attributes]
path = "attributes"

[features.shuffled]
path = "attributes"
shuffle = true
"#;

fn interval(model: &Value, value: &str) -> (f64, f64) {
    let interval = &model["test_intervals"][value];
    (interval["low"].as_f64().unwrap(), interval["high"].as_f64().unwrap())
}

#[test]
fn features_help_on_cold_items_and_shuffled_ones_do_not() {
    let place = place();
    shop(&place);
    let factors = "factors = 16\nfeature-factors = 16\nepochs = 30\nlearning-rate = 0.003\nl2 = [0.03, 0.3, 1.0]\nbatch-size = 512\n";
    let text = format!(
        "{SHOP}\n[[models]]\nname = \"MostPop\"\nrecommender = \"most-pop\"\n\
         [[models]]\nname = \"BPRMF\"\nrecommender = \"bpr-mf\"\n{factors}\
         [[models]]\nname = \"VBPR\"\nrecommender = \"vbpr\"\nfeatures = [\"attributes\"]\n{factors}\
         [[models]]\nname = \"VBPR shuffled\"\nrecommender = \"vbpr\"\nfeatures = [\"shuffled\"]\n{factors}"
    );
    let results = recommend(&place, &text, "run").expect_code(0).json();
    let [pop, plain, visual, shuffled] =
        ["MostPop", "BPRMF", "VBPR", "VBPR shuffled"].map(|name| model(&results, name));
    // Intervals that do not touch.
    assert!(interval(visual, "recall@20").0 > interval(pop, "recall@20").1, "{results}");
    assert!(interval(visual, "cold-recall@20").0 > interval(plain, "cold-recall@20").1, "{results}");
    assert!(interval(visual, "cold-recall@20").0 > interval(shuffled, "cold-recall@20").1, "{results}");
    let comparison = |a: &str, b: &str| {
        let all = results["comparisons"].as_array().unwrap();
        all.iter().find(|it| it["a"] == a && it["b"] == b && it["value"] == "recall@20").unwrap().clone()
    };
    let found = comparison("MostPop", "VBPR");
    assert!(found["difference"].as_f64().unwrap() > 0.0 && found["p_holm"].as_f64().unwrap() < 0.01, "{found}");
    assert!(found["p_holm"].as_f64() >= found["p"].as_f64());
}

#[test]
fn the_test_part_has_no_say_in_what_is_chosen() {
    let place = place();
    let fixture = repository().join("tests/parity/recommend");
    for part in ["train", "validation", "test"] {
        std::fs::copy(fixture.join(format!("{part}.tsv")), place.path(&format!("{part}.tsv"))).unwrap();
    }
    let text = "[data]\ntrain = \"train.tsv\"\nvalidation = \"validation.tsv\"\ntest = \"test.tsv\"\n\
                [[models]]\nname = \"knn\"\nrecommender = \"item-knn\"\nneighbours = [1, 3, 8, 20]\nsimilarity = [\"cosine\", \"euclidean\"]\n\
                [[models]]\nname = \"bpr\"\nrecommender = \"bpr-mf\"\nfactors = 4\nepochs = 30\nlearning-rate = [0.01, 0.05]\n";
    let before = recommend(&place, text, "before").expect_code(0).json();
    assert_eq!(model(&before, "knn")["trials"], 8);
    // Another test part of the same users: other scores, the same choice, the same validation.
    let test = std::fs::read_to_string(place.path("test.tsv")).unwrap();
    let moved: String = test
        .lines()
        .map(|line| {
            let mut fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
            fields[1] = (100 + (fields[1].parse::<u32>().unwrap() - 100 + 11) % 30).to_string();
            fields.join("\t") + "\n"
        })
        .collect();
    place.write("test.tsv", &moved);
    let after = recommend(&place, text, "after").expect_code(0).json();
    for name in ["knn", "bpr"] {
        let (before, after) = (model(&before, name), model(&after, name));
        for key in ["parameters", "validation", "epoch"] {
            assert_eq!(before[key], after[key], "{name} {key}");
        }
        assert_ne!(before["test"], after["test"]);
    }
    // Commands for runs of captions say what it is, and what to use.
    let compared = place.host(&["compare", "before", "--baseline", "knn", "--candidate", "bpr"]).run();
    compared.expect_code(2).expect_error(&["before is a run of `host recommend`", "comparisons.csv", "host report"]);
    let status = place.host(&["status", "before"]).run();
    status.expect_code(2).expect_error(&["before is a run of `host recommend`", "host report"]);
    // A run of another plan is refused, with the difference.
    let refused = recommend(&place, text, "before").expect_code(2);
    refused.expect_error(&["another plan", "sha256"]);
}

#[test]
fn a_trial_that_is_done_is_not_done_again_and_a_failed_one_costs_itself() {
    let place = place();
    shop(&place);
    std::fs::create_dir(place.path("nothing")).unwrap();
    // A width of 0 epochs' worth of learning: the second learning rate drives the loss out of all numbers.
    let text = format!(
        "{SHOP}\n[[models]]\nname = \"m\"\nrecommender = \"bpr-mf\"\nfactors = 4\nepochs = 4\nlearning-rate = [0.01, 1e30]\n\
         [[models]]\nname = \"pop\"\nrecommender = \"most-pop\"\n"
    );
    let first = recommend(&place, &text, "run").expect_code(1);
    first.expect_error(&["the loss is no number any more"]);
    let record = place.path("run/trials/m/0001.json");
    let written = std::fs::metadata(&record).unwrap().modified().unwrap();
    std::fs::remove_file(place.path("run/trials/pop/0001.json")).unwrap();
    let second = recommend(&place, &text, "run").expect_code(1).json();
    assert_eq!(std::fs::metadata(&record).unwrap().modified().unwrap(), written);
    assert_eq!(model(&second, "m")["failed"].as_array().unwrap().len(), 1);
    assert_eq!(model(&second, "m")["parameters"]["learning-rate"], 0.01);
}

#[test]
fn a_command_that_is_asked_to_stop_keeps_its_trials_and_goes_on_with_the_others() {
    let place = place();
    shop(&place);
    let rates: Vec<String> = (1..=12).map(|rate| format!("{}", f64::from(rate) / 1000.0)).collect();
    let text = format!(
        "{SHOP}\n[[models]]\nname = \"m\"\nrecommender = \"bpr-mf\"\nfactors = 8\nepochs = 20\nlearning-rate = [{}]\n",
        rates.join(", ")
    );
    let whole = recommend(&place, &text, "whole").expect_code(0).json();
    let done = || {
        let files = std::fs::read_dir(place.path("run/trials/m")).into_iter().flatten().flatten();
        files.filter(|file| file.path().extension().is_some_and(|ending| ending == "json")).count()
    };
    let command = ["recommend", "experiment.toml", "--run", "run"];
    let mut saved = 0;
    for signal in ["-TERM", "-USR1"] {
        let mut host = place.host(&command).start();
        assert!(wait_until(Duration::from_secs(60), || done() > saved), "no trial ended");
        // Nobody else may write there.
        let other = place.host(&command).run().expect_code(3);
        other.expect_error(&["a host is at work in run already", "--run DIR"]);
        assert!(Command::new("kill").args([signal, &host.id().to_string()]).status().unwrap().success());
        assert_eq!(host.wait().unwrap().code(), Some(75));
        assert!(done() > saved && done() < rates.len(), "{} of {}", done(), rates.len());
        saved = done();
    }
    let mut resumed = recommend(&place, &text, "run").expect_code(0).json();
    resumed["run"] = whole["run"].clone();
    assert_eq!(resumed, whole);
}

#[test]
fn an_experiment_does_not_go_into_a_folder_of_something_else() {
    let place = place();
    place.write("log.tsv", "u\ta\t1\t1\nu\tb\t1\t2\nu\tc\t1\t3\n");
    let text = format!("[data]\ninteractions = \"log.tsv\"\nsplit = {{ by = \"leave-n-out\" }}\n{POPULAR}");
    for (mark, what) in [("run.toml", "a run (run.toml)"), ("embed.json", "features (embed.json)")] {
        std::fs::create_dir_all(place.path("other")).unwrap();
        place.write(&format!("other/{mark}"), "command = \"eval\"\n");
        let refused = recommend(&place, &text, "other").expect_code(2);
        refused.expect_error(&[&format!("holds {what}, and cannot take an experiment too"), "--run DIR"]);
        std::fs::remove_dir_all(place.path("other")).unwrap();
    }
}

#[test]
fn what_the_registry_says_of_a_recommender_is_part_of_the_plan() {
    let place = place();
    shop(&place);
    let text = format!("{SHOP}\n[[models]]\nname = \"m\"\nrecommender = \"item-knn\"\n");
    let before = recommend(&place, &text, "run").expect_code(0).json();
    let registry = std::fs::read_to_string(place.path("registry.toml")).unwrap();
    place.write(
        "registry.toml",
        &registry.replace("[recommenders.item-knn]\n", "[recommenders.item-knn]\nneighbours = 1\n"),
    );
    recommend(&place, &text, "run").expect_code(2).expect_error(&["another plan", "recommender.item-knn.settings"]);
    let after = recommend(&place, &text, "after").expect_code(0).json();
    assert_ne!(model(&after, "m")["test"], model(&before, "m")["test"]);
}

#[test]
fn bad_input_is_named() {
    let place = place();
    place.write("good.tsv", "u\ta\t1\t1\nu\tb\t1\t2\nu\tc\t1\t3\nv\ta\t1\t1\nv\tb\t1\t2\nv\tc\t1\t3\nw\ta\t1\t1\n");
    place.write("bad.tsv", "u\ta\t1\t1\nu b 1 2\n");
    place.write("untimed.tsv", "u\ta\nu\tb\nu\tc\n");
    place.write("header.csv", "user,item\nu,a\nv,a\n");
    std::fs::write(place.path("log.tsv.gz"), b"\x1f\x8b\x08").unwrap();
    place.write("plays.tsv", "u\ta\t1\nu\tb\t1500\n");
    let knn = "[[models]]\nname = \"m\"\nrecommender = \"item-knn\"\n";
    let log = |file: &str, by: &str, models: &str| {
        format!("[data]\ninteractions = {file:?}\nsplit = {{ by = {by:?} }}\n{models}")
    };
    for (text, code, wrong) in [
        (log("bad.tsv", "random", knn), 2, &["bad.tsv:2: 1 field", "separated by tabs"][..]),
        (log("untimed.tsv", "temporal-user", knn), 2, &["untimed.tsv:1 has no timestamp"]),
        (log("absent.tsv", "random", knn), 2, &["absent.tsv"]),
        (log("header.csv", "random", knn), 2, &["header.csv:1: the first line names columns", "name the columns"]),
        (log("log.tsv.gz", "random", knn), 2, &["log.tsv.gz: the file is compressed", "gunzip"]),
        (
            log("plays.tsv", "random", knn),
            2,
            &["plays.tsv:2: the rating `1500` is above 990", "nDCG", "leave the ratings out"],
        ),
        (
            log("good.tsv", "leave-n-out", "[[models]]\nname = \"m\"\nrecommender = \"itemknn\"\n"),
            2,
            &["did you mean `item-knn`"],
        ),
        (
            log("good.tsv", "leave-n-out", &format!("{knn}shrink = [1, \"x\"]\n")),
            2,
            &["model `m` (shrink = \"x\")", "the parameters are not understood"],
        ),
        (
            log("good.tsv", "leave-n-out", &format!("{knn}neigbours = 3\n")),
            2,
            &["unknown field `neigbours`", "did you mean `neighbours`", "model `m`"],
        ),
        (log("good.tsv", "leave-n-out", &format!("{knn}features = [\"f\"]\n")), 2, &["no features `f`"]),
        (
            log("good.tsv", "leave-n-out", "[[models]]\nname = \"m\"\nrecommender = \"vbpr\"\n"),
            2,
            &["learns from item features"],
        ),
    ] {
        recommend(&place, &text, "run").expect_code(code).expect_error(wrong);
    }
    // What was refused has not used the run up, whether for a line or for the features, with the data prepared.
    let features = "[features.f]\npath = \"f\"\nmissing = \"error\"\n[[models]]\nname = \"m\"\nrecommender = \"item-knn\"\nfeatures = [\"f\"]\n";
    std::fs::create_dir(place.path("f")).unwrap();
    place.write("other.tsv", &(0..20).map(|item| format!("z\ti{item}\n")).collect::<String>());
    recommend(&place, &log("other.tsv", "random", features), "run").expect_code(2);
    assert!(std::fs::read_to_string(place.path("run/data/users.txt")).unwrap() == "z\n");
    let fine = recommend(&place, &log("good.tsv", "leave-n-out", knn), "run").expect_code(0);
    assert_eq!(fine.json()["data"]["single"], 1);
}

/// An experiment that only counts and ranks by popularity.
const POPULAR: &str = "[[models]]\nname = \"pop\"\nrecommender = \"most-pop\"\n";

/// A `.npy` file's numbers, little-endian, behind its header.
fn numbers<const N: usize>(place: &Place, file: &str) -> Vec<u64> {
    let bytes = std::fs::read(place.path(file)).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let number = |chunk: &[u8]| chunk.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    bytes[header..].chunks_exact(N).map(number).collect()
}

/// What a user has in a part, by name.
fn part_of(place: &Place, run: &str, part: &str, user: &str) -> Vec<String> {
    let names = |file: &str| -> Vec<String> {
        let text = std::fs::read_to_string(place.path(&format!("{run}/data/{file}"))).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    let row = names("users.txt").iter().position(|name| name == user).unwrap();
    let offsets = numbers::<8>(place, &format!("{run}/data/{part}.offsets.npy"));
    let items = numbers::<4>(place, &format!("{run}/data/{part}.items.npy"));
    let known = names("items.txt");
    let name = |item: &u64| known.get(*item as usize).cloned().unwrap_or_else(|| "untrained".to_owned());
    items[offsets[row] as usize..offsets[row + 1] as usize].iter().map(name).collect()
}

#[test]
fn values_that_no_user_counts_in_are_missing_and_choose_nothing() {
    let place = place();
    let line = |number: usize| format!("u{}\ti{}\t{}\n", number % 9, number * number % 31, number % 5 + 1);
    place.write("log.tsv", &(0..200).map(line).collect::<String>());
    let data = "[data]\ninteractions = \"log.tsv\"\nsplit = { by = \"random\", validation = 0.2 }\n";
    let evaluation =
        |more: &str| format!("{data}[evaluation]\ncutoffs = [5]\nmetrics = [\"recall\", \"coverage\"]\n{more}\n");
    let knn = "[[models]]\nname = \"knn\"\nrecommender = \"item-knn\"\nneighbours = [1, 3]\n";
    let bpr = "[[models]]\nname = \"bpr\"\nrecommender = \"bpr-mf\"\nfactors = 2\nepochs = 4\n";

    let text = format!("{}{POPULAR}{knn}", evaluation("cold = 0"));
    let results = recommend(&place, &text, "cold").expect_code(0).json();
    let pop = model(&results, "pop");
    assert!(pop["test"]["recall@5"].is_f64() && pop["test"]["coverage@5"].is_f64(), "{pop}");
    assert!(pop["test"]["cold-recall@5"].is_null() && pop["test"].as_object().unwrap().len() == 3, "{pop}");
    let compared = results["comparisons"].as_array().unwrap();
    assert!(!compared.is_empty() && compared.iter().all(|it| it["value"] == "recall@5"), "{results}");
    // Read again, the values are still missing.
    let table = place.host(&["report", "cold"]).run().expect_code(0).stdout;
    let row = table.lines().find(|line| line.contains("pop")).unwrap();
    assert_eq!(row.matches('–').count(), 1, "{table}");

    let text = format!("{}{POPULAR}{knn}{bpr}", evaluation("threshold = 9.0"));
    let results = recommend(&place, &text, "threshold").expect_code(1).json();
    assert_eq!(model(&results, "pop")["users"], 0);
    assert!(model(&results, "pop")["test"].as_object().unwrap().values().all(Value::is_null), "{results}");
    for (name, choice) in [("knn", "a trial"), ("bpr", "an epoch")] {
        let failure = model(&results, name)["failure"].as_str().unwrap_or_default();
        assert!(failure.contains(&format!("{choice} cannot be chosen by recall@5")), "{failure}");
    }

    let text = format!("{}{knn}", evaluation("select = \"cold-recall@20\""));
    recommend(&place, &text, "select").expect_code(2).expect_error(&["without `cold`", "cold = 5"]);
}

#[test]
fn a_cut_off_beyond_the_catalogue_is_the_whole_catalogue() {
    let place = place();
    let line = |number: usize| format!("u{}\ti{}\n", number % 9, number * number % 31);
    place.write("log.tsv", &(0..200).map(line).collect::<String>());
    let text = |cutoffs: &str| {
        format!(
            "[data]\ninteractions = \"log.tsv\"\nsplit = {{ by = \"random\", validation = 0.2 }}\n\
             [evaluation]\ncutoffs = {cutoffs}\nmetrics = [\"recall\", \"recall\", \"map-elliot\"]\n{POPULAR}"
        )
    };
    let results = recommend(&place, &text("[10000000000, 31, 31]"), "run").expect_code(0).json();
    let names = ["recall@10000000000", "recall@31", "map-elliot@10000000000", "map-elliot@31"];
    assert_eq!(results["values"], serde_json::json!(names));
    let test = &model(&results, "pop")["test"];
    assert_eq!(test["recall@10000000000"], test["recall@31"]);
    let items = results["data"]["items"].as_u64().unwrap();
    let lists = place.path("run/trials/pop/0001.lists.npy");
    assert!(std::fs::metadata(lists).unwrap().len() <= 9 * items * 4 + 128);
}

#[test]
fn what_a_user_has_in_training_is_not_asked_for_in_test() {
    let place = place();
    let mut parts = [String::new(), String::new(), String::new()];
    for user in 0..6 {
        for item in 0..8 {
            parts[0] += &format!("u{user}\ti{item}\n");
        }
        // Bought again, and one thing that is new to the user.
        parts[1] += &format!("u{user}\tj0\n");
        parts[2] += &format!("u{user}\ti{user}\nu{user}\tj0\nu{user}\tj1\n");
    }
    parts[0] += "x\tj0\nx\tj1\n";
    for (part, text) in ["train", "validation", "test"].iter().zip(&parts) {
        place.write(&format!("{part}.tsv"), text);
    }
    let text = format!(
        "[data]\ntrain = \"train.tsv\"\nvalidation = \"validation.tsv\"\ntest = \"test.tsv\"\n\
         [evaluation]\ncutoffs = [10]\nmetrics = [\"recall\"]\n{POPULAR}"
    );
    let results = recommend(&place, &text, "run").expect_code(0).json();
    assert_eq!((&results["data"]["repeated"], &results["data"]["test"]), (&12.into(), &6.into()));
    // Every list has j0 and j1, which is all that is new.
    assert_eq!(model(&results, "pop")["test"]["recall@10"], 1.0);
    assert!(std::fs::read_to_string(place.path("run/table.md")).unwrap().contains("12 interactions of validation"));
}

#[test]
fn hours_of_a_day_decide_what_is_last() {
    let place = place();
    // v has all items, so that they are trained on. u's last is not the last line.
    let mut log = String::new();
    for (item, hour) in [("a", 21), ("b", 9), ("c", 15), ("d", 3)] {
        log += &format!("u\t{item}\t1\t2020-09-22 {hour:02}:00:00\n");
        log += &format!("v\t{item}\t1\t2020-09-21T{hour:02}:00:00Z\n");
        log += &format!("w\t{item}\t1\t2020-09-21\n");
    }
    for item in ["e", "f"] {
        for user in ["v", "w"] {
            log += &format!("{user}\t{item}\t1\t2020-09-23T00:00:00.5+02:00\n");
        }
    }
    place.write("log.tsv", &log);
    let text = format!("[data]\ninteractions = \"log.tsv\"\nsplit = {{ by = \"leave-n-out\" }}\n{POPULAR}");
    recommend(&place, &text, "run").expect_code(0);
    assert_eq!(part_of(&place, "run", "test", "u"), ["a"]);
    assert_eq!(part_of(&place, "run", "validation", "u"), ["c"]);
    assert_eq!(part_of(&place, "run", "train", "u"), ["b", "d"]);
}
