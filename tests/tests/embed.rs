//! `host embed`: features of the sample catalogue by the nano captioner; by the trial encoder, which is killed and misbehaves; their
//! principal components.

use end_to_end_tests::{
    Place, Registry, RunFiles, assert_same_run, copy_folder, library, predictions, repository, sample_catalogue,
    take_out_descriptions, test_image, wait_until,
};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A width that no other image of the catalogue has.
const DEADLY: u32 = 1001;

fn embed(place: &Place, model: &str, out: &str, more: &[&str]) -> end_to_end_tests::Host {
    let out = place.path(out);
    place.host(&["embed", "--model", model, "--dataset", "hm", "--out"]).with(&[out]).with(more)
}

/// Shape and numbers of an `.npy` file, by its own header.
fn npy(path: &Path) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00", "{}", path.display());
    let length = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8(bytes[10..length].to_vec()).unwrap();
    assert!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split('(').nth(1).unwrap().split(')').next().unwrap();
    let shape: Vec<usize> = shape.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    let numbers: Vec<f32> = bytes[length..].as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
    assert_eq!(numbers.len(), shape.iter().product::<usize>());
    (shape, numbers)
}

fn ids(folder: &Path) -> Vec<String> {
    std::fs::read_to_string(folder.join("ids.txt")).unwrap().lines().map(str::to_owned).collect()
}

/// All that must be the same, whatever happened on the way.
fn files(folder: PathBuf) -> RunFiles {
    RunFiles::of(&folder)
}

#[test]
fn the_nano_captioner_embeds_the_sample_catalogue_in_both_of_its_spaces() {
    let weights = repository().join("samples/nano/blip2-opt").display().to_string();
    let registry = Registry::default()
        .plugin("blip2", &library("blip2"))
        .plugin("hm", &library("hm"))
        .dataset("hm", "hm", &sample_catalogue().join("hm"))
        .entry(&format!("[models.nano]\nplugin = \"blip2\"\nweights = {weights:?}\n"));
    let place = Place::with(registry);
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(Path::new(&weights).join("config.json")).unwrap()).unwrap();
    let size = |part: &str| config[part]["hidden_size"].as_u64().unwrap() as usize;
    let queries = config["num_query_tokens"].as_u64().unwrap() as usize;
    for (space, width) in [("vision", size("vision_config")), ("queries", queries * size("qformer_config"))] {
        let outcome = embed(&place, "nano", space, &["--space", space, "--json"]).run().expect_code(0);
        let told = outcome.json();
        let (shape, numbers) = npy(&place.path(space).join("features.npy"));
        let ids = ids(&place.path(space));
        assert_eq!(shape, [ids.len(), width], "{space}");
        assert_eq!((told["items"].as_u64(), told["complete"].as_bool()), (Some(ids.len() as u64), Some(true)));
        assert!(ids.len() >= 50, "{} items", ids.len());
        assert!(numbers.iter().all(|number| number.is_finite()));
        // Different garments have different features.
        assert_ne!(numbers[..width], numbers[width..2 * width]);
        assert!(told["weights_sha256"].as_str().is_some_and(|digest| digest.len() == 64), "{told}");
        assert!(!place.path(space).join("unfinished").exists());
    }
    // Rows are the same, whatever the batch, to 1e-5.
    embed(&place, "nano", "ones", &["--space", "vision", "--batch-size", "1", "--limit", "5"]).run().expect_code(0);
    let (whole, ones) =
        (npy(&place.path("vision").join("features.npy")).1, npy(&place.path("ones").join("features.npy")).1);
    assert!(ones.iter().zip(&whole).all(|(one, other)| (one - other).abs() < 1e-5));

    let error = embed(&place, "nano", "x", &[]).run().expect_code(2);
    error.expect_error(&["`nano` has several spaces", "vision (", "queries ("]);
    embed(&place, "nano", "x", &["--space", "visoin"]).run().expect_code(2).expect_error(&["did you mean `vision`"]);
    embed(&place, "nanoo", "x", &[]).run().expect_code(2).expect_error(&["did you mean `nano`"]);
    let other = embed(&place, "nano", "vision", &["--space", "vision", "--limit", "3"]).run().expect_code(2);
    other.expect_error(&["holds other features", "limit: absent -> 3", "--out DIR"]);

    let pca = |more: &[&str], code| {
        let (features, out) = (place.path("queries"), place.path("narrow"));
        let command = place.host(&["embed", "pca", "--json", "--features"]).with(&[features]);
        command.with(&["--out"]).with(&[out]).with(more).run().expect_code(code)
    };
    let told = pca(&["--components", "7"], 0).json();
    assert_eq!(npy(&place.path("narrow").join("features.npy")).0, [ids(&place.path("queries")).len(), 7]);
    assert_eq!(ids(&place.path("narrow")), ids(&place.path("queries")));
    let seven = told["explained"].as_f64().unwrap();
    let told = pca(&["--variance", "0.9"], 0).json();
    assert!(told["explained"].as_f64().unwrap() > 0.9 && seven > 0.0 && seven < 1.0, "{told}");
    pca(&["--components", "100000"], 2).expect_error(&["100000 components cannot be kept"]);
}

