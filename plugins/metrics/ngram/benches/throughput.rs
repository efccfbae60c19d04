//! How long each metric takes for 5,000 items of 5 references, or as many items as the first argument says: observing, then scoring on
//! one and on two threads. The corpus is generated and always the same; metrics are called as the host calls them.

use abi::{MetricBox, MetricItemRef, ReferenceSetRef, TextRef};
use ngram::{Bleu, Cider, RougeL, Variant};
use plugin_api::__private::abi_stable::std_types::{ROption, RResult, RSlice, RStr};
use plugin_api::__private::metric;
use plugin_api::{Host, abi};
use std::time::{Duration, Instant};

const REFERENCES: usize = 5;
const VOCABULARY: u64 = 12_000;
type Make = fn() -> MetricBox;

/// Items a call, as in the host.
const CHUNK: usize = 64;

/// Knuth's 64-bit linear congruence, upper bits.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Low numbers are frequent, about as words in a language.
    fn rank(&mut self, end: u64) -> u64 {
        let unit = (self.below(1 << 24) + 1) as f64 / f64::from(1 << 24);
        (((end as f64).powf(unit) - 1.0) as u64).min(end - 1)
    }

    /// A caption in which a word is followed by one of a few dozen others.
    fn caption(&mut self) -> Vec<u64> {
        let mut words = vec![self.rank(60)];
        for _ in 0..7 + self.below(9) {
            let last = words[words.len() - 1];
            words.push(match self.below(3) {
                0 => self.rank(VOCABULARY),
                _ => (last * 31 + self.rank(30) * 17) % VOCABULARY,
            });
        }
        words
    }

    /// The same caption, in part said otherwise.
    fn paraphrase(&mut self, caption: &[u64]) -> Vec<u64> {
        let own = self.caption();
        caption
            .iter()
            .zip(own.iter().cycle())
            .map(|(word, other)| if self.below(5) < 2 { *other } else { *word })
            .collect()
    }
}

/// An item's candidate, then its references.
fn corpus(items: usize) -> Vec<Vec<Vec<String>>> {
    let spell = |word: &u64| match word {
        0..50 => format!("{word}"),
        _ => format!("{}word{word}", &"knitwear"[..(word % 7) as usize]),
    };
    let mut numbers = Numbers(1);
    (0..items)
        .map(|_| {
            let caption = numbers.caption();
            (0..=REFERENCES).map(|_| numbers.paraphrase(&caption).iter().map(spell).collect()).collect()
        })
        .collect()
}

fn done<T>(result: RResult<T, abi::Failure>) -> T {
    match result {
        RResult::ROk(value) => value,
        RResult::RErr(failure) => panic!("{failure:?}"),
    }
}

/// Times of observing, of scoring with one thread and with two.
fn time(make: Make, items: &[MetricItemRef<'_>]) -> [Duration; 3] {
    let observed = || {
        let mut made = make();
        for chunk in items.chunks(CHUNK) {
            let truths: Vec<ReferenceSetRef<'_>> = chunk.iter().map(|item| item.truth).collect();
            done(made.observe(RSlice::from_slice(&truths)));
        }
        made
    };
    let score = |made: &MetricBox, items: &[MetricItemRef<'_>]| {
        items.chunks(CHUNK).for_each(|chunk| drop(done(made.score(RSlice::from_slice(chunk)))));
    };
    let start = Instant::now();
    let made = observed();
    let observing = start.elapsed();
    let start = Instant::now();
    score(&made, items);
    let one = start.elapsed();
    let made = observed();
    let start = Instant::now();
    let (left, right) = items.split_at(items.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| score(&made, left));
        score(&made, right);
    });
    [observing, one, start.elapsed()]
}

fn main() {
    // Cargo passes `--bench`.
    let items = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(5_000);
    let texts = corpus(items);
    let tokens: Vec<Vec<Vec<RStr<'_>>>> = texts
        .iter()
        .map(|item| item.iter().map(|text| text.iter().map(|word| RStr::from_str(word)).collect()).collect())
        .collect();
    let texts: Vec<Vec<TextRef<'_>>> = tokens
        .iter()
        .map(|item| {
            item.iter().map(|text| TextRef { raw: RStr::from_str(""), tokens: RSlice::from_slice(text) }).collect()
        })
        .collect();
    let items: Vec<MetricItemRef<'_>> = texts
        .iter()
        .map(|item| MetricItemRef {
            candidate: item[0],
            truth: ReferenceSetRef {
                id: RStr::from_str("item"),
                references: RSlice::from_slice(&item[1..]),
                category: ROption::RNone,
            },
        })
        .collect();
    let metrics: &[(&str, Make)] = &[
        ("bleu", || metric(Bleu)),
        ("rouge-l", || metric(RougeL)),
        ("cider", || metric(Cider::new(Variant::D, Host::silent()))),
        ("cider-plain", || metric(Cider::new(Variant::Plain, Host::silent()))),
    ];
    let rounds = (75_000 / items.len().max(1)).clamp(2, 15);
    println!("{} items of {REFERENCES} references, the best of {rounds} rounds, ms", items.len());
    println!("{:12} {:>8} {:>8} {:>10}", "", "observe", "score", "2 threads");
    for (name, make) in metrics {
        let times: Vec<[Duration; 3]> = (0..rounds).map(|_| time(*make, &items)).collect();
        let best = |part: usize| times.iter().map(|time| time[part]).min().unwrap_or_default().as_secs_f64() * 1e3;
        println!("{name:12} {:8.2} {:8.2} {:10.2}", best(0), best(1), best(2));
    }
}
