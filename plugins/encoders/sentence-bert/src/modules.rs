//! What sentence-transformers' files say is done with the transformer's output: `modules.json`, the pooling's `config.json`,
//! `sentence_bert_config.json`.

use nn::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// What happens around the transformer. Without the files: the mean, not normalised, as sentence-transformers does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modules {
    pub pooling: Pooling,
    /// Whether embeddings are scaled to length 1.
    pub normalize: bool,
    /// Most tokens of a text.
    pub max_tokens: Option<usize>,
    /// Whether texts are lowercased before they reach the tokenizer.
    pub lowercase: bool,
}

/// How the tokens' vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    Mean,
    /// The first token's.
    First,
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// The pooling's `config.json`, in sentence-transformers' older form (a flag a mode) or its newer one.
#[derive(Deserialize, Default)]
#[serde(default)]
struct StoredPooling {
    pooling_mode: Option<StoredMode>,
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: Option<bool>,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StoredMode {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StoredTransformer {
    max_seq_length: Option<usize>,
    do_lower_case: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StoredTokenizer {
    model_max_length: Option<f64>,
}

impl Modules {
    /// Reads the files of a directory.
    ///
    /// # Errors
    /// A file that is damaged, or asks for what is not offered here.
    pub fn read(directory: &Path) -> Result<Modules> {
        let mut modules = Modules { pooling: Pooling::Mean, normalize: false, max_tokens: None, lowercase: false };
        let path = directory.join("modules.json");
        let listed: Option<Vec<Module>> = if path.is_file() { Some(nn::read_json(&path)?) } else { None };
        let mut inside = directory.to_path_buf();
        for module in listed.into_iter().flatten() {
            // `sentence_transformers.models.Pooling`, and longer paths in newer versions.
            match module.kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" => inside = directory.join(&module.path),
                "Pooling" => modules.pooling = pooling(&directory.join(&module.path).join("config.json"))?,
                "Normalize" => modules.normalize = true,
                other => {
                    return Err(Error::malformed(path, format!("modules of the type `{other}` are not supported")));
                }
            }
        }
        if inside != directory && inside != directory.join("") {
            return Err(Error::malformed(path, "the transformer lies in a folder of its own, which is not supported"));
        }
        let stored: StoredTransformer = optional(&directory.join("sentence_bert_config.json"))?;
        let tokenizer: StoredTokenizer = optional(&directory.join("tokenizer_config.json"))?;
        // Tokenizers without a limit say 10^30.
        let tokenizer_limit = tokenizer.model_max_length.filter(|limit| (1.0..1e9).contains(limit));
        modules.max_tokens = stored.max_seq_length.or(tokenizer_limit.map(|limit| limit as usize));
        modules.lowercase = stored.do_lower_case;
        Ok(modules)
    }
}

fn optional<T: serde::de::DeserializeOwned + Default>(path: &Path) -> Result<T> {
    if path.is_file() { nn::read_json(path) } else { Ok(T::default()) }
}

fn pooling(path: &Path) -> Result<Pooling> {
    let stored: StoredPooling = nn::read_json(path)?;
    let modes: Vec<String> = match stored.pooling_mode {
        Some(StoredMode::One(mode)) => vec![mode],
        Some(StoredMode::Several(modes)) => modes,
        None => [
            ("cls", stored.pooling_mode_cls_token),
            ("mean", stored.pooling_mode_mean_tokens.unwrap_or(!stored.pooling_mode_cls_token)),
            ("max", stored.pooling_mode_max_tokens),
            ("mean_sqrt_len_tokens", stored.pooling_mode_mean_sqrt_len_tokens),
            ("weightedmean", stored.pooling_mode_weightedmean_tokens),
            ("lasttoken", stored.pooling_mode_lasttoken),
        ]
        .into_iter()
        .filter(|(_, on)| *on)
        .map(|(mode, _)| mode.to_owned())
        .collect(),
    };
    match modes.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["mean"] => Ok(Pooling::Mean),
        ["cls"] => Ok(Pooling::First),
        _ => Err(Error::malformed(
            path,
            format!("pooling by {} is not supported; `mean` or `cls` alone is", modes.join(" and ")),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn folder(files: &[(&str, serde_json::Value)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, value) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, value.to_string()).unwrap();
        }
        folder
    }

    #[test]
    fn the_published_models_files_are_understood() {
        let kind = |name: &str| format!("sentence_transformers.models.{name}");
        let listed = json!([{"idx": 0, "name": "0", "path": "", "type": kind("Transformer")},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": kind("Pooling")},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": kind("Normalize")}]);
        let mean = json!({"word_embedding_dimension": 768, "pooling_mode_cls_token": false,
            "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false, "pooling_mode_mean_sqrt_len_tokens": false});
        let folder = folder(&[
            ("modules.json", listed),
            ("1_Pooling/config.json", mean),
            ("sentence_bert_config.json", json!({"max_seq_length": 384, "do_lower_case": false})),
            ("tokenizer_config.json", json!({"model_max_length": 512})),
        ]);
        let expected = Modules { pooling: Pooling::Mean, normalize: true, max_tokens: Some(384), lowercase: false };
        assert_eq!(Modules::read(folder.path()).unwrap(), expected);
    }

    #[test]
    fn what_is_not_offered_is_refused_by_file() {
        let dense = json!([{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]);
        let error = Modules::read(folder(&[("modules.json", dense)]).path()).unwrap_err().to_string();
        assert!(error.contains("modules.json") && error.contains("`Dense`"), "{error}");
        let listed = json!([{"path": "1_Pooling", "type": "Pooling"}]);
        let both = json!({"pooling_mode": ["mean", "max"]});
        let folder = folder(&[("modules.json", listed), ("1_Pooling/config.json", both)]);
        let error = Modules::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("mean and max"), "{error}");
    }
}
