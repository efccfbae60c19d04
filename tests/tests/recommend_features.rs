//! `host recommend` with features that it has embedded: by model and space, with captions in the places of missing descriptions; and the study's figures
//! beside its results.

use end_to_end_tests::{Outcome, Place, Registry, copy_folder, library, sample_catalogue, take_out_descriptions};
use serde_json::Value;
use std::fmt::Write;

/// Lines of articles.csv that lose their descriptions.
const BARE: [usize; 5] = [3, 8, 15, 27, 44];

/// A copy of the sample catalogue, the trial encoder, and a log of users who each have ten articles in turn.
fn place() -> Place {
    let place = Place::without_lock(Registry::default());
    let data = sample_catalogue();
    copy_folder(&data.join("hm"), &place.path("hm"));
    let registry = [("item-knn", "neighbours"), ("vbpr", "factors")].into_iter().fold(
        Registry::usual().plugin("neighbours", &library("neighbours")).plugin("factors", &library("factors")),
        |registry, (name, plugin)| registry.recommender(name, plugin),
    );
    let registry = registry.entry("[encoders.plain]\nplugin = \"trial\"\nweights = \"weights\"\n");
    let hm = data.join("hm").display().to_string();
    place.write("registry.toml", &registry.text().replace(&hm, &place.path("hm").display().to_string()));
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    let articles = std::fs::read_to_string(place.path("hm/articles.csv")).unwrap();
    let ids: Vec<&str> = articles.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    let mut log = String::new();
    for user in 0..ids.len() {
        for step in 0..10 {
            let _ = writeln!(log, "u{user}\t{}\t1\t{step}", ids[(user + step * step) % ids.len()]);
        }
    }
    place.write("log.tsv", &log);
    place
}

const DATA: &str = "[data]\nname = \"hm\"\ninteractions = \"log.tsv\"\nsplit = { by = \"temporal-user\", test = 0.2, validation = 0.2 }\n\
                    [evaluation]\ncutoffs = [5, 12]\nmetrics = [\"ndcg\", \"map\", \"map-elliot\"]\n";

fn vbpr(name: &str, features: &str) -> String {
    format!(
        "[[models]]\nname = \"{name}\"\nrecommender = \"vbpr\"\nfeatures = [\"{features}\"]\nfactors = 4\nfeature-factors = 4\nepochs = 3\n"
    )
}

fn recommend(place: &Place, text: &str, run: &str, more: &[&str]) -> Outcome {
    place.write("experiment.toml", text);
    place.host(&["recommend", "experiment.toml", "--json", "--run", run]).with(more).run()
}

fn model<'a>(results: &'a Value, name: &str) -> &'a Value {
    let models = results["models"].as_array().expect("there are models");
    models.iter().find(|model| model["name"] == name).unwrap_or_else(|| panic!("no model {name}: {results}"))
}

