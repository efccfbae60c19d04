//! Training tests that all families share: against PEFT and torch, against finite differences, and against themselves. The cases were made by
//! `make_fixtures.py` beside this file.

use nn::Placement;
use nn::captioner::{Family, FamilyTrainer, Model};
use nn::text::Tokenizer;
use nn::training::Batch;
use plugin_api::{
    AdamW, Adaptation, CaptionInput, Device, Finish, Generation, Host, Image, LinearLayer, LoraTarget, Settings,
    Trainer, TrainerConfig, TrainingInput,
};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub fn parity() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity")
}

pub fn checkpoint(name: &str) -> PathBuf {
    parity().join("transformers/checkpoints").join(name)
}

pub fn open<F: Family>(family: &str) -> FamilyTrainer<F> {
    FamilyTrainer::load(&TrainerConfig {
        weights: checkpoint(family),
        device: Device::Cpu,
        threads: 2,
        prompt: None,
        generation: Generation { max_new_tokens: Some(40), ..Generation::default() },
        settings: Settings::default(),
        host: Host::silent(),
    })
    .unwrap()
}

/// Scores of the first new token of images, with an adapter merged in.
fn first_scores<F: Family>(checkpoint: &Path, adapter: Option<&Path>, pixels: Vec<f32>, rows: usize) -> Vec<f32> {
    let config = F::read(checkpoint).unwrap();
    let text = config.text(&Tokenizer::read(checkpoint).unwrap(), F::PROMPT).unwrap();
    let model = Model::load(checkpoint, &config, &Placement::cpu().unwrap(), adapter).unwrap();
    let (language, prompt) = model.begin(&pixels, &vec![text.as_slice(); rows]).unwrap();
    language.start(prompt, 1).1.into_data().iter::<f32>().collect()
}

pub fn picture(number: usize) -> image::RgbImage {
    image::open(parity().join(format!("transformers/images/{number}.png"))).unwrap().to_rgb8()
}

/// A batch of numbered pictures and captions.
pub fn batch<F: Family>(trainer: &FamilyTrainer<F>, examples: &[(usize, &str)]) -> (Batch, u64) {
    let pictures: Vec<_> = examples.iter().map(|(number, _)| picture(*number)).collect();
    let inputs: Vec<TrainingInput<'_>> = pictures
        .iter()
        .zip(examples)
        .map(|(picture, (number, caption))| TrainingInput { input: input(picture, *number as u64), caption })
        .collect();
    let prepared = trainer.prepare(&inputs).unwrap();
    (prepared.batch, prepared.tokens)
}

pub fn input(picture: &image::RgbImage, seed: u64) -> CaptionInput<'_> {
    CaptionInput { image: Image { width: picture.width(), height: picture.height(), rgb: picture.as_raw() }, seed }
}

pub fn adaptation(targets: Vec<LoraTarget>) -> Adaptation {
    let optimizer = AdamW { weight_decay: 0.01, max_grad_norm: Some(1.0), ..AdamW::default() };
    Adaptation { targets, seed: 7, optimizer, gradient_checkpointing: false, base: Some("lookbook/test".into()) }
}

/// Every layer, the head too.
pub fn all_layers<F: Family>(trainer: &FamilyTrainer<F>, rank: usize, dropout: f64) -> Vec<LoraTarget> {
    let target = |layer: LinearLayer| LoraTarget { path: layer.path, rank, alpha: 8.0, scaling: 2.0, dropout };
    trainer.layers().unwrap().into_iter().map(target).collect()
}

/// The layers of PEFT's `target_modules = ["q", "v", "q_proj", "v_proj"]`, or all but the head, as its `all-linear`.
fn chosen<F: Family>(
    trainer: &FamilyTrainer<F>,
    query_value: bool,
    rank: usize,
    alpha: f64,
    scaling: f64,
) -> Vec<LoraTarget> {
    let layers = trainer.layers().unwrap().into_iter().filter(|layer| {
        let name = layer.path.rsplit('.').next().unwrap();
        if query_value { ["q", "v", "q_proj", "v_proj"].contains(&name) } else { layer.role != "head" }
    });
    layers.map(|layer| LoraTarget { path: layer.path, rank, alpha, scaling, dropout: 0.0 }).collect()
}

struct Case {
    folder: PathBuf,
    expected: Value,
}