/// A place with slow and fragile trial encoders over a catalogue with one deadly and one damaged image.
fn place() -> Place {
    let place = Place::without_lock(Registry::default());
    let data = sample_catalogue();
    copy_folder(&data.join("hm"), &place.path("hm"));
    let image = |line: usize| {
        let csv = std::fs::read_to_string(place.path("hm/articles.csv")).unwrap();
        let id = csv.lines().nth(line).unwrap().split(',').next().unwrap().to_owned();
        place.path("hm/images").join(&id[..3]).join(format!("{id}.jpg"))
    };
    test_image(&image(30), DEADLY, 400, [10, 200, 10]);
    std::fs::write(image(20), b"no image").unwrap();
    let hm = place.path("hm");
    let encoder = |name: &str, options: &str| {
        format!("[encoders.{name}]\nplugin = \"trial\"\nweights = \"weights\"\n{options}\n\n")
    };
    let text = Registry::usual().text().replace(&data.join("hm").display().to_string(), &hm.display().to_string())
        + &encoder("plain", "")
        + &encoder("slow", "milliseconds = 6")
        + &encoder("small", "room = 3")
        + &encoder("fragile", &format!("fault = \"segfault\"\nwidth = {DEADLY}\nmilliseconds = 3"));
    place.write("registry.toml", &text);
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    place
}

#[test]
fn a_killed_command_goes_on_to_the_same_bytes() {
    let place = place();
    let more = ["--space", "colour", "--batch-size", "4"];
    for model in ["slow", "fragile"] {
        let undisturbed = format!("{model}-undisturbed");
        let started = Instant::now();
        embed(&place, model, &undisturbed, &more).run().expect_code(1);
        let length = started.elapsed();
        let expected = files(place.path(&undisturbed));
        assert!(expected.text("failed.jsonl").contains("image"), "{}", expected.text("failed.jsonl"));
        let failed = expected.text("failed.jsonl");
        assert_eq!(failed.lines().count(), if model == "slow" { 1 } else { 2 }, "{failed}");
        let mut random = fastrand::Rng::with_seed(3);
        for kill in 0..4 {
            let out = format!("{model}-{kill}");
            // Killed twice, then let be.
            for _ in 0..2 {
                let mut host = embed(&place, model, &out, &more).start();
                std::thread::sleep(length.mul_f64(random.f64() * 0.9) + Duration::from_millis(5));
                host.kill().unwrap();
                host.wait().unwrap();
            }
            embed(&place, model, &out, &more).run().expect_code(1);
            assert_same_run(&files(place.path(&out)), &expected);
        }
    }
}