#[test]
fn features_by_model_and_space_are_embedded_once_and_are_those_of_host_embed() {
    let place = place();
    let made = format!(
        "{DATA}[features.look]\nmodel = \"plain\"\nspace = \"colour\"\ndataset = \"hm\"\n{}",
        vbpr("Visual", "look")
    );
    let results = recommend(&place, &made, "made", &[]).expect_code(0).json();
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(place.path("features/look/embed.json")).unwrap()).unwrap();
    assert_eq!((manifest["space"]["name"].as_str(), manifest["complete"].as_bool()), (Some("colour"), Some(true)));
    let written = |file: &str| std::fs::metadata(place.path(file)).unwrap().modified().unwrap();
    let before = written("features/look/features.npy");
    let again = recommend(&place, &made, "made", &[]).expect_code(0);
    assert_eq!(again.json(), results);
    assert_eq!(written("features/look/features.npy"), before);

    // The same by path, of a folder that `host embed` writes.
    let out = place.path("own");
    place
        .host(&["embed", "--model", "plain", "--space", "colour", "--dataset", "hm", "--out"])
        .with(&[out])
        .run()
        .expect_code(0);
    let by_path = format!("{DATA}[features.look]\npath = \"own\"\n{}", vbpr("Visual", "look"));
    let other = recommend(&place, &by_path, "by-path", &[]).expect_code(0).json();
    assert_eq!(model(&other, "Visual")["test"], model(&results, "Visual")["test"]);

    // Narrowed.
    let narrow = made.replace("dataset = \"hm\"\n", "dataset = \"hm\"\npca = 0.5\n");
    recommend(&place, &narrow, "narrow", &[]).expect_code(0);
    assert!(place.path("features/look-pca-0.5/pca.json").is_file());
    let before = written("features/look-pca-0.5/features.npy");
    std::fs::remove_dir_all(place.path("narrow")).unwrap();
    recommend(&place, &narrow, "narrow", &[]).expect_code(0);
    assert_eq!(written("features/look-pca-0.5/features.npy"), before);

    for (from, to, wrong) in [
        ("\"plain\"", "\"plane\"", &["[features.look]", "did you mean `plain`"][..]),
        ("\"hm\"\n[[", "\"hn\"\n[[", &["[features.look]", "no dataset `hn`"]),
        // Another space in the folder.
        ("\"colour\"", "\"words\"", &["[features.look]", "holds features of the space `colour`", "another folder"]),
    ] {
        recommend(&place, &made.replace(from, to), "wrong", &[]).expect_code(2).expect_error(wrong);
        let _ = std::fs::remove_dir_all(place.path("wrong"));
    }
}

#[test]
fn captions_complete_the_texts_that_are_missing_and_models_are_compared_with_and_without() {
    let place = place();
    // A run has captions of all articles; some of them lose their descriptions.
    place.eval("captions", "fine", "hm").run().expect_code(0);
    let captions = place.path("runs/captions").display().to_string();
    let whole = format!(
        "{DATA}[features.whole]\nmodel = \"plain\"\nspace = \"words\"\ndataset = \"hm\"\n{}",
        vbpr("m", "whole")
    );
    let refused = recommend(&place, &whole, "whole", &["--captions", &captions]).expect_code(2);
    refused.expect_error(&["[features.whole]: all items of hm have a description", "leave --captions out"]);
    assert_eq!(take_out_descriptions(&place.path("hm/articles.csv"), &BARE).len(), BARE.len());
    let features = "[features.text]\nmodel = \"plain\"\nspace = \"words\"\ndataset = \"hm\"\n\
                    [features.look]\nmodel = \"plain\"\nspace = \"colour\"\ndataset = \"hm\"\n";
    let text = format!("{DATA}{features}{}{}", vbpr("Textual", "text"), vbpr("Visual", "look"));
    let results = recommend(&place, &text, "run", &["--captions", &captions]).expect_code(0).json();
    let names: Vec<&str> =
        results["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Textual", "Textual, completed", "Visual"]);
    let missing = |name: &str, modality: &str| model(&results, name)["without_features"][modality].as_u64();
    assert_eq!(missing("Textual", "text"), Some(BARE.len() as u64));
    assert_eq!(missing("Textual, completed", "text, completed"), Some(0));
    // Images need no description.
    assert_eq!(missing("Visual", "look"), Some(0));
    assert_eq!(results["captions"], "fine");
    let compared = results["comparisons"].as_array().unwrap();
    assert!(compared.iter().any(|it| it["a"] == "Textual" && it["b"] == "Textual, completed"), "{results}");
    let table = std::fs::read_to_string(place.path("run/table.md")).unwrap();
    assert!(table.contains("captions of fine in the places of missing descriptions"), "{table}");
    // Captions are part of the plan.
    let plain = recommend(&place, &text, "run", &[]).expect_code(2);
    plain.expect_error(&["another plan", "captions of hm by fine"]);
    let plain = recommend(&place, &text, "plain", &[]).expect_code(0).json();
    assert_eq!(model(&plain, "Textual")["test"], model(&results, "Textual")["test"]);

    let visual = format!("{DATA}{features}{}", vbpr("Visual", "look"));
    let refused = recommend(&place, &visual, "visual", &["--captions", &captions]).expect_code(2);
    refused.expect_error(&["no model uses features that are embedded from texts"]);
    let dropping = text.replace("space = \"words\"\n", "space = \"words\"\nmissing = \"drop\"\n");
    let refused = recommend(&place, &dropping, "dropping", &["--captions", &captions]).expect_code(2);
    refused.expect_error(&["[features.text] drops the items", "missing = \"mean\""]);
    let refused = recommend(&place, &text, "none", &["--captions", &captions, "--captions-model", "none"]);
    refused.expect_code(2).expect_error(&["by `none`", "fine"]);
    place.eval("described", "fine", "hm").run().expect_code(0);
    let described = place.path("runs/described").display().to_string();
    let refused = recommend(&place, &text, "described", &["--captions", &described]).expect_code(2);
    refused.expect_error(&["[features.text]", "of none of the 5 items of hm without a description", "--undescribed"]);
    place.eval("some", "fine", "hm").with(&["--undescribed", "--limit", "10"]).run().expect_code(0);
    let some = place.path("runs/some").display().to_string();
    let partly = recommend(&place, &text, "partly", &["--captions", &some]).expect_code(0);
    partly.expect_error(&["3 of the 5 items of hm without a description have no caption"]);
    let shard = place.eval("shard", "fine", "hm").with(&["--undescribed", "--shard", "1/2"]).run();
    shard.expect_code(0);
    let shard = place.path("runs/shard").display().to_string();
    let refused = recommend(&place, &text, "shard", &["--captions", &shard]).expect_code(2);
    refused.expect_error(&["no captions of `hm`", "host merge"]);
    let experiment = place.path("run").display().to_string();
    let refused = recommend(&place, &text, "experiment", &["--captions", &experiment]).expect_code(2);
    refused.expect_error(&["is a run of `host recommend`, and holds no captions"]);
}