fn cases(family: &str) -> Vec<Case> {
    let folder = parity().join("peft/cases");
    let mut cases: Vec<Case> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(family))
        .map(|folder| Case {
            expected: serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap(),
            folder,
        })
        .collect();
    cases.sort_by(|a, b| a.folder.cmp(&b.folder));
    assert_eq!(cases.len(), 4, "{family} has cases of two target sets and two scalings");
    cases
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

/// A PEFT file's matrices, by path: A and B.
fn stored(folder: &Path) -> Vec<(String, Vec<f32>, Vec<f32>)> {
    let bytes = std::fs::read(folder.join("adapter_model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let read = |name: &str| -> Vec<f32> {
        file.tensor(name).unwrap().data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
    };
    let mut paths: Vec<String> = file
        .names()
        .into_iter()
        .filter_map(|name| name.strip_prefix("base_model.model.")?.strip_suffix(".lora_A.weight").map(str::to_string))
        .collect();
    paths.sort();
    let key = |path: &str, part: &str| format!("base_model.model.{path}.{part}.weight");
    paths.into_iter().map(|path| (path.clone(), read(&key(&path, "lora_A")), read(&key(&path, "lora_B")))).collect()
}

fn farthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    // What is no number stays so, and is below no limit.
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |most: f32, next| if next <= most || most.is_nan() { most } else { next })
}

/// The targets of a case.
fn targets<F: Family>(trainer: &FamilyTrainer<F>, expected: &Value) -> Vec<LoraTarget> {
    let (rank, alpha) = (expected["rank"].as_u64().unwrap() as usize, expected["alpha"].as_f64().unwrap());
    let divisor = if expected["rslora"] == true { (rank as f64).sqrt() } else { rank as f64 };
    chosen(trainer, expected["targets"] == "query-value", rank, alpha, alpha / divisor)
}

