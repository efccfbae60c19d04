//! Learning-rate schedules, a number of optimizer steps in, a rate out.

use serde::{Deserialize, Serialize};

/// How the rate goes on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// From the learning rate to the floor in `period` steps, back in as many, and so on: torch's `CosineAnnealingLR`.
    Cosine,
    /// The learning rate, always.
    Constant,
    /// In a straight line to the floor in `period` steps, and there it stays.
    Linear,
}

impl std::fmt::Display for ScheduleKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ScheduleKind::Cosine => "cosine",
            ScheduleKind::Constant => "constant",
            ScheduleKind::Linear => "linear",
        })
    }
}

/// A schedule with its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    pub kind: ScheduleKind,
    pub learning_rate: f64,
    /// The least rate of `Cosine` and `Linear`.
    pub floor: f64,
    /// Steps from the learning rate to the floor (torch's `T_max`).
    pub period: usize,
    /// Steps in which the rate first rises in a straight line to the learning rate; the schedule begins after them.
    pub warmup: usize,
}

impl Schedule {
    /// The rate of an optimizer step, counted from 0.
    ///
    /// `Cosine` is the closed form of torch's `CosineAnnealingLR`, which goes on past `T_max` with the period 2 · `T_max`:
    /// floor + (rate − floor) · (1 + cos(π · step / T_max)) / 2.
    pub fn rate(&self, step: usize) -> f64 {
        if step < self.warmup {
            return self.learning_rate * (step + 1) as f64 / self.warmup as f64;
        }
        let step = (step - self.warmup) as f64;
        let period = self.period.max(1) as f64;
        match self.kind {
            ScheduleKind::Constant => self.learning_rate,
            ScheduleKind::Cosine => {
                let swing = 1.0 + (std::f64::consts::PI * step / period).cos();
                self.floor + (self.learning_rate - self.floor) * swing / 2.0
            }
            ScheduleKind::Linear => {
                let done = (step / period).min(1.0);
                self.learning_rate + (self.floor - self.learning_rate) * done
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates of torch's own schedulers, by `tests/parity/training/schedules.py`.
    #[test]
    fn rates_are_torchs_past_t_max_too() {
        let text = include_str!("../../../tests/parity/training/schedules.json");
        let cases: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        let mut compared = 0;
        for case in &cases {
            let number = |name: &str| case[name].as_f64().unwrap();
            let schedule = Schedule {
                kind: serde_json::from_value(case["kind"].clone()).unwrap(),
                learning_rate: number("learning_rate"),
                floor: number("floor"),
                period: number("period") as usize,
                warmup: number("warmup") as usize,
            };
            for (step, expected) in case["rates"].as_object().unwrap() {
                let (found, expected) = (schedule.rate(step.parse().unwrap()), expected.as_f64().unwrap());
                let error = (found - expected).abs();
                assert!(error <= 1e-12 * schedule.learning_rate, "{case:?} at {step}: {found} and not {expected}");
                compared += 1;
            }
        }
        assert!(compared > 200, "only {compared} rates were compared");
    }

    #[test]
    fn the_studys_cosine_oscillates_with_a_period_of_a_thousand_steps() {
        let schedule =
            Schedule { kind: ScheduleKind::Cosine, learning_rate: 1e-4, floor: 1e-6, period: 500, warmup: 0 };
        assert_eq!(schedule.rate(0), 1e-4);
        assert!((schedule.rate(500) - 1e-6).abs() < 1e-18);
        assert!((schedule.rate(1000) - 1e-4).abs() < 1e-16);
        assert!((schedule.rate(1250) - schedule.rate(250)).abs() < 1e-16);
    }
}
