//! A trainer for the host's tests: a line through mean colours, learnt by gradient descent with momentum, with some noise in the place of
//! dropout so that what is random must be saved too. Its "adapter" is four numbers.

use crate::{Settings, Summary, mean_colour};
use plugin_api::{
    Adaptation, Caption, Finish, Generation, LinearLayer, Loss, MergeConfig, PluginError, Prepared, Result, Trainer,
    TrainerConfig, TrainerDescription, TrainingInput,
};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const WIDTH: usize = 4;

pub struct Line {
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    adapted: Option<String>,
    line: [f64; WIDTH],
    momentum: [f64; WIDTH],
    gradient: [f64; WIDTH],
    noise: u64,
}

/// What is saved of it: numbers by their bits, since JSON does not give the last one back.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    line: [u64; WIDTH],
    momentum: [u64; WIDTH],
    noise: u64,
}

impl State {
    fn kept(&self) -> Kept {
        Kept { line: self.line.map(f64::to_bits), momentum: self.momentum.map(f64::to_bits), noise: self.noise }
    }
}

pub struct Example {
    image: Summary,
    /// Words of the caption, which stand for its tokens.
    words: u64,
    caption: String,
}

impl Example {
    fn inputs(&self) -> [f64; WIDTH] {
        let [red, green, blue] = self.image.mean.map(|value| value as f64 / 255.0);
        [red, green, blue, 1.0]
    }

    fn target(&self) -> f64 {
        self.caption.len() as f64 / 40.0
    }
}