/// Losses of 20 steps with accumulation 2 and the adapters after them; the adapters are written, and read again.
pub fn trains_as_peft_and_torch_do<F: Family>(family: &str) {
    for case in cases(family) {
        let name = case.folder.file_name().unwrap().to_string_lossy().into_owned();
        let expected = &case.expected;
        let trainer = open::<F>(family);
        let targets = targets(&trainer, expected);
        let theirs: Vec<&str> =
            expected["layers"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
        assert!(
            targets.iter().all(|target| theirs.contains(&target.path.as_str())),
            "{name}: a path that PEFT does not have"
        );
        trainer.adapt(&adaptation(targets.clone())).unwrap();
        for (path, down, up) in trainer.session().factors() {
            // The formula of the fixtures.
            let bound = ((down.len() / 4) as f64).sqrt();
            let down: Vec<f32> =
                (0..down.len()).map(|place| ((0.7 * place as f64 + path.len() as f64).sin() / bound) as f32).collect();
            trainer.session().set_factors(&path, down, vec![0.0; up.len()]).unwrap();
        }
        let captions: Vec<&str> =
            expected["captions"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        let relative = |ours: f64, theirs: &Value| {
            let theirs = theirs.as_f64().unwrap();
            (ours - theirs).abs() / theirs
        };
        let (mut place, mut worst_loss, mut worst_norm, mut exact_loss) = (0, 0.0_f64, 0.0_f64, 0.0_f64);
        let mut exact_norms = Vec::new();
        for step in expected["steps"].as_array().unwrap() {
            let micro: Vec<(Batch, u64)> = (0..2)
                .map(|_| {
                    let examples: Vec<_> =
                        (0..2).map(|offset| (place + offset) % 8).map(|n| (n, captions[n])).collect();
                    place += 2;
                    batch(&trainer, &examples)
                })
                .collect();
            let tokens: u64 = micro.iter().map(|(_, tokens)| tokens).sum();
            assert_eq!(tokens, step["tokens"].as_u64().unwrap(), "{name}: the counted tokens");
            let weight = 1.0 / tokens as f64;
            let sum: f64 = micro.into_iter().map(|(batch, _)| trainer.accumulate(batch, weight).unwrap().sum).sum();
            let norm = trainer.step(expected["rate"].as_f64().unwrap()).unwrap();
            assert!(sum.is_finite() && norm.is_finite(), "{name}: {sum}, {norm}");
            let loss = sum * weight;
            worst_loss = worst_loss.max(relative(loss, &step["loss"]));
            worst_norm = worst_norm.max(relative(norm, &step["norm"]));
            exact_loss = exact_loss.max(relative(loss, &step["exact"]["loss"]));
            exact_norms.push(relative(norm, &step["exact"]["norm"]));
        }
        let exact_norm = exact_norms.iter().copied().fold(0.0, f64::max);
        assert!(worst_loss < 1e-4, "{name}: losses differ by {worst_loss:.2e}");
        assert!(exact_loss < 1e-4, "{name}: losses differ by {exact_loss:.2e} from those in f64");
        // T5 does not scale its attention, which is sharp in these checkpoints: in f64, a change of the pixels by the rounding of f32 alone
        // moves the norms of later steps by 8e-5, and those of the other families by 1e-7.
        let limit = if family.starts_with("t5") { 1e-3 } else { 1e-5 };
        assert!(exact_norm < limit, "{name}: gradient norms differ by {exact_norm:.2e} from those in f64");
        assert!(exact_norms[0] < limit.min(1e-4), "{name}: the first norm differs by {:.2e}", exact_norms[0]);
        let kept = std::env::var_os("LOOKBOOK_ADAPTERS_OUT").map(PathBuf::from);
        let temporary = tempfile::tempdir().unwrap();
        let out = kept.as_ref().map_or_else(|| temporary.path().to_path_buf(), |folder| folder.join(&name));
        std::fs::create_dir_all(&out).unwrap();
        trainer.save_adapter(&out).unwrap();
        let (ours, theirs) = (stored(&out), stored(&case.folder));
        let mut worst = 0.0_f32;
        for (path, down, up) in &ours {
            let (_, their_down, their_up) = theirs.iter().find(|(their, ..)| their == path).unwrap();
            worst = worst.max(farthest(down, their_down)).max(farthest(up, their_up));
        }
        println!(
            "{name}: losses within {worst_loss:.1e}, norms {worst_norm:.1e} (of f64: {exact_loss:.1e}, {exact_norm:.1e}), adapters {worst:.1e}"
        );
        assert!(worst < 1e-4, "{name}: adapters differ by {worst:.2e}");
        // What PEFT adapts and the model never runs stays as it began, so nothing else may be missing here.
        for (path, ..) in theirs.iter().filter(|(path, ..)| ours.iter().all(|(own, ..)| own != path)) {
            assert!(path.starts_with("model.vision_tower.encoder.layers.3."), "{name}: {path} is not adapted here");
        }
        let pixels = batch(&trainer, &[(0, ""), (1, "")]).0.pixels;
        let scores = first_scores::<F>(&checkpoint(family), Some(&out), pixels.clone(), 2);
        assert!(farthest(&scores, &floats(&expected["scores"])) < 1e-2, "{name}: scores with our own adapter");
        if kept.is_some() {
            let text = json!({ "family": family, "scores": scores }).to_string();
            std::fs::write(out.join("scores.json"), text).unwrap();
        }
    }
}

/// Scores with an adapter that PEFT wrote.
pub fn an_adapter_of_peft_gives_pefts_scores<F: Family>(family: &str) {
    for case in cases(family) {
        let trainer = open::<F>(family);
        let pixels = batch(&trainer, &[(0, ""), (1, "")]).0.pixels;
        let scores = first_scores::<F>(&checkpoint(family), Some(&case.folder), pixels.clone(), 2);
        let difference = farthest(&scores, &floats(&case.expected["scores"]));
        assert!(difference < 1e-4, "{}: {difference:.2e}", case.folder.display());
        let without = first_scores::<F>(&checkpoint(family), None, pixels, 2);
        assert!(farthest(&scores, &without) > 1e-2, "{}: the adapter does nothing", case.folder.display());
    }
}

/// The adapters of the samples, which `host train` wrote, give the scores that they give in PEFT.
pub fn adapters_of_the_samples_give_pefts_scores<F: Family>(model: &str) {
    let text = std::fs::read(parity().join("peft/nano.json")).unwrap();
    let adapters: serde_json::Map<String, Value> = serde_json::from_slice(&text).unwrap();
    let nano = parity().join("../../samples/nano");
    let config: Value = serde_json::from_slice(&std::fs::read(nano.join(model).join("config.json")).unwrap()).unwrap();
    let side = config["vision_config"]["image_size"].as_u64().unwrap();
    // The formula of the fixtures.
    let pixels: Vec<f32> = (0..3 * side * side).map(|place| (0.37 * place as f64).sin() as f32).collect();
    let own: Vec<_> = adapters.iter().filter(|(_, adapter)| adapter["model"] == model).collect();
    assert_eq!(own.len(), 2, "an adapter for each sample catalogue");
    for (name, adapter) in own {
        let scores = first_scores::<F>(&nano.join(model), Some(&nano.join("adapters").join(name)), pixels.clone(), 1);
        let difference = farthest(&scores, &floats(&adapter["scores"]));
        println!("{name}: {difference:.1e}");
        assert!(difference < 1e-4, "{name}: {difference:.2e}");
    }
}

const EXAMPLES: [(usize, &str); 4] =
    [(0, "a red dress with long sleeves"), (1, "black wool"), (2, "short sleeves and buttons"), (3, "a photo")];

/// A small deterministic stream, so that B is not zero and A's gradient neither.
fn scatter<F: Family>(trainer: &FamilyTrainer<F>) {
    let mut state = 1_u64;
    let mut next = move |scale: f32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5) * scale
    };
    for (path, down, up) in trainer.session().factors() {
        let (down, up) = (down.iter().map(|_| next(0.3)).collect(), up.iter().map(|_| next(0.1)).collect());
        trainer.session().set_factors(&path, down, up).unwrap();
    }
}