#[test]
fn a_command_that_is_asked_to_stop_saves_what_it_has_and_goes_on_to_the_same_bytes() {
    let place = place();
    let more = ["--space", "colour", "--batch-size", "2"];
    embed(&place, "slow", "undisturbed", &more).run().expect_code(1);
    let journal =
        |out: &str| std::fs::read_to_string(place.path(out).join("unfinished/journal.jsonl")).unwrap_or_default();
    let mut saved = 0;
    for signal in ["-TERM", "-USR1"] {
        let mut host = embed(&place, "slow", "stopped", &more).start();
        let goes_on = || journal("stopped").lines().count() > saved;
        assert!(wait_until(Duration::from_secs(30), goes_on), "nothing was embedded");
        assert!(Command::new("kill").args([signal, &host.id().to_string()]).status().unwrap().success());
        assert_eq!(host.wait().unwrap().code(), Some(75));
        saved = journal("stopped").lines().count();
    }
    embed(&place, "slow", "stopped", &more).run().expect_code(1);
    assert_same_run(&files(place.path("stopped")), &files(place.path("undisturbed")));
}

#[test]
fn features_do_not_go_into_a_folder_of_something_else() {
    let place = place();
    place.eval("run", "fine", "hm").with(&["--limit", "3"]).run().expect_code(0);
    let before = place.run("run");
    let wrong = embed(&place, "plain", "runs/run", &["--space", "colour"]).run().expect_code(2);
    wrong.expect_error(&["holds a run (run.toml)", "--out DIR"]);
    assert_same_run(&place.run("run"), &before);
    embed(&place, "plain", "features", &["--space", "colour"]).run().expect_code(1);
    let eval = ["eval", "--models", "fine", "--datasets", "hm", "--run", "features"];
    place.host(&eval).run().expect_code(2).expect_error(&["holds features (embed.json)", "--run DIR"]);
    let train = ["train", "--model", "fine", "--dataset", "hm", "--out", "runs/run"];
    place.host(&train).run().expect_code(2).expect_error(&["holds a run (run.toml)", "--out DIR"]);
    assert_same_run(&place.run("run"), &before);
}

#[test]
fn a_finished_command_changes_nothing_and_says_so() {
    let place = place();
    embed(&place, "plain", "twice", &["--space", "colour"]).run().expect_code(1);
    let (before, path) = (files(place.path("twice")), place.path("twice/features.npy"));
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    let outcome = embed(&place, "plain", "twice", &["--space", "colour"]).run().expect_code(1);
    assert!(outcome.stderr.contains("there already"), "{outcome}");
    assert!(files(place.path("twice")) == before);
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), time);
}

#[test]
fn a_command_that_was_refused_leaves_nothing_to_the_next() {
    let place = place();
    // Which of its spaces is known once the encoder is loaded, when the items are listed.
    embed(&place, "plain", "out", &[]).run().expect_code(2).expect_error(&["several spaces"]);
    embed(&place, "plain", "out", &["--space", "words", "--limit", "5"]).run().expect_code(0);
    assert_eq!(ids(&place.path("out")).len(), 5);
}

#[test]
fn features_are_those_of_the_catalogue_that_the_registry_names() {
    let place = place();
    embed(&place, "plain", "out", &["--space", "words"]).run().expect_code(0);
    copy_folder(&place.path("hm"), &place.path("other"));
    let registry = std::fs::read_to_string(place.path("registry.toml")).unwrap();
    let [hm, other] = ["hm", "other"].map(|name| place.path(name).display().to_string());
    place.write("registry.toml", &registry.replace(&hm, &other));
    let refused = embed(&place, "plain", "out", &["--space", "words"]).run().expect_code(2);
    refused.expect_error(&["holds other features", "dataset_root", "--out DIR"]);
}

#[test]
fn files_an_item_hold_the_rows_of_the_matrix() {
    let place = place();
    embed(&place, "plain", "matrix", &["--space", "colour"]).run().expect_code(1);
    embed(&place, "plain", "files", &["--space", "colour", "--layout", "files"]).run().expect_code(1);
    let (shape, numbers) = npy(&place.path("matrix/features.npy"));
    let ids = ids(&place.path("matrix"));
    assert_eq!(shape, [ids.len(), 3]);
    for (id, row) in ids.iter().zip(numbers.chunks(3)) {
        let (shape, numbers) = npy(&place.path("files").join(format!("{id}.npy")));
        assert_eq!((shape.as_slice(), numbers.as_slice()), (&[3][..], row), "{id}");
    }
    assert!(!place.path("files/features.npy").exists());
}

