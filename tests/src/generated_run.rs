//! Run directories as `host eval` would leave them, of any size, without a model: for tests and timings of what reads runs.

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// The dataset's name in generated runs.
pub const DATASET: &str = "hm";

/// The metrics of a generated run, with their headings.
const METRICS: [(&str, &str); 8] = [
    ("bleu-1", "BLEU-1"),
    ("bleu-4", "BLEU-4"),
    ("meteor", "METEOR"),
    ("rouge-l", "ROUGE-L"),
    ("cider", "CIDEr"),
    ("spice", "SPICE"),
    ("attribute-precision", "Attr. P (MAP)"),
    ("category-accuracy", "Category"),
];

const COLOURS: [&str; 8] = ["black", "white", "navy", "red", "green", "beige", "grey", "pink"];
const GARMENTS: [&str; 8] = ["dress", "cardigan", "jumper", "jeans", "shirt", "skirt", "coat", "top"];
const FABRICS: [&str; 6] = ["cotton", "wool", "viscose", "linen", "denim", "jersey"];
const DETAILS: [&str; 8] = [
    "long sleeves",
    "short sleeves",
    "a v-neck",
    "a collar",
    "side pockets",
    "a hood",
    "a belt",
    "buttons down the front",
];

/// What to generate.
#[derive(Debug, Clone)]
pub struct GeneratedRun {
    pub items: usize,
    pub models: Vec<String>,
    pub seed: u64,
}

impl GeneratedRun {
    /// With models `model-a`, `model-b` and so on.
    pub fn new(items: usize, models: usize) -> GeneratedRun {
        let name = |place: usize| format!("model-{}", (b'a' + place as u8) as char);
        GeneratedRun { items, models: (0..models).map(name).collect(), seed: 42 }
    }

    /// Writes the run directory.
    pub fn write(&self, run: &Path) {
        let mut random = fastrand::Rng::with_seed(self.seed);
        self.write_plan(run);
        let items: Vec<Generated> = (0..self.items).map(|number| Generated::draw(number, &mut random)).collect();
        write_lines(&run.join("items").join(format!("{DATASET}.jsonl")), items.iter().map(Generated::item));
        for model in &self.models {
            let captions: Vec<Caption> = items.iter().map(|item| Caption::draw(item, &mut random)).collect();
            let scores = run.join("scores").join(DATASET).join(model);
            write_lines(&predictions_file(run, model), captions.iter().map(|caption| caption.prediction()));
            write_lines(&scores.join("items.jsonl"), captions.iter().map(|caption| caption.scores()));
            for (place, (name, heading)) in METRICS.iter().enumerate() {
                let mean =
                    captions.iter().map(|caption| caption.values[place]).sum::<f64>() / items.len().max(1) as f64;
                let score = json!({
                    "metric": name,
                    "values": { *name: { "value": mean, "low": mean * 0.98, "high": mean * 1.02 } },
                    "describe": [{ "name": name, "heading": heading, "higher_is_better": true, "scale": 100.0 }],
                    "items": items.len(), "failed": 0, "resamples": 2000, "seed": 42,
                    "plugin": "generated", "plugin_version": "0.1.0", "plugin_sha256": "", "input_sha256": "",
                });
                fs::write(scores.join(format!("{name}.json")), score.to_string()).expect("the run can be written");
            }
        }
    }

    fn write_plan(&self, run: &Path) {
        let mut plan = String::from(
            "command = \"eval\"\nsplit = \"test\"\nseed = 42\ndevice = \"cpu\"\nplugin = []\n[generation]\n[environment]\nhost_version = \"0.1.0\"\n",
        );
        for model in &self.models {
            let _ = write!(
                plan,
                "[[model]]\nname = {model:?}\nplugin = \"trial\"\nweights = \"weights\"\nweights_sha256 = \"\"\n[model.generation]\n"
            );
        }
        let _ = write!(plan, "[[dataset]]\nname = \"{DATASET}\"\nplugin = \"hm\"\nroot = \"data/hm\"\n");
        for (name, _) in METRICS {
            let _ = write!(plan, "[[metric]]\nname = {name:?}\nplugin = \"generated\"\n");
        }
        fs::create_dir_all(run).expect("the run can be written");
        fs::write(run.join("run.toml"), plan).expect("the run can be written");
    }
}

/// Where the captions of a model are.
pub fn predictions_file(run: &Path, model: &str) -> PathBuf {
    run.join("predictions").join(DATASET).join(model).join("shard-0000.jsonl")
}

struct Generated {
    id: String,
    colour: usize,
    garment: usize,
    fabric: usize,
    details: [usize; 2],
}

