//! A captioner with its trainer, an encoder and a metric for the host's tests. They do their work in plain arithmetic, and misbehave where their settings in the
//! registry say so: panic, segfault, spin, allocate without end, print to where the host listens.

mod trainer;

use plugin_api::{
    Caption, CaptionInput, Captioner, CaptionerConfig, CaptionerDescription, EmbeddingSpace, Encoder, EncoderConfig,
    EncoderDescription, EncoderInputs, ErrorKind, Finish, Generation, Image, ItemScore, Metric, MetricConfig,
    MetricItem, MetricValue, Modality, PluginError, PreparedInputs, Result, export_plugin, register_captioner,
    register_encoder, register_metric, register_trainer,
};
use serde::Deserialize;
use std::io::Write;
use std::time::Duration;

/// What goes wrong, and when.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// `panic`, `error`, `segfault`, `spin`, `exit`, `allocate`, `leak`, `print`, in training `not-a-number`; empty: nothing.
    fault: String,
    /// More images or texts at once than this find no room, as on a small device; 0: all do.
    room: usize,
    /// Only for images of this width; 0: for all.
    width: u32,
    /// Misbehave while loading instead.
    loading: bool,
    /// How long an image takes to caption.
    milliseconds: u64,
    /// A file that gets a line for every image that is captioned; empty: none.
    journal: String,
}

impl Settings {
    fn misbehave(&self) -> Result<()> {
        match self.fault.as_str() {
            "" => Ok(()),
            "error" => Err(PluginError::internal("this captioner fails on purpose")),
            "panic" => panic!("this plugin panics on purpose"),
            "segfault" => {
                // SAFETY: none; the fault is what the test asks for.
                unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };
                Ok(())
            }
            "spin" => loop {
                std::hint::spin_loop();
            },
            "allocate" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![1; 16 << 20]);
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            "exit" => std::process::exit(7),
            // Returns at once each time, and keeps what it took.
            "leak" => {
                std::mem::forget(std::hint::black_box(vec![1u8; 8 << 20]));
                Ok(())
            }
            // What a worker says when it is done, from somebody who is not the worker.
            "print" => {
                println!("{{\"event\":\"done\"}}");
                Ok(())
            }
            other => Err(PluginError::configuration(format!("`{other}` is no fault"))),
        }
    }
}

impl Settings {
    fn find_room(&self, inputs: usize) -> Result<()> {
        if self.room == 0 || inputs <= self.room {
            return Ok(());
        }
        Err(PluginError::new(ErrorKind::OutOfMemory, format!("there is room for {} at once", self.room)))
    }

    /// One write, since several processes may share the journal.
    fn note(&self, image: &Summary) -> Result<()> {
        if self.journal.is_empty() {
            return Ok(());
        }
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&self.journal);
        let line = format!("{} {:?}\n", image.width, image.mean);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| PluginError::internal(format!("{}: {error}", self.journal)))
    }
}

struct Trial(Settings);

impl Trial {
    fn load(config: &CaptionerConfig) -> Result<Trial> {
        let settings: Settings = config.settings.parse()?;
        if settings.loading {
            settings.misbehave()?;
        }
        Ok(Trial(settings))
    }
}

/// An image reduced to its width and mean colour.
struct Summary {
    width: u32,
    mean: [u64; 3],
}

fn mean_colour(image: &Image<'_>) -> Summary {
    let pixels = (image.rgb.len() / 3).max(1) as u64;
    let mut mean = [0; 3];
    for pixel in image.rgb.chunks_exact(3) {
        for (sum, value) in mean.iter_mut().zip(pixel) {
            *sum += u64::from(*value);
        }
    }
    Summary { width: image.width, mean: mean.map(|sum| sum / pixels) }
}

impl Captioner for Trial {
    type Batch = Vec<Summary>;

    fn describe(&self) -> CaptionerDescription {
        CaptionerDescription {
            architecture: "Mean colour".to_owned(),
            parameters: 0,
            device: "cpu".to_owned(),
            precision: "integer".to_owned(),
            generation: Generation::default(),
            prompt: None,
            capabilities: vec!["train".to_owned()],
            embedding_spaces: Vec::new(),
        }
    }

