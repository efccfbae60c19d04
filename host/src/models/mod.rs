//! Models as files: getting them from the hub, checking them, and what they need. Loading and running them is the workers' affair.

mod check;
mod hub;
mod stalled;
mod verify;

pub use check::{Checked, CheckedFile, automatic_batch, check, needs, needs_of_source};
pub use hub::{Pulled, pull};
pub use verify::{Digest, expected_digest, file_matches};
