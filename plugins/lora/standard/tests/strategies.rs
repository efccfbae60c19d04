//! The strategies on the layers of a small BLIP-2 and a small LLaVA, named as in the checkpoints.

use lora_standard::{Selection, Standard};
use plugin_api::{LinearLayer, LoraStrategy, LoraTarget, Settings};
use serde_json::{Value, json};

fn layer(path: &str, tower: &str, role: &str) -> LinearLayer {
    LinearLayer { path: path.into(), inputs: 64, outputs: 48, tower: tower.into(), role: role.into() }
}

fn decoder(prefix: &str, blocks: usize, tower: &str) -> Vec<LinearLayer> {
    let parts = [
        ("self_attn.q_proj", "query"),
        ("self_attn.k_proj", "key"),
        ("self_attn.v_proj", "value"),
        ("self_attn.out_proj", "output"),
        ("fc1", "mlp"),
        ("fc2", "mlp"),
    ];
    (0..blocks)
        .flat_map(|block| parts.map(|(name, role)| layer(&format!("{prefix}.layers.{block}.{name}"), tower, role)))
        .collect()
}

fn blip2() -> Vec<LinearLayer> {
    let mut layers = vec![
        layer("vision_model.encoder.layers.0.self_attn.qkv", "vision", "query"),
        layer("vision_model.encoder.layers.0.mlp.fc1", "vision", "mlp"),
        layer("qformer.encoder.layer.0.attention.attention.query", "qformer", "query"),
        layer("qformer.encoder.layer.0.attention.attention.value", "qformer", "value"),
        layer("language_projection", "projector", "projection"),
    ];
    layers.extend(decoder("language_model.model.decoder", 3, "language"));
    layers.push(layer("language_model.lm_head", "language", "head"));
    layers
}

fn run(selection: Selection, settings: Value, layers: &[LinearLayer]) -> Result<Vec<LoraTarget>, String> {
    Standard::new("test", selection, &Settings::new(settings))
        .and_then(|strategy| strategy.targets(layers))
        .map_err(|error| error.to_string())
}

fn regex(settings: Value, layers: &[LinearLayer]) -> Result<Vec<LoraTarget>, String> {
    Standard::from_pattern(&Settings::new(settings))
        .and_then(|strategy| strategy.targets(layers))
        .map_err(|error| error.to_string())
}

fn paths(targets: &[LoraTarget]) -> Vec<&str> {
    targets.iter().map(|target| target.path.as_str()).collect()
}

#[test]
fn query_value_means_the_language_model_only_in_blip2_and_clip_too_in_llava() {
    let targets = run(Selection::QueryValue, json!({}), &blip2()).unwrap();
    assert_eq!(targets.len(), 6);
    assert!(targets.iter().all(|target| target.path.starts_with("language_model.")));
    let mut llava = decoder("vision_tower.vision_model.encoder", 2, "vision");
    llava.extend(decoder("language_model.model", 2, "language"));
    assert_eq!(run(Selection::QueryValue, json!({}), &llava).unwrap().len(), 8);
    let t5 = [layer("language_model.decoder.block.0.layer.0.SelfAttention.q", "language", "query")];
    assert_eq!(run(Selection::QueryValue, json!({}), &t5).unwrap().len(), 1);
}

#[test]
fn all_linear_leaves_out_the_output_head_only() {
    let layers = blip2();
    let targets = run(Selection::AllLinear, json!({}), &layers).unwrap();
    assert_eq!(targets.len(), layers.len() - 1);
    assert!(!paths(&targets).contains(&"language_model.lm_head"));
}

#[test]
fn attention_and_mlp_go_by_role() {
    let layers = blip2();
    assert_eq!(run(Selection::Attention, json!({}), &layers).unwrap().len(), 3 + 3 * 4);
    assert_eq!(run(Selection::Mlp, json!({}), &layers).unwrap().len(), 1 + 3 * 2);
}

#[test]
fn the_defaults_are_the_studys_and_classic_scaling_divides_by_the_rank() {
    let targets = run(Selection::QueryValue, json!({}), &blip2()).unwrap();
    let first = &targets[0];
    assert_eq!((first.rank, first.alpha, first.dropout), (32, 64.0, 0.05));
    // 64 / √32 = 8√2.
    assert!((first.scaling - 11.313_708_498_984_761).abs() < 1e-12);
    let targets = run(Selection::QueryValue, json!({"rank": 16, "alpha": 8, "scaling": "classic"}), &blip2()).unwrap();
    assert_eq!(targets[0].scaling, 0.5);
}