#[test]
fn the_studys_figures_stand_beside_ours_and_are_marked() {
    let place = place();
    let text = format!("{DATA}[[models]]\nname = \"ItemKNN (k=20)\"\nrecommender = \"item-knn\"\nneighbours = 20\n");
    place.write("experiment.toml", &text);
    place.host(&["recommend", "experiment.toml", "--run", "run", "--beside", "study"]).run().expect_code(0);
    let table = || std::fs::read_to_string(place.path("run/table.md")).unwrap();
    let row = |name: &str| -> Vec<String> {
        let table = table();
        let line = table.lines().find(|line| line.split('|').nth(1).is_some_and(|cell| cell.trim() == name));
        line.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).unwrap_or_default()
    };
    // nDCG is nDCG; the study's MAP is Elliot's, and the standard one has no figure.
    let study = row("ItemKNN (k=20) †");
    assert_eq!(study[3..9], ["0.05760", "0.06421", "–", "–", "0.03557", "0.02534"]);
    assert_eq!(row("ItemKNN (k=20), completed †")[3], "0.05762");
    assert!(table().contains("† Published"), "{}", table());
    let csv = std::fs::read_to_string(place.path("run/table.csv")).unwrap();
    assert!(csv.lines().next().unwrap().ends_with("published") && csv.contains("0.0576,"), "{csv}");
    // The report without and with them.
    place.host(&["report", "run"]).run().expect_code(0);
    assert!(row("ItemKNN (k=20) †").is_empty() && !row("ItemKNN (k=20)").is_empty());
    place.host(&["report", "run", "--beside", "study"]).run().expect_code(0);
    assert_eq!(row("ItemKNN (k=20) †"), study);
    // Another dataset's experiment gets none of them, and says so.
    place.write("experiment.toml", &text.replace("name = \"hm\"", "name = \"shop\""));
    place.host(&["recommend", "experiment.toml", "--run", "shop", "--beside", "study"]).run().expect_code(0);
    let shop = std::fs::read_to_string(place.path("shop/table.md")).unwrap();
    assert!(shop.contains("on hm, and this is shop") && !shop.contains("(k=20) †"), "{shop}");
    place.host(&["recommend", "experiment.toml", "--beside", "studdy"]).run().expect_code(2).expect_error(&["study"]);
}