    fn prepare(&self, inputs: &[CaptionInput<'_>]) -> Result<Vec<Summary>> {
        Ok(inputs.iter().map(|input| mean_colour(&input.image)).collect())
    }

    fn generate(&self, batch: Vec<Summary>) -> Result<Vec<Caption>> {
        self.0.find_room(batch.len())?;
        batch
            .iter()
            .map(|image| {
                if !self.0.loading && (self.0.width == 0 || self.0.width == image.width) {
                    self.0.misbehave()?;
                }
                std::thread::sleep(Duration::from_millis(self.0.milliseconds));
                self.0.note(image)?;
                let [red, green, blue] = image.mean;
                let text = match (red > green + 10, blue > green + 10) {
                    (true, true) => "a purple garment in soft cotton",
                    (true, false) => "a red garment in soft cotton",
                    (false, true) => "a blue garment in soft cotton",
                    (false, false) => "a grey garment in soft cotton with a round neckline",
                };
                Ok(Caption {
                    text: text.to_owned(),
                    token_ids: vec![red as u32, green as u32, blue as u32, 2],
                    finish: Finish::Eos,
                })
            })
            .collect()
    }
}

/// Embeds images as their mean colour, and texts as how many of their first five words there are.
struct Colours(Settings);

/// Words of a text that are read.
const MOST_WORDS: usize = 5;

enum Batch {
    Images(Vec<Summary>),
    Texts(Vec<usize>),
}

impl Colours {
    fn load(config: &EncoderConfig) -> Result<Colours> {
        let settings: Settings = config.settings.parse()?;
        if !config.weights.join("config.json").is_file() {
            return Err(PluginError::data(format!("{} holds no config.json", config.weights.display())));
        }
        Ok(Colours(settings))
    }
}

impl Encoder for Colours {
    type Batch = Batch;

    fn describe(&self) -> EncoderDescription {
        EncoderDescription {
            architecture: "Mean colour".to_owned(),
            parameters: 0,
            device: "cpu".to_owned(),
            precision: "integer".to_owned(),
            spaces: vec![
                EmbeddingSpace { name: "colour".into(), shape: vec![3], input: Modality::Image },
                EmbeddingSpace { name: "words".into(), shape: vec![1], input: Modality::Text },
            ],
        }
    }

    fn prepare(&self, inputs: EncoderInputs<'_>) -> Result<PreparedInputs<Batch>> {
        Ok(match inputs {
            EncoderInputs::Images(images) => {
                PreparedInputs::whole(Batch::Images(images.iter().map(mean_colour).collect()))
            }
            EncoderInputs::Texts(texts) => {
                let words: Vec<usize> = texts.iter().map(|text| text.split_whitespace().count()).collect();
                let truncated = (0..words.len()).filter(|place| words[*place] > MOST_WORDS).collect();
                let batch = Batch::Texts(words.into_iter().map(|count| count.min(MOST_WORDS)).collect());
                PreparedInputs { batch, truncated }
            }
        })
    }

    fn embed(&self, batch: Batch, _space: &str) -> Result<Vec<f32>> {
        let mut rows = Vec::new();
        match batch {
            Batch::Texts(words) => {
                self.0.find_room(words.len())?;
                rows.extend(words.into_iter().map(|count| count as f32));
            }
            Batch::Images(images) => {
                self.0.find_room(images.len())?;
                for image in images {
                    if self.0.width == 0 || self.0.width == image.width {
                        self.0.misbehave()?;
                    }
                    std::thread::sleep(Duration::from_millis(self.0.milliseconds));
                    rows.extend(image.mean.map(|value| value as f32));
                }
            }
        }
        Ok(rows)
    }
}

struct Words(Settings);

impl Words {
    fn new(config: &MetricConfig) -> Result<Words> {
        Ok(Words(config.settings.parse()?))
    }
}

impl Metric for Words {
    fn values(&self) -> Vec<MetricValue> {
        vec![MetricValue::quantity("trial-words", "Words")]
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        self.0.misbehave()?;
        Ok(ItemScore::mean([item.candidate().token_count() as f64]))
    }
}

register_captioner!("trial", "Mean colour, for tests", &["trial"], Trial::load);
register_encoder!("trial", "Mean colour and count of words, for tests", &["trial"], Colours::load);
register_trainer!("trial", "A line through mean colours, for tests", trainer::Line::load, trainer::merge);
register_metric!("trial-words", "Words a caption, for tests", Words::new);
export_plugin!();