#[test]
fn towers_and_layer_ranges_narrow_a_strategy() {
    let targets = run(Selection::AllLinear, json!({"towers": ["language"], "layers": "1-"}), &blip2()).unwrap();
    assert_eq!(targets.len(), 2 * 6);
    let targets = run(Selection::Mlp, json!({"towers": ["vision"]}), &blip2()).unwrap();
    assert_eq!(paths(&targets), ["vision_model.encoder.layers.0.mlp.fc1"]);
    for (range, blocks) in [("0-1", 2), ("-0", 1), ("2", 1), ("0-99", 3)] {
        let targets = run(Selection::QueryValue, json!({ "layers": range }), &blip2()).unwrap();
        assert_eq!(targets.len(), 2 * blocks, "{range}");
    }
}

#[test]
fn overrides_set_values_by_pattern_tower_and_range_and_the_later_wins() {
    let settings = json!({"rank": 8, "alpha": 16, "scaling": "classic", "overrides": [
        {"tower": "language", "layers": "2-2", "rank": 4},
        {"pattern": r".*\.2\..*v_proj", "rank": 2, "alpha": 3, "dropout": 0.5, "scaling": "rank-stabilised"},
        {"pattern": r".*\.0\..*", "skip": true}
    ]});
    let targets = run(Selection::QueryValue, settings, &blip2()).unwrap();
    let found: Vec<_> = targets
        .iter()
        .map(|t| (t.path.rsplit_once("layers.").unwrap().1, t.rank, t.alpha, t.scaling, t.dropout))
        .collect();
    let expected = [
        ("1.self_attn.q_proj", 8, 16.0, 2.0, 0.05),
        ("1.self_attn.v_proj", 8, 16.0, 2.0, 0.05),
        ("2.self_attn.q_proj", 4, 16.0, 4.0, 0.05),
        ("2.self_attn.v_proj", 2, 3.0, 3.0 / 2.0_f64.sqrt(), 0.5),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_regex_must_match_the_whole_path() {
    let targets = regex(json!({"pattern": r".*decoder.*\.[qk]_proj"}), &blip2()).unwrap();
    assert_eq!(targets.len(), 6);
    let error = regex(json!({"pattern": "q_proj"}), &blip2()).unwrap_err();
    assert!(
        error.contains("matches no layer")
            && error.contains("layers.0.self_attn.q_proj")
            && error.contains("`.*q_proj.*`"),
        "{error}"
    );
}

#[test]
fn a_strategy_that_matches_nothing_lists_near_misses() {
    let error = regex(json!({"pattern": r".*\.q_porj"}), &blip2()).unwrap_err();
    assert!(error.contains("nearest are `language_model.model.decoder.layers.0.self_attn.q_proj`"), "{error}");
    let qformer: Vec<_> = blip2().into_iter().filter(|layer| layer.tower == "qformer").collect();
    let error = run(Selection::QueryValue, json!({}), &qformer).unwrap_err();
    assert!(error.contains("q_proj") && error.contains("`query`, `value`"), "{error}");
    let error = run(Selection::QueryValue, json!({"towers": ["vison"]}), &blip2()).unwrap_err();
    assert!(error.contains("their towers are `language`"), "{error}");
    assert!(run(Selection::Mlp, json!({}), &[]).unwrap_err().contains("no linear layer"));
}

#[test]
fn a_rank_larger_than_a_layer_is_an_error_that_names_it() {
    assert!(run(Selection::QueryValue, json!({"rank": 48}), &blip2()).is_ok());
    let error = run(Selection::QueryValue, json!({"rank": 49}), &blip2()).unwrap_err();
    assert!(
        error.contains("rank 49") && error.contains("layers.0.self_attn.q_proj") && error.contains("at most 48"),
        "{error}"
    );
}

#[test]
fn wrong_options_are_named() {
    for (settings, word) in [
        (json!({"rnak": 8}), "rnak"),
        (json!({"rank": 0}), "rank 0"),
        (json!({"alpha": -1}), "alpha -1"),
        (json!({"dropout": 1.0}), "dropout 1"),
        (json!({"scaling": "dora"}), "dora"),
        (json!({"layers": "3-1"}), "3-1"),
        (json!({"layers": "-"}), "`-`"),
        (json!({"pattern": "x"}), "no option `pattern`"),
        (json!({"overrides": [{"pattern": "("}]}), "no regular expression"),
        (json!({"overrides": [{"pattern": "nothing", "rank": 2}]}), "override 1"),
        (json!({"overrides": [{"rank": 0}]}), "rank 0"),
        (json!({"overrides": [{"skip": true}]}), "skip every layer"),
    ] {
        let error = run(Selection::QueryValue, settings.clone(), &blip2()).expect_err(&settings.to_string());
        assert!(error.contains(word), "{settings}: {error}");
    }
    assert!(regex(json!({}), &blip2()).unwrap_err().contains("needs the option `pattern`"));
}
