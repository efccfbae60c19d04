//! Metrics that each break one promise of the interface, named after it. `host plugin check` gives no settings, so that a name is what tells
//! them apart.

use plugin_api::{ItemScore, Metric, MetricConfig, MetricItem, MetricValue, Result, export_plugin, register_metric};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A metric of that type and name, with its values and what it gives for an item.
macro_rules! metric {
    ($type:ident, $name:literal, $values:expr, |$item:ident| $score:expr) => {
        struct $type;

        impl $type {
            fn new(config: &MetricConfig) -> Result<$type> {
                config.settings.none().map(|()| $type)
            }
        }

        impl Metric for $type {
            fn values(&self) -> Vec<MetricValue> {
                $values.into_iter().map(|name: &str| MetricValue::quantity(name, name)).collect()
            }

            fn score(&self, $item: &MetricItem<'_>) -> Result<ItemScore> {
                $score
            }
        }

        register_metric!($name, "A metric that breaks a promise, for tests", $type::new);
    };
}

/// Of all captions that the tests score only some hold this word.
fn is_hit(item: &MetricItem<'_>) -> bool {
    item.candidate().raw().contains("red")
}

fn one() -> Result<ItemScore> {
    Ok(ItemScore::mean([1.0]))
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

metric!(Abort, "abort", ["abort"], |item| if is_hit(item) { std::process::abort() } else { one() });
metric!(Clash, "clash", ["bleu-1"], |_item| one());
metric!(Detail, "detail", ["detail"], |_item| Ok(ItemScore {
    detail: Some("{no JSON".into()),
    ..ItemScore::mean([1.0])
}));
metric!(Exit, "exit", ["exit"], |item| if is_hit(item) { std::process::exit(0) } else { one() });
metric!(Fine, "fine", ["fine"], |_item| one());
metric!(Nameless, "nameless", [""], |_item| one());
metric!(Nan, "nan", ["nan"], |item| Ok(ItemScore::mean([if is_hit(item) { f64::NAN } else { 1.0 }])));
metric!(Nothing, "none", [], |_item| Ok(ItemScore::mean([])));
metric!(Order, "order", ["order"], |_item| Ok(ItemScore::mean([CALLS.fetch_add(1, Ordering::Relaxed) as f64])));
metric!(Panic, "panic", ["panic"], |item| if is_hit(item) { panic!("oh no") } else { one() });
metric!(Same, "same", ["fine"], |_item| Ok(ItemScore::mean([2.0])));
metric!(Twice, "twice", ["x", "x"], |_item| Ok(ItemScore::mean([1.0, 2.0])));

/// It has a value of all items and of no draw of them.
#[derive(Default)]
struct Whole {
    whole: OnceLock<f64>,
}

impl Whole {
    fn new(config: &MetricConfig) -> Result<Whole> {
        config.settings.none().map(|()| Whole::default())
    }
}

impl Metric for Whole {
    fn values(&self) -> Vec<MetricValue> {
        vec![MetricValue::quantity("whole", "whole")]
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        let length = item.candidate().raw().len() as f64;
        Ok(ItemScore { values: vec![length], statistics: vec![length], detail: None })
    }

    fn corpus(&self, statistics: &[f64]) -> Vec<f64> {
        let whole = *self.whole.get_or_init(|| statistics[0]);
        vec![if statistics[0] == whole { whole } else { f64::NAN }]
    }
}

register_metric!("whole", "A metric that breaks a promise, for tests", Whole::new);
export_plugin!();