/// Along the gradient of every adapted layer, A's and B's apart, the loss rises as the gradient says.
pub fn gradients_are_those_of_finite_differences<F: Family>(family: &str) {
    let trainer = open::<F>(family);
    trainer.adapt(&adaptation(all_layers(&trainer, 2, 0.0))).unwrap();
    scatter(&trainer);
    trainer.accumulate(batch(&trainer, &EXAMPLES).0, 1.0).unwrap();
    let gradients = trainer.session().gradients();
    let factors = trainer.session().factors();
    assert_eq!(gradients.len(), factors.len(), "a layer got no gradient");
    let mut checked = 0;
    for ((path, down, up), (_, down_gradient, up_gradient)) in factors.iter().zip(&gradients) {
        for (is_down, gradient) in [(true, down_gradient), (false, up_gradient)] {
            let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            assert!(norm > 1e-4, "{path}: no gradient to speak of");
            // Far enough to be seen above the rounding of the loss, near enough to be straight.
            let step = (0.02 / norm).min(0.02);
            let loss = |sign: f64| {
                let moved = |values: &[f32]| -> Vec<f32> {
                    let along = values.iter().zip(gradient);
                    along.map(|(v, g)| (f64::from(*v) + sign * step * f64::from(*g) / norm) as f32).collect()
                };
                let (down, up) = if is_down { (moved(down), up.clone()) } else { (down.clone(), moved(up)) };
                trainer.session().set_factors(path, down, up).unwrap();
                trainer.evaluate(batch(&trainer, &EXAMPLES).0).unwrap().sum
            };
            let slope = (loss(1.0) - loss(-1.0)) / (2.0 * step);
            let difference = (slope - norm).abs() / norm;
            assert!(difference < 0.02, "{path}, {}: {slope} against {norm}", if is_down { "A" } else { "B" });
            checked += 1;
        }
        trainer.session().set_factors(path, down.clone(), up.clone()).unwrap();
    }
    println!("{family}: {checked} matrices");
}

/// The gradients of the first batch, with dropout.
fn first_gradients<F: Family>(family: &str, checkpointing: bool) -> Vec<(String, Vec<f32>, Vec<f32>)> {
    let trainer = open::<F>(family);
    let all = all_layers(&trainer, 2, 0.3);
    trainer.adapt(&Adaptation { gradient_checkpointing: checkpointing, ..adaptation(all) }).unwrap();
    scatter(&trainer);
    trainer.accumulate(batch(&trainer, &EXAMPLES).0, 1.0).unwrap();
    trainer.session().gradients()
}

pub fn recomputed_blocks_give_the_same_gradients<F: Family>(family: &str) {
    assert_eq!(first_gradients::<F>(family, false), first_gradients::<F>(family, true));
}

