//! Generation settings as they are put together, and what of them is refused before anything is loaded: what no checkpoint gives a meaning
//! to. What a model makes of the rest, its plugin says.

use crate::error::{Error, Result};
use plugin_api::Generation;

/// More new tokens than any caption has, and more beams than any device holds.
const MOST_NEW_TOKENS: usize = 100_000;
const MOST_BEAMS: usize = 1000;

/// A registry entry's generation settings with the command line's in their place where given.
pub fn overridden(entry: &Generation, flags: &Generation) -> Generation {
    Generation {
        max_new_tokens: flags.max_new_tokens.or(entry.max_new_tokens),
        min_new_tokens: flags.min_new_tokens.or(entry.min_new_tokens),
        num_beams: flags.num_beams.or(entry.num_beams),
        length_penalty: flags.length_penalty.or(entry.length_penalty),
        early_stopping: flags.early_stopping.or(entry.early_stopping),
        repetition_penalty: flags.repetition_penalty.or(entry.repetition_penalty),
        no_repeat_ngram_size: flags.no_repeat_ngram_size.or(entry.no_repeat_ngram_size),
        do_sample: flags.do_sample.or(entry.do_sample),
        temperature: flags.temperature.or(entry.temperature),
        top_k: flags.top_k.or(entry.top_k),
        top_p: flags.top_p.or(entry.top_p),
    }
}

/// Refuses settings that no model can follow.
///
/// # Errors
/// A number that is none or out of its range, or two settings that exclude each other.
pub fn check_generation(generation: &Generation) -> Result<()> {
    let sampling = generation.do_sample == Some(true);
    let wrong = |name: &str, value: String, range: &str| {
        Err(Error::usage(format!("{name} is {value}; it must be {range}"))
            .help(format!("correct --{}, or `generation` of the model's registry entry", name.replace('_', "-"))))
    };
    for (name, value, most) in [
        ("max_new_tokens", generation.max_new_tokens, MOST_NEW_TOKENS),
        ("num_beams", generation.num_beams, MOST_BEAMS),
    ] {
        if let Some(value) = value.filter(|value| !(1..=most).contains(value)) {
            return wrong(name, value.to_string(), &format!("between 1 and {most}"));
        }
    }
    if let Some(value) = generation.length_penalty.filter(|value| !value.is_finite()) {
        return wrong("length_penalty", value.to_string(), "a finite number");
    }
    if let Some(value) = generation.repetition_penalty.filter(|value| !(*value > 0.0 && value.is_finite())) {
        return wrong("repetition_penalty", value.to_string(), "a finite number above 0");
    }
    // Greedy decoding takes no notice of these two: there a 0 does no harm.
    let lowest = |value: f64| value > 0.0 || (value == 0.0 && !sampling);
    if let Some(value) = generation.temperature.filter(|value| !(lowest(*value) && value.is_finite())) {
        return wrong("temperature", value.to_string(), "a finite number above 0 (greedy is do_sample = false)");
    }
    if let Some(value) = generation.top_p.filter(|value| !(lowest(*value) && *value <= 1.0)) {
        return wrong("top_p", value.to_string(), "above 0 and at most 1");
    }
    if sampling && generation.num_beams.is_some_and(|beams| beams > 1) {
        return Err(Error::usage("beams cannot be sampled: num_beams is above 1 and do_sample is true")
            .help("give --num-beams 1, or --do-sample false"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_no_model_can_follow_are_refused_by_name() {
        let check = |text: &str| check_generation(&toml::from_str::<Generation>(text).unwrap());
        for fine in [
            "",
            "max_new_tokens = 20\nnum_beams = 5\nlength_penalty = -1.0",
            "temperature = 0.0\ntop_p = 0.0\ndo_sample = false",
            "temperature = 0.7\ntop_p = 1.0\ndo_sample = true\nnum_beams = 1",
        ] {
            assert!(check(fine).is_ok(), "{fine}");
        }
        for (wrong, name) in [
            ("max_new_tokens = 0", "--max-new-tokens"),
            ("max_new_tokens = 1000000000", "--max-new-tokens"),
            ("num_beams = 0", "--num-beams"),
            ("length_penalty = nan", "--length-penalty"),
            ("length_penalty = inf", "--length-penalty"),
            ("repetition_penalty = 0.0", "--repetition-penalty"),
            ("temperature = -1.0", "--temperature"),
            ("temperature = nan", "--temperature"),
            ("temperature = inf", "--temperature"),
            ("temperature = 0.0\ndo_sample = true", "--temperature"),
            ("top_p = 1.5", "--top-p"),
            ("top_p = nan", "--top-p"),
            ("top_p = 0.0\ndo_sample = true", "--top-p"),
            ("num_beams = 2\ndo_sample = true", "--num-beams"),
        ] {
            let error = check(wrong).unwrap_err();
            assert!(error.help.as_deref().is_some_and(|help| help.contains(name)), "{wrong}: {error}");
        }
    }
}