#[test]
fn what_does_not_fit_at_once_is_embedded_in_parts_to_the_same_rows() {
    let place = place();
    for space in ["colour", "words"] {
        for model in ["plain", "small"] {
            let code = if space == "colour" { 1 } else { 0 }; // one image is damaged
            embed(&place, model, &format!("{model}-{space}"), &["--space", space]).run().expect_code(code);
        }
        let rows = |model: &str| npy(&place.path(&format!("{model}-{space}/features.npy")));
        assert_eq!(rows("small"), rows("plain"), "{space}");
    }
}

#[test]
fn texts_that_are_cut_are_counted_and_captions_come_from_a_run_by_its_models_name() {
    let place = place();
    let told = embed(&place, "plain", "words", &["--space", "words", "--json"]).run().expect_code(0).json();
    // The trial encoder reads five words.
    assert!(told["truncated"].as_u64().unwrap() > 0, "{told}");
    assert_eq!(npy(&place.path("words/features.npy")).0[1], 1);
    place.eval("captions", "fine", "hm").run().expect_code(0);
    let captions = place.path("runs/captions").display().to_string();
    let more = ["--space", "words", "--captions", &captions, "--json"];
    let told = embed(&place, "plain", "filled", &more).run().expect_code(0).json();
    assert_eq!((told["failed"].as_u64(), told["captions"]["model"].as_str()), (Some(0), Some("fine")), "{told}");
    let more = ["--space", "words", "--captions", &captions, "--captions-model", "none"];
    embed(&place, "plain", "x", &more).run().expect_code(2).expect_error(&["by `none`", "fine"]);
}

#[test]
fn an_item_without_a_description_has_features_of_its_image_and_is_not_evaluated() {
    let place = place();
    let bare = take_out_descriptions(&place.path("hm/articles.csv"), &[5, 11]);
    embed(&place, "plain", "look", &["--space", "colour"]).run().expect_code(1);
    let embedded = ids(&place.path("look"));
    assert!(bare.iter().all(|id| embedded.contains(id)), "{bare:?} of {embedded:?}");
    // The damaged image is the only item without features.
    let failed = std::fs::read_to_string(place.path("look/failed.jsonl")).unwrap();
    assert!(failed.lines().count() == 1 && bare.iter().all(|id| !failed.contains(id)), "{failed}");
    // Of texts it has none, unless a run has captions.
    embed(&place, "plain", "words", &["--space", "words"]).run().expect_code(1);
    let failed = std::fs::read_to_string(place.path("words/failed.jsonl")).unwrap();
    assert!(bare.iter().all(|id| failed.contains(id)) && failed.contains("no text to embed"), "{failed}");
    // No evaluation has it.
    place.eval("run", "fine", "hm").run().expect_code(0);
    let captioned = predictions(&place.run("run"), "hm", "fine");
    assert!(bare.iter().all(|id| captioned.iter().all(|line| line["id"] != id.as_str())));
    assert_eq!(captioned.len(), embedded.len() + 1 - bare.len());

    let captions = place.path("runs/run").display().to_string();
    embed(&place, "plain", "filled", &["--space", "words", "--captions", &captions])
        .run()
        .expect_code(2)
        .expect_error(&["captions by fine of none of the 2 items of hm without a description", "--undescribed"]);
    // Unless captions of them are asked for: then they are in no score, and complete what is missing.
    place.eval("whole", "fine", "hm").with(&["--undescribed"]).run().expect_code(0);
    let whole = predictions(&place.run("whole"), "hm", "fine");
    assert_eq!(whole.len(), captioned.len() + bare.len());
    let items = |run: &str| place.run(run).text("scores/hm/fine/items.jsonl").lines().count();
    assert_eq!(items("whole"), items("run"));
    let captions = place.path("runs/whole").display().to_string();
    embed(&place, "plain", "filled", &["--space", "words", "--captions", &captions]).run().expect_code(0);
    let of_images = embed(&place, "plain", "other", &["--space", "colour", "--captions", &captions]).run();
    of_images.expect_code(2).expect_error(&["captions stand in for texts", "`colour` takes images"]);
    assert!(bare.iter().all(|id| ids(&place.path("filled")).contains(id)));
}
