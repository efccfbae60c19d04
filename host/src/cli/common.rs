//! Flags that mean the same everywhere.

use crate::error::Result;
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use clap::Args;
use plugin_api::{Device, Generation};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Common {
    /// The registry of plugins, models and datasets [default: registry.toml here, above, or beside the program]
    #[arg(long, global = true, value_name = "FILE")]
    pub registry: Option<PathBuf>,
    /// Where plugin libraries are, besides the program's own folder
    #[arg(long, global = true, value_name = "DIR")]
    pub plugin_dir: Option<PathBuf>,
    /// Where models run: auto, cpu, cuda or cuda:N
    #[arg(long = "device", global = true, default_value = "auto", value_name = "DEVICE")]
    pub device_name: String,
    /// What `device_name` means; set by [`Common::resolve_device`].
    #[arg(skip = Device::Auto)]
    pub device: Device,
    /// CPU threads; 0 is one a core
    #[arg(long, global = true, default_value_t = 0, value_name = "N", value_parser = threads)]
    pub threads: usize,
    /// Seed of sampling and resampling
    #[arg(long, global = true, default_value_t = 42, value_name = "N")]
    pub seed: u64,
    /// Say nothing but warnings and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

impl Common {
    /// Reads `--device`: for every command but `host carbon`, where it names an accelerator that need not be here.
    pub fn resolve_device(&mut self) -> Result<()> {
        self.device = self.device_name.parse()?;
        Ok(())
    }

    pub fn registry(&self) -> Result<Registry> {
        Registry::load(self.registry.as_deref(), self.plugin_dir.as_deref())
    }

    pub fn registry_and_lock(&self) -> Result<(Registry, Lock)> {
        let registry = self.registry()?;
        let lock = Lock::load(&registry)?;
        Ok((registry, lock))
    }

    pub fn reporter(&self) -> Reporter {
        Reporter::new(self.quiet)
    }

    /// Limits this process's own thread pool.
    pub fn set_threads(&self) {
        if self.threads > 0 {
            // An error means that the pool exists already, which it cannot before the command runs.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build_global();
        }
    }
}

/// More than any machine is given, and few enough to be started.
const MOST_THREADS: usize = 1024;

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if threads <= MOST_THREADS => Ok(threads),
        Ok(_) => Err(format!("no machine here keeps so many busy; give at most {MOST_THREADS}, or 0 for one a core")),
        Err(_) => Err("give a number, or 0 for one a core".to_owned()),
    }
}

/// How many of the first items: none would be nothing to do.
pub fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("of 0 items nothing can be told; give 1 or more, or leave it out for all".to_owned()),
        Ok(limit) => Ok(limit),
        Err(_) => Err("give a number of items".to_owned()),
    }
}

fn gibibytes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(gib) if gib > 0.0 && gib.is_finite() => Ok(gib),
        _ => Err("give a number of GiB above 0".to_owned()),
    }
}

const GENERATION: &str = "Generation (default: the checkpoint's generation_config.json)";
const LIMITS: &str = "Limits";

/// Generation flags; what is not given comes from the registry, then from the checkpoint.
///
/// Each flag names its heading: one of the whole would go on to the flags behind these.
#[derive(Debug, Clone, Args)]
pub struct GenerationFlags {
    /// Most new tokens
    #[arg(long, help_heading = GENERATION, value_name = "N")]
    max_new_tokens: Option<usize>,
    /// Fewest new tokens before the end token
    #[arg(long, help_heading = GENERATION, value_name = "N")]
    min_new_tokens: Option<usize>,
    /// Beams; 1 is greedy
    #[arg(long, help_heading = GENERATION, value_name = "K")]
    num_beams: Option<usize>,
    /// Exponent of the length by which beam scores are divided
    #[arg(long, help_heading = GENERATION, value_name = "X")]
    length_penalty: Option<f64>,
    /// Stop when there are as many finished beams as beams
    #[arg(long, help_heading = GENERATION, value_name = "BOOL")]
    early_stopping: Option<bool>,
    /// Penalty for tokens that were said already; 1 is none
    #[arg(long, help_heading = GENERATION, value_name = "X")]
    repetition_penalty: Option<f64>,
    /// No n-gram of this length twice
    #[arg(long, help_heading = GENERATION, value_name = "N")]
    no_repeat_ngram_size: Option<usize>,
    /// Draw tokens instead of taking the likeliest
    #[arg(long, help_heading = GENERATION, value_name = "BOOL")]
    do_sample: Option<bool>,
    /// Flattens (above 1) or sharpens the distribution
    #[arg(long, help_heading = GENERATION, value_name = "X")]
    temperature: Option<f64>,
    /// Draw among the K likeliest
    #[arg(long, help_heading = GENERATION, value_name = "K")]
    top_k: Option<usize>,
    /// Draw among the likeliest that make up this probability
    #[arg(long, help_heading = GENERATION, value_name = "P")]
    top_p: Option<f64>,
}

impl From<&GenerationFlags> for Generation {
    fn from(flags: &GenerationFlags) -> Generation {
        Generation {
            max_new_tokens: flags.max_new_tokens,
            min_new_tokens: flags.min_new_tokens,
            num_beams: flags.num_beams,
            length_penalty: flags.length_penalty,
            early_stopping: flags.early_stopping,
            repetition_penalty: flags.repetition_penalty,
            no_repeat_ngram_size: flags.no_repeat_ngram_size,
            do_sample: flags.do_sample,
            temperature: flags.temperature,
            top_k: flags.top_k,
            top_p: flags.top_p,
        }
    }
}

/// Limits on what a plugin may do before it is ended.
#[derive(Debug, Clone, Args)]
pub struct LimitFlags {
    /// Seconds without a sign of life after which a worker is ended
    #[arg(long, help_heading = LIMITS, value_name = "SECONDS", default_value_t = 600)]
    time_limit: u64,
    /// The same while a model is loaded
    #[arg(long, help_heading = LIMITS, value_name = "SECONDS", default_value_t = 1800)]
    load_limit: u64,
    /// Resident memory of a worker, in GiB [default: nine tenths of the machine's]
    #[arg(long, help_heading = LIMITS, value_name = "GIB", value_parser = gibibytes)]
    memory_limit: Option<f64>,
}

impl LimitFlags {
    /// Themselves, for another host's command line.
    pub fn as_arguments(&self) -> Vec<String> {
        let mut words = vec!["--time-limit".to_owned(), self.time_limit.to_string()];
        words.extend(["--load-limit".to_owned(), self.load_limit.to_string()]);
        if let Some(gib) = self.memory_limit {
            words.extend(["--memory-limit".to_owned(), gib.to_string()]);
        }
        words
    }
}

impl From<&LimitFlags> for crate::worker::Limits {
    fn from(flags: &LimitFlags) -> Self {
        let usual = Self::default();
        Self {
            load: std::time::Duration::from_secs(flags.load_limit),
            silence: std::time::Duration::from_secs(flags.time_limit),
            memory: flags.memory_limit.map_or(usual.memory, |gib| (gib * f64::from(1u32 << 30)) as u64),
        }
    }
}