/// Two micro-batches against one batch of both, and a caption's loss beside a longer one's.
pub fn neither_accumulation_nor_padding_changes_the_loss<F: Family>(family: &str) {
    let gradients = |parts: &[&[(usize, &str)]]| {
        let trainer = open::<F>(family);
        trainer.adapt(&adaptation(all_layers(&trainer, 2, 0.0))).unwrap();
        scatter(&trainer);
        let sum: f64 = parts.iter().map(|part| trainer.accumulate(batch(&trainer, part).0, 0.1).unwrap().sum).sum();
        (sum, trainer.session().gradients())
    };
    let (together, whole) = gradients(&[&EXAMPLES[..]]);
    let (apart, parts) = gradients(&[&EXAMPLES[..2], &EXAMPLES[2..]]);
    assert!((together - apart).abs() < 1e-5 * together, "{together} against {apart}");
    for ((path, down, up), (_, other_down, other_up)) in whole.iter().zip(&parts) {
        let largest = down.iter().chain(up).fold(0.0_f32, |most, value| most.max(value.abs()));
        assert!(farthest(down, other_down).max(farthest(up, other_up)) < 1e-4 * largest.max(1e-2), "{path}");
    }
    let trainer = open::<F>(family);
    let loss = |examples: &[(usize, &str)]| trainer.evaluate(batch(&trainer, examples).0).unwrap();
    let alone: Vec<_> = EXAMPLES.iter().map(|example| loss(std::slice::from_ref(example))).collect();
    let sum: f64 = alone.iter().map(|loss| loss.sum).sum();
    let all = loss(&EXAMPLES);
    assert!((all.sum - sum).abs() < 1e-5 * sum, "{} against {sum}", all.sum);
    assert_eq!(all.tokens, alone.iter().map(|loss| loss.tokens).sum::<u64>());
}

fn steps<F: Family>(trainer: &FamilyTrainer<F>, count: usize) {
    for _ in 0..count {
        trainer.accumulate(batch(trainer, &EXAMPLES[..2]).0, 0.05).unwrap();
        trainer.accumulate(batch(trainer, &EXAMPLES[2..]).0, 0.05).unwrap();
        assert!(trainer.step(1e-3).unwrap().is_finite());
    }
}

/// With dropout: the adapter of a training that was saved and loaded has the bytes of one that was not.
pub fn a_resumed_training_gives_the_same_bytes<F: Family>(family: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let begin = || {
        let trainer = open::<F>(family);
        trainer.adapt(&adaptation(all_layers(&trainer, 2, 0.2))).unwrap();
        trainer
    };
    let undisturbed = begin();
    steps(&undisturbed, 5);
    undisturbed.save_adapter(&path("undisturbed")).unwrap();
    let first = begin();
    steps(&first, 3);
    first.save_state(&path("state")).unwrap();
    let second = begin();
    second.load_state(&path("state")).unwrap();
    steps(&second, 2);
    second.save_adapter(&path("resumed")).unwrap();
    let bytes = |name: &str, file: &str| std::fs::read(folder.path().join(name).join(file)).unwrap();
    for file in ["adapter_model.safetensors", "adapter_config.json"] {
        assert!(bytes("undisturbed", file) == bytes("resumed", file), "{file} differs");
    }
    // A state of another training is refused, and changes nothing.
    let other = open::<F>(family);
    other.adapt(&adaptation(all_layers(&other, 3, 0.2))).unwrap();
    let error = other.load_state(&path("state")).unwrap_err();
    assert!(error.message.contains("other layers"), "{error}");
    std::fs::write(path("state").join("trainer_state.safetensors"), b"torn").unwrap();
    assert!(begin().load_state(&path("state")).unwrap_err().message.contains("damaged"));
}