/// Writes `ID.npy`, a vector of f32.
fn write_features(place: &Place, id: &str, values: &[f32]) {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", values.len());
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16 + 1).to_le_bytes());
    bytes.extend(header.bytes().chain([b'\n']));
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    std::fs::write(place.path("features").join(format!("{id}.npy")), bytes).unwrap();
}

#[test]
fn features_that_cannot_be_learnt_from_are_named_and_items_without_are_counted() {
    let place = place();
    std::fs::create_dir(place.path("features")).unwrap();
    let articles = std::fs::read_to_string(place.path("hm/articles.csv")).unwrap();
    let ids: Vec<&str> = articles.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    for (place_of, id) in ids.iter().enumerate() {
        write_features(&place, id, &[place_of as f32, 1.0]);
    }
    let with = |missing: &str| {
        format!("{DATA}[features.own]\npath = \"features\"\nmissing = \"{missing}\"\n{}", vbpr("m", "own"))
    };
    let wrong = |text: &str, run: &str, words: &[&str]| {
        recommend(&place, text, run, &[]).expect_code(2).expect_error(words);
    };
    write_features(&place, ids[7], &[1.0, 2.0, 3.0]);
    wrong(&with("mean"), "widths", &[ids[7], "3 features, where others have 2"]);
    write_features(&place, ids[7], &[1.0, f32::NAN]);
    wrong(&with("mean"), "nan", &[ids[7], "NaN as feature 1"]);
    std::fs::remove_file(place.path("features").join(format!("{}.npy", ids[7]))).unwrap();
    wrong(&with("error"), "error", &["1 of", "have no features", ids[7]]);
    let mean = recommend(&place, &with("mean"), "mean", &[]).expect_code(0);
    // What file browsers leave beside features is none of them; and lists that are lost are made again.
    place.write("features/.DS_Store", "x");
    std::fs::remove_file(place.path("mean/trials/m/0001.lists.npy")).unwrap();
    assert_eq!(recommend(&place, &with("mean"), "mean", &[]).expect_code(0).json(), mean.json());
    assert!(mean.stderr.contains("1 of") && mean.stderr.contains("the policy is Mean"), "{mean}");
    assert_eq!(model(&mean.json(), "m")["without_features"]["own"], 1);
    let dropped = recommend(&place, &with("drop"), "drop", &[]).expect_code(0).json();
    assert!(dropped["data"]["without_features"].as_u64().unwrap() > 0, "{dropped}");
    assert_eq!(dropped["data"]["items"].as_u64().unwrap() + 1, mean.json()["data"]["items"].as_u64().unwrap());

    // Of three files as of one.
    let log = std::fs::read_to_string(place.path("log.tsv")).unwrap();
    for (part, steps) in [("train", "01234589"), ("validation", "6"), ("test", "7")] {
        let own = log.lines().filter(|line| line.ends_with(|step| steps.contains(step)));
        place.write(&format!("{part}.tsv"), &own.map(|line| format!("{line}\n")).collect::<String>());
    }
    let three = |missing: &str| {
        let text = with(missing);
        let rest = &text[text.find("[evaluation]").unwrap()..];
        format!("[data]\ntrain = \"train.tsv\"\nvalidation = \"validation.tsv\"\ntest = \"test.tsv\"\n{rest}")
    };
    let all = recommend(&place, &three("mean"), "three", &[]).expect_code(0).json();
    let dropped = recommend(&place, &three("drop"), "three-drop", &[]).expect_code(0).json();
    assert_eq!(dropped["data"]["items"].as_u64().unwrap() + 1, all["data"]["items"].as_u64().unwrap());
    let count = |results: &Value| -> u64 {
        ["train", "validation", "test"].iter().map(|part| results["data"][part].as_u64().unwrap()).sum()
    };
    let fields = log.lines().filter_map(|line| line.split_once('\t'));
    let buyers = fields.filter(|(_, rest)| rest.starts_with(&format!("{}\t", ids[7]))).map(|(user, _)| user);
    let without = buyers.collect::<std::collections::HashSet<_>>().len() as u64;
    assert_eq!(dropped["data"]["without_features"], without);
    assert_eq!(count(&dropped) + without, count(&all));
    assert_eq!(model(&dropped, "m")["without_features"]["own"], 0);
}