fn dot(a: &[f64; WIDTH], b: &[f64; WIDTH]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Line {
    pub fn load(config: &TrainerConfig) -> Result<Line> {
        let settings: Settings = config.settings.parse()?;
        if settings.loading {
            settings.misbehave()?;
        }
        Ok(Line { settings, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn misbehave(&self, batch: &[Example]) -> Result<()> {
        if batch.iter().any(|example| self.settings.width == 0 || example.image.width == self.settings.width) {
            return self.settings.misbehave();
        }
        Ok(())
    }

    /// A loss that is none, where the fault is that and the image in the batch.
    fn no_number(&self, batch: &[Example]) -> Option<Loss> {
        let is_odd = |example: &Example| example.image.width == self.settings.width;
        (self.settings.fault == "not-a-number" && batch.iter().any(is_odd))
            .then(|| Loss { sum: f64::NAN, tokens: batch.iter().map(|example| example.words).sum() })
    }
}

impl Trainer for Line {
    type Batch = Vec<Example>;

    fn describe(&self) -> TrainerDescription {
        TrainerDescription {
            architecture: "Mean colour".to_owned(),
            parameters: 400,
            device: "cpu".to_owned(),
            precision: "f64".to_owned(),
            generation: Generation::default(),
            prompt: None,
        }
    }

    fn layers(&self) -> Result<Vec<LinearLayer>> {
        let layer = |name: &str, role: &str| LinearLayer {
            path: format!("language_model.layers.0.self_attn.{name}"),
            inputs: 48,
            outputs: 48,
            tower: "language".to_owned(),
            role: role.to_owned(),
        };
        Ok(vec![layer("q_proj", "query"), layer("k_proj", "key"), layer("v_proj", "value")])
    }

    fn adapt(&self, adaptation: &Adaptation) -> Result<u64> {
        if let Some(target) = adaptation.targets.iter().find(|target| target.rank > 48) {
            let message = format!("rank {} is larger than the layer {} (48 × 48)", target.rank, target.path);
            return Err(PluginError::configuration(message));
        }
        let mut state = self.state();
        state.adapted = adaptation.base.clone();
        state.noise = adaptation.seed;
        Ok(adaptation.targets.iter().map(|target| 32 * target.rank as u64).sum())
    }

    fn prepare(&self, inputs: &[TrainingInput<'_>]) -> Result<Prepared<Vec<Example>>> {
        let example = |input: &TrainingInput<'_>| Example {
            image: mean_colour(&input.input.image),
            words: input.caption.split_whitespace().count() as u64 + 1,
            caption: input.caption.to_owned(),
        };
        let batch: Vec<Example> = inputs.iter().map(example).collect();
        Ok(Prepared { tokens: batch.iter().map(|example| example.words).sum(), batch })
    }

    fn accumulate(&self, batch: Vec<Example>, weight: f64) -> Result<Loss> {
        self.settings.find_room(batch.len())?;
        std::thread::sleep(Duration::from_millis(self.settings.milliseconds));
        if self.settings.fault != "not-a-number" {
            self.misbehave(&batch)?;
        } else if let Some(none) = self.no_number(&batch) {
            return Ok(none);
        }
        let mut state = self.state();
        let mut loss = Loss { sum: 0.0, tokens: 0 };
        for example in &batch {
            // One of Knuth's generators.
            state.noise = state.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise = (state.noise >> 40) as f64 / (1u64 << 24) as f64 * 0.02;
            let inputs = example.inputs();
            let error = dot(&state.line, &inputs) - example.target() + noise;
            loss.sum += error * error * example.words as f64;
            loss.tokens += example.words;
            for (gradient, input) in state.gradient.iter_mut().zip(inputs) {
                *gradient += weight * 2.0 * error * input * example.words as f64;
            }
        }
        Ok(loss)
    }

    fn step(&self, learning_rate: f64) -> Result<f64> {
        let mut state = self.state();
        let gradient = std::mem::take(&mut state.gradient);
        for (place, value) in gradient.iter().enumerate() {
            state.momentum[place] = 0.9 * state.momentum[place] + value;
            state.line[place] -= learning_rate * state.momentum[place];
        }
        Ok(dot(&gradient, &gradient).sqrt())
    }

    fn evaluate(&self, batch: Vec<Example>) -> Result<Loss> {
        std::thread::sleep(Duration::from_millis(self.settings.milliseconds));
        if let Some(none) = self.no_number(&batch) {
            return Ok(none);
        }
        let state = self.state();
        let mut loss = Loss { sum: 0.0, tokens: 0 };
        for example in &batch {
            let error = dot(&state.line, &example.inputs()) - example.target();
            loss.sum += error * error * example.words as f64;
            loss.tokens += example.words;
        }
        Ok(loss)
    }

    fn generate(&self, batch: Vec<Example>) -> Result<Vec<Caption>> {
        let state = self.state();
        let text = |example: &Example| "a garment ".repeat(1 + dot(&state.line, &example.inputs()).abs() as usize);
        let caption = |example| Caption { text: text(example), token_ids: vec![2], finish: Finish::Eos };
        Ok(batch.iter().map(caption).collect())
    }

    fn save_adapter(&self, directory: &Path) -> Result<()> {
        let state = self.state();
        let config = serde_json::json!({ "peft_type": "LORA", "base_model_name_or_path": state.adapted });
        write(&directory.join("adapter_config.json"), config.to_string().as_bytes())?;
        let line: Vec<u8> = state.line.iter().flat_map(|value| value.to_le_bytes()).collect();
        write(&directory.join("adapter_model.safetensors"), &line)
    }

    fn save_state(&self, directory: &Path) -> Result<()> {
        let text =
            serde_json::to_string(&self.state().kept()).map_err(|error| PluginError::internal(error.to_string()))?;
        write(&directory.join("trainer_state.json"), text.as_bytes())
    }

    fn load_state(&self, directory: &Path) -> Result<()> {
        let path = directory.join("trainer_state.json");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| PluginError::data(format!("{}: {error}", path.display())))?;
        let kept: Kept = serde_json::from_str(&text).map_err(|error| PluginError::data(error.to_string()))?;
        let mut state = self.state();
        state.line = kept.line.map(f64::from_bits);
        state.momentum = kept.momentum.map(f64::from_bits);
        state.noise = kept.noise;
        Ok(())
    }
}

/// "Merging" copies the configuration and says so.
pub fn merge(config: &MergeConfig) -> Result<String> {
    let adapter = config.adapter.join("adapter_config.json");
    let text = std::fs::read_to_string(&adapter)
        .map_err(|error| PluginError::data(format!("{}: {error}", adapter.display())).help("is it a PEFT adapter?"))?;
    let base = std::fs::read_to_string(config.weights.join("config.json"))
        .map_err(|error| PluginError::data(error.to_string()))?;
    write(&config.output.join("config.json"), base.as_bytes())?;
    write(&config.output.join("merged-from.json"), text.as_bytes())?;
    Ok("the line is merged".to_owned())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|error| PluginError::data(format!("cannot write {}: {error}", path.display())))
}