/// With B at zero the trained model has the base's very loss: nothing but the adapters changed, in memory or on the disk.
pub fn the_base_stays_as_it_is<F: Family>(family: &str) {
    let files = || -> Vec<Vec<u8>> {
        let mut paths: Vec<_> =
            std::fs::read_dir(checkpoint(family)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
    };
    let trainer = open::<F>(family);
    let before = files();
    let loss = || trainer.evaluate(batch(&trainer, &EXAMPLES).0).unwrap().sum;
    let untouched = loss();
    trainer.adapt(&adaptation(all_layers(&trainer, 2, 0.1))).unwrap();
    steps(&trainer, 3);
    assert_ne!(loss(), untouched, "training changed nothing");
    for (path, down, up) in trainer.session().factors() {
        trainer.session().set_factors(&path, down, vec![0.0; up.len()]).unwrap();
    }
    assert_eq!(loss(), untouched);
    assert!(before == files(), "a file of the base changed");
}

/// Learns two pictures by heart. Returns their captions, and that of a grey picture in place of the first.
pub fn learnt_by_heart<F: Family>(family: &str) -> Vec<(String, Finish)> {
    let examples = [(0, "a red dress with long sleeves"), (6, "black wool")];
    let trainer = open::<F>(family);
    trainer.adapt(&adaptation(chosen(&trainer, false, 8, 16.0, 5.0))).unwrap();
    for _ in 0..200 {
        let (batch, tokens) = batch(&trainer, &examples);
        let loss = trainer.accumulate(batch, 1.0 / tokens as f64).unwrap();
        trainer.step(1e-2).unwrap();
        if loss.sum < 0.02 {
            break;
        }
    }
    let grey = image::RgbImage::from_pixel(64, 64, image::Rgb([127, 127, 127]));
    let pictures = [picture(0), picture(6), grey];
    let inputs: Vec<_> =
        pictures.iter().map(|picture| TrainingInput { input: input(picture, 0), caption: "" }).collect();
    let captions = trainer.generate(trainer.prepare(&inputs).unwrap().batch).unwrap();
    captions.into_iter().map(|caption| (caption.text, caption.finish)).collect()
}

/// The layers offered are the linear layers of the reference, with its paths, sizes, towers and roles, but for those that never run. The same
/// list is what the strategies of `plugins/lora/standard` are tested on.
pub fn layers_are_those_of_the_reference<F: Family>(family: &str) {
    let trainer = open::<F>(family);
    let path = parity().join(format!("peft/layers/{family}.json"));
    let reference: Vec<LinearLayer> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut expected: Vec<_> =
        reference.into_iter().filter(|layer| !layer.path.starts_with("model.vision_tower.encoder.layers.3.")).collect();
    let mut layers = trainer.layers().unwrap();
    for list in [&mut expected, &mut layers] {
        list.sort_by(|a, b| a.path.cmp(&b.path));
    }
    assert_eq!(layers, expected);
}

/// A merged checkpoint gives the scores of base and adapter, and holds the base's other files.
pub fn a_merged_checkpoint_is_base_and_adapter<F: Family>(family: &str) {
    let case = cases(family).remove(1);
    let folder = tempfile::tempdir().unwrap();
    let said = nn::captioner::merge::<F>(&plugin_api::MergeConfig {
        weights: checkpoint(family),
        adapter: case.folder.clone(),
        output: folder.path().to_path_buf(),
        host: Host::silent(),
    })
    .unwrap();
    assert!(said.contains("layers merged"), "{said}");
    let trainer = open::<F>(family);
    let pixels = batch(&trainer, &[(0, ""), (1, "")]).0.pixels;
    let merged = first_scores::<F>(folder.path(), None, pixels.clone(), 2);
    let together = first_scores::<F>(&checkpoint(family), Some(&case.folder), pixels, 2);
    assert!(farthest(&merged, &together) < 1e-5);
    let files = std::fs::read_dir(checkpoint(family)).unwrap().map(|entry| entry.unwrap());
    // What the fixtures of generation hold beside the checkpoint are weights to no one.
    for file in files.filter(|file| file.file_name() != "expected.safetensors") {
        assert!(folder.path().join(file.file_name()).is_file(), "{:?} is missing", file.file_name());
    }
}

/// What cannot be adapted is said by name.
pub fn impossible_adaptations_are_refused<F: Family>(family: &str) {
    let trainer = open::<F>(family);
    let targets = all_layers(&trainer, 2, 0.0);
    let refused = |targets: Vec<LoraTarget>| trainer.adapt(&adaptation(targets)).unwrap_err().message;
    assert!(refused(Vec::new()).contains("no layer to adapt"));
    let unknown = LoraTarget { path: "language_model.nowhere".into(), ..targets[0].clone() };
    assert!(refused(vec![unknown]).contains("`language_model.nowhere`"));
    assert!(refused(vec![targets[0].clone(), targets[0].clone()]).contains("twice"));
    let large = LoraTarget { rank: 4000, ..targets[0].clone() };
    assert!(refused(vec![large]).contains(&targets[0].path));
    // None of these attempts left anything behind.
    trainer.adapt(&adaptation(targets)).unwrap();
    assert!(trainer.accumulate(batch(&trainer, &EXAMPLES).0, f64::INFINITY).is_ok());
    assert!(!trainer.step(1e-3).unwrap().is_finite());
    assert!(trainer.evaluate(batch(&trainer, &EXAMPLES).0).unwrap().sum.is_finite(), "a bad gradient was applied");
}
