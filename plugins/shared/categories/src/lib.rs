//! Which category a caption is of. `host prepare` trains a classifier on the training split's references and stores it with the prepared
//! dataset; the metric `category-accuracy` reads it. [`CategoryClassifier`] is what both need of one, so that others can follow.

mod features;
mod linear;
mod stored;
mod training;

pub use linear::LinearClassifier;
pub use stored::{CATEGORIES_FILE, CategoriesFile, CategoryCount, ClassifierError, HeldOut, MODEL_FILE, open};
pub use training::{Example, train};

/// A judge of which category a text is of.
pub trait CategoryClassifier: Send + Sync {
    /// The names, in a fixed order.
    fn categories(&self) -> &[String];

    /// The place in [`CategoryClassifier::categories`] of the likeliest one. Any text has an answer.
    fn classify(&self, text: &str) -> usize;

    /// Its name.
    fn category_of(&self, text: &str) -> &str {
        &self.categories()[self.classify(text)]
    }
}
