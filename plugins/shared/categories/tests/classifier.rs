//! The classifier on the sample catalogue's descriptions: accuracy, determinism, storage, and texts of every kind.

use category_classifier::{CategoriesFile, CategoryClassifier, CategoryCount, Example, LinearClassifier, open, train};
use samples::catalogue::{Shop, Split, articles};
use samples::words::{Voice, describe};
use std::collections::BTreeSet;

const SEED: u64 = 42;

/// Texts with their categories: of training, and held out.
fn descriptions(count: usize) -> [Vec<(String, &'static str)>; 2] {
    let all = articles(SEED, Shop::Hm, count);
    let (held_out, training): (Vec<_>, Vec<_>) = all.iter().partition(|article| article.split != Split::Train);
    [training, held_out].map(|part| {
        part.into_iter()
            .map(|article| (describe(article, SEED, Voice::Catalogue), article.design.category.product_type().1))
            .collect()
    })
}

fn trained(texts: &[(String, &str)]) -> LinearClassifier {
    let names: BTreeSet<&str> = texts.iter().map(|(_, category)| *category).collect();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let place = |category: &str| names.iter().position(|name| name == category).unwrap();
    let examples: Vec<Example> = texts.iter().map(|(text, category)| Example::new(text, place(category))).collect();
    train(names.clone(), &examples, 7)
}

#[test]
fn the_sample_catalogues_held_out_descriptions_are_classified_97_times_in_100() {
    let [training, held_out] = descriptions(600);
    let model = trained(&training);
    let right = held_out.iter().filter(|(text, category)| model.category_of(text) == *category).count();
    assert!(right * 100 >= 97 * held_out.len(), "{right} of {}", held_out.len());
}

#[test]
fn training_twice_gives_the_same_bytes() {
    let [training, _] = descriptions(200);
    assert_eq!(trained(&training).to_bytes(), trained(&training).to_bytes());
}

#[test]
fn a_stored_classifier_reads_back_and_a_damaged_one_is_an_error() {
    let [training, _] = descriptions(200);
    let model = trained(&training);
    let bytes = model.to_bytes();
    let names = || model.categories().to_vec();
    assert_eq!(LinearClassifier::from_bytes(&bytes, names()).unwrap(), model);
    for end in (0..bytes.len()).step_by(101) {
        assert!(LinearClassifier::from_bytes(&bytes[..end], names()).is_err(), "{end}");
    }
    assert!(LinearClassifier::from_bytes(&bytes, vec!["one".into()]).is_err());
    let folder = tempfile::tempdir().unwrap();
    assert!(open(folder.path()).is_err());
    let counts = names().into_iter().map(|name| CategoryCount { name, ..CategoryCount::default() }).collect();
    let mut told = CategoriesFile::linear(counts, training.len(), 7, None);
    let write = |told: &CategoriesFile| std::fs::write(folder.path().join("categories.json"), told.to_json()).unwrap();
    write(&told);
    std::fs::write(folder.path().join("category-classifier.bin"), &bytes).unwrap();
    let (read, classifier) = open(folder.path()).unwrap();
    assert_eq!(read, told);
    assert_eq!(classifier.category_of(&training[0].0), model.category_of(&training[0].0));
    told.file = "../elsewhere.bin".into();
    write(&told);
    assert!(open(folder.path()).is_err());
}

#[test]
fn any_text_has_a_category() {
    let [training, _] = descriptions(100);
    let model = trained(&training);
    let long = "word ".repeat(200_000);
    for text in ["", "?!", "🙂👗", "连衣裙", "\0", long.as_str()] {
        assert!(model.classify(text) < model.categories().len());
    }
}