impl Generated {
    fn draw(number: usize, random: &mut fastrand::Rng) -> Generated {
        Generated {
            id: format!("{:010}", 100_000_000 + number * 7),
            colour: random.usize(..COLOURS.len()),
            garment: random.usize(..GARMENTS.len()),
            fabric: random.usize(..FABRICS.len()),
            details: [random.usize(..DETAILS.len()), random.usize(..DETAILS.len())],
        }
    }

    fn reference(&self) -> String {
        let details = self.details.map(|place| DETAILS[place]);
        format!(
            "{} in a soft {} {} weave with {} and {}. Relaxed fit with a straight hem and a lining in the same shade; made of a blend \
             that keeps its shape and colour.",
            GARMENTS[self.garment], COLOURS[self.colour], FABRICS[self.fabric], details[0], details[1]
        )
    }

    fn item(&self) -> Value {
        json!({
            "id": self.id, "product": &self.id[..7], "split": "test", "references": [self.reference()],
            "category": GARMENTS[self.garment],
            "metadata": {
                "colour_group_name": COLOURS[self.colour], "department_name": "Knitwear", "graphical_appearance_name": "Solid",
                "index_group_name": "Ladieswear", "prod_name": format!("Model {}", &self.id[6..]), "section_name": "Everyday",
            },
            "image": format!("images/{}/{}.jpg", &self.id[..3], self.id),
        })
    }
}

struct Caption<'a> {
    item: &'a Generated,
    text: String,
    predicted: usize,
    values: Vec<f64>,
    marks: [Vec<&'static str>; 3],
}

impl<'a> Caption<'a> {
    fn draw(item: &'a Generated, random: &mut fastrand::Rng) -> Caption<'a> {
        let wrong = |random: &mut fastrand::Rng, right: usize, all: usize| {
            if random.f64() < 0.2 { random.usize(..all) } else { right }
        };
        let (colour, garment) =
            (wrong(random, item.colour, COLOURS.len()), wrong(random, item.garment, GARMENTS.len()));
        let fabric = wrong(random, item.fabric, FABRICS.len());
        let text = format!(
            "A {} {} in {} with {}.",
            COLOURS[colour], GARMENTS[garment], FABRICS[fabric], DETAILS[item.details[0]]
        );
        let mut marks: [Vec<&'static str>; 3] = Default::default();
        let words: [(usize, usize, &[&'static str]); 3] =
            [(item.colour, colour, &COLOURS), (item.garment, garment, &GARMENTS), (item.fabric, fabric, &FABRICS)];
        for (truth, named, words) in words {
            if truth == named {
                marks[0].push(words[truth]);
            } else {
                marks[1].push(words[truth]);
                marks[2].push(words[named]);
            }
        }
        let values = METRICS.iter().map(|_| random.f64()).collect();
        Caption { item, text, predicted: garment, values, marks }
    }

    fn prediction(&self) -> Value {
        let tokens: Vec<u32> = (0..14).map(|place| 200 + place * 3).collect();
        json!({ "id": self.item.id, "caption": self.text, "token_ids": tokens, "finish": "eos" })
    }

    fn scores(&self) -> Value {
        let mut line = serde_json::Map::from_iter([("id".to_owned(), json!(self.item.id))]);
        line.extend(METRICS.iter().zip(&self.values).map(|((name, _), value)| ((*name).to_owned(), json!(value))));
        let [matched, missed, extra] = &self.marks;
        // As large as those of real metrics.
        let graph: Vec<Value> = (0..24)
            .map(|place| json!({ "words": [GARMENTS[place % 8], COLOURS[(place * 3) % 8]], "matched": place % 2 == 0 }))
            .collect();
        let details = json!({
            "spice": { "candidate": &graph[..10], "reference": graph },
            "attribute": { "matched": matched, "missed": missed, "extra": extra },
            "category-accuracy": {
                "predicted": GARMENTS[self.predicted], "category": GARMENTS[self.item.garment],
                "reference_predicted": GARMENTS[self.item.garment],
            },
        });
        line.insert("details".to_owned(), details);
        Value::Object(line)
    }
}

/// Writes a JSON Lines file and its folder.
pub fn write_lines(path: &Path, lines: impl Iterator<Item = Value>) {
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).expect("the run can be written");
    let mut out = BufWriter::new(fs::File::create(path).expect("the run can be written"));
    for line in lines {
        serde_json::to_writer(&mut out, &line).expect("the run can be written");
        out.write_all(b"\n").expect("the run can be written");
    }
    out.flush().expect("the run can be written");
}
