//! METEOR's word data: the paraphrase table (an asset that users install) and the lexicon (synonyms, inflections, function
//! words; shipped inside the plugin). Here live their compiled forms, the compilers and the readers; matching does not.

mod error;
mod install;
mod lexicon;
mod lexicon_compiler;
mod paraphrase_compiler;
mod paraphrases;

pub use error::{DataError, Result};
pub use install::{INSTALL_COMMAND, Installed, PARAPHRASE_FILE, PIP_REQUIREMENT, install};
pub use lexicon::{Lexicon, LexiconWord};
pub use lexicon_compiler::{LexiconSources, compile_lexicon};
pub use paraphrase_compiler::{TableSize, compile_paraphrases};
pub use paraphrases::{Paraphrases, Partner, Phrase};
