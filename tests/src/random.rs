//! Random numbers whose seed is told, so that a failure can be had again.

/// A stream of another seed each time. A test that fails shows the seed; `LOOKBOOK_SEED=N` gives its numbers again.
pub fn random() -> fastrand::Rng {
    let given = std::env::var("LOOKBOOK_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("LOOKBOOK_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
