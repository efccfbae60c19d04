//! The encoder that the host sees: a directory in, vectors of texts out.

use crate::config::MpnetConfig;
use crate::model::Mpnet;
use crate::modules::Modules;
use nn::plugin;
use nn::text::Tokenizer;
use plugin_api::{
    EmbeddingSpace, Encoder, EncoderConfig, EncoderDescription, EncoderInputs, Modality, PluginError, PreparedInputs,
    Result,
};

const SPACE: &str = "sentence";

/// A sentence-transformers model with its tokenizer.
pub struct SentenceEncoder {
    model: Mpnet,
    modules: Modules,
    tokenizer: Tokenizer,
    description: EncoderDescription,
}

impl SentenceEncoder {
    /// Loads a directory.
    ///
    /// # Errors
    /// Whatever of it is missing, damaged, contradictory or not supported, by file.
    pub fn load(config: &EncoderConfig) -> Result<SentenceEncoder> {
        config.settings.none()?;
        if config.adapter.is_some() {
            return Err(PluginError::unsupported("an adapter cannot be applied to Sentence-BERT"));
        }
        nn::limit_threads(config.threads);
        let directory = &config.weights;
        let parts = MpnetConfig::read(directory)?;
        let modules = Modules::read(directory)?;
        let mut tokenizer = Tokenizer::read(directory)?;
        let most = modules.max_tokens.unwrap_or(usize::MAX).min(parts.most_tokens());
        tokenizer.limit(most)?;
        let placement = plugin::placement(config.device)?;
        let model = Mpnet::load(directory, &parts, &placement)?;
        tokenizer.check_vocabulary(model.vocabulary())?;
        let description = EncoderDescription {
            architecture: "MPNet".into(),
            parameters: Mpnet::expected(&parts)?.parameters(),
            device: placement.to_string(),
            precision: placement.precision().into(),
            spaces: vec![EmbeddingSpace { name: SPACE.into(), shape: vec![parts.hidden_size], input: Modality::Text }],
        };
        Ok(SentenceEncoder { model, modules, tokenizer, description })
    }
}

impl Encoder for SentenceEncoder {
    /// Token ids of each text.
    type Batch = Vec<Vec<u32>>;

    fn describe(&self) -> EncoderDescription {
        self.description.clone()
    }

    fn prepare(&self, inputs: EncoderInputs<'_>) -> Result<PreparedInputs<Vec<Vec<u32>>>> {
        let EncoderInputs::Texts(texts) = inputs else {
            return Err(PluginError::unsupported("Sentence-BERT embeds texts, and no images"));
        };
        let mut prepared = PreparedInputs::whole(Vec::with_capacity(texts.len()));
        for (place, text) in texts.iter().enumerate() {
            // As sentence-transformers cleans it.
            let text = text.trim();
            let lowered = self.modules.lowercase.then(|| text.to_lowercase());
            let (ids, cut) = self.tokenizer.encode_limited(lowered.as_deref().unwrap_or(text))?;
            if ids.is_empty() {
                return Err(PluginError::data("a text comes out without a token"));
            }
            if cut {
                prepared.truncated.push(place);
            }
            prepared.batch.push(ids);
        }
        Ok(prepared)
    }

    fn embed(&self, batch: Vec<Vec<u32>>, space: &str) -> Result<Vec<f32>> {
        if space != SPACE {
            return Err(plugin::unknown_space(space, &self.description.spaces));
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        Ok(plugin::rows(|| self.model.embed(&batch, self.modules.pooling, self.modules.normalize))?)
    }
}
