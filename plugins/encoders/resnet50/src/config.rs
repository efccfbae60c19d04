//! What is in the directory: torchvision's tensors, with or without timm's `config.json`, or Hugging Face's ResNet; and how images are
//! prepared for it.

use nn::image::{Filter, ImageConfig, Resize};
use nn::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// Whose names the tensors have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Torchvision,
    HuggingFace,
}

/// A ResNet of bottleneck blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResNetConfig {
    pub layout: Layout,
    /// Channels behind the first convolution.
    pub stem: usize,
    /// Channels of each stage; the blocks' insides have a quarter.
    pub widths: Vec<usize>,
    /// Blocks of each stage.
    pub depths: Vec<usize>,
}

/// `config.json` of model type `resnet`, with the defaults of transformers.
#[derive(Deserialize)]
#[serde(default)]
struct Stored {
    num_channels: usize,
    embedding_size: usize,
    hidden_sizes: Vec<usize>,
    depths: Vec<usize>,
    layer_type: String,
    hidden_act: String,
    downsample_in_first_stage: bool,
    downsample_in_bottleneck: bool,
}

impl Default for Stored {
    fn default() -> Self {
        Stored {
            num_channels: 3,
            embedding_size: 64,
            hidden_sizes: vec![256, 512, 1024, 2048],
            depths: vec![3, 4, 6, 3],
            layer_type: "bottleneck".into(),
            hidden_act: "relu".into(),
            downsample_in_first_stage: false,
            downsample_in_bottleneck: false,
        }
    }
}

impl ResNetConfig {
    /// torchvision's ResNet of these depths: 50 layers are 3, 4, 6, 3.
    pub fn torchvision(depths: [usize; 4]) -> ResNetConfig {
        ResNetConfig {
            layout: Layout::Torchvision,
            stem: 64,
            widths: vec![256, 512, 1024, 2048],
            depths: depths.to_vec(),
        }
    }

    /// Reads a directory's `config.json`; without one it is torchvision's ResNet50.
    ///
    /// # Errors
    /// It describes another kind of model, or one that cannot be run here.
    pub fn read(directory: &Path) -> Result<ResNetConfig> {
        match stored(directory)? {
            None => Ok(Self::torchvision([3, 4, 6, 3])),
            Some(value) => {
                Self::from_value(&value).map_err(|reason| Error::malformed(directory.join("config.json"), reason))
            }
        }
    }

    /// From the content of `config.json`.
    ///
    /// # Errors
    /// A sentence that says what cannot be run, for the caller to add the file's name.
    pub fn from_value(value: &Value) -> Result<ResNetConfig, String> {
        match (value.get("model_type").and_then(Value::as_str), value.get("architecture").and_then(Value::as_str)) {
            (Some("resnet"), _) => Self::hugging_face(value),
            (Some(other), _) => {
                Err(format!("this is a model of type `{other}`, not `resnet`; name the plugin that loads `{other}`"))
            }
            (None, Some("resnet50")) => Ok(Self::torchvision([3, 4, 6, 3])),
            (None, Some("resnet101")) => Ok(Self::torchvision([3, 4, 23, 3])),
            (None, Some("resnet152")) => Ok(Self::torchvision([3, 8, 36, 3])),
            (None, Some(other)) => {
                Err(format!("the architecture `{other}` is not supported; resnet50, resnet101 and resnet152 are"))
            }
            (None, None) => Err("there is neither a model_type nor an architecture".into()),
        }
    }

    fn hugging_face(value: &Value) -> Result<ResNetConfig, String> {
        let stored: Stored = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        let refused = [
            (stored.layer_type != "bottleneck", format!("layer_type `{}`", stored.layer_type)),
            (stored.hidden_act != "relu", format!("hidden_act `{}`", stored.hidden_act)),
            (stored.num_channels != 3, format!("num_channels {}", stored.num_channels)),
            (stored.downsample_in_first_stage, "downsample_in_first_stage".into()),
            (stored.downsample_in_bottleneck, "downsample_in_bottleneck".into()),
        ];
        if let Some((_, option)) = refused.into_iter().find(|(refused, _)| *refused) {
            return Err(format!("{option} is not supported"));
        }
        if stored.depths.len() != stored.hidden_sizes.len() || stored.depths.is_empty() {
            return Err("depths and hidden_sizes do not name the same stages".into());
        }
        if stored.depths.contains(&0) || stored.hidden_sizes.iter().any(|width| *width == 0 || width % 4 != 0) {
            return Err("a stage has no blocks, or a width that is no multiple of 4".into());
        }
        Ok(ResNetConfig {
            layout: Layout::HuggingFace,
            stem: stored.embedding_size,
            widths: stored.hidden_sizes,
            depths: stored.depths,
        })
    }

    /// Features of an image.
    pub fn features(&self) -> usize {
        self.widths.last().copied().unwrap_or(0)
    }
}

fn stored(directory: &Path) -> Result<Option<Value>> {
    let path = directory.join("config.json");
    if path.is_file() { nn::read_json(&path).map(Some) } else { Ok(None) }
}

/// How timm says that images are prepared.
#[derive(Deserialize)]
struct Pretrained {
    input_size: Option<[usize; 3]>,
    interpolation: Option<String>,
    crop_pct: Option<f64>,
    mean: Option<[f64; 3]>,
    std: Option<[f64; 3]>,
}

/// torchvision's first recipe (`IMAGENET1K_V1`): the shortest edge to 256, the middle 224.
const RESIZE: usize = 256;
const CROP: usize = 224;

/// The image processor: `preprocessor_config.json`, else timm's `pretrained_cfg`, else torchvision's first recipe.
///
/// # Errors
/// A file that is there and cannot be understood.
pub fn image_config(directory: &Path) -> Result<ImageConfig> {
    let usual = ImageConfig::imagenet(RESIZE, CROP);
    let Some(pretrained) = stored(directory)?.and_then(|value| value.get("pretrained_cfg").cloned()) else {
        return ImageConfig::read(directory, usual);
    };
    let malformed =
        |reason: String| Error::malformed(directory.join("config.json"), format!("pretrained_cfg: {reason}"));
    let pretrained: Pretrained = serde_json::from_value(pretrained).map_err(|error| malformed(error.to_string()))?;
    let size = pretrained.input_size.map_or(CROP, |[_, height, _]| height);
    let share = pretrained.crop_pct.unwrap_or(CROP as f64 / RESIZE as f64);
    if size == 0 || !(0.1..=1.0).contains(&share) {
        return Err(malformed(format!("a middle of {size} pixels that is {share} of the image")));
    }
    let (mean, deviation) = usual.normalize.unwrap_or(([0.0; 3], [1.0; 3]));
    Ok(ImageConfig {
        // As timm computes it, rounded down.
        resize: Some(Resize::ShortestEdge((size as f64 / share) as usize)),
        crop: Some((size, size)),
        normalize: Some((pretrained.mean.unwrap_or(mean), pretrained.std.unwrap_or(deviation))),
        filter: match pretrained.interpolation.as_deref() {
            None | Some("bilinear") => Filter::Bilinear,
            Some("bicubic") => Filter::Bicubic,
            Some(other) => return Err(malformed(format!("interpolation `{other}` is not supported"))),
        },
        ..usual
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn torchvisions_second_recipe_is_read_from_timms_configuration() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(image_config(folder.path()).unwrap().resize, Some(Resize::ShortestEdge(256)));
        let config = json!({"architecture": "resnet50", "num_features": 2048, "pretrained_cfg": {"tag": "tv2_in1k",
            "input_size": [3, 224, 224], "interpolation": "bilinear", "crop_pct": 0.965}});
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        assert_eq!(image_config(folder.path()).unwrap().resize, Some(Resize::ShortestEdge(232)));
        assert_eq!(ResNetConfig::read(folder.path()).unwrap(), ResNetConfig::torchvision([3, 4, 6, 3]));
    }

    #[test]
    fn other_models_are_named() {
        for (config, word) in [
            (json!({"model_type": "vit"}), "`vit`"),
            (json!({"architecture": "resnet18"}), "`resnet18`"),
            (json!({"model_type": "resnet", "layer_type": "basic"}), "`basic`"),
            (json!({"model_type": "resnet", "depths": [1]}), "stages"),
            (json!({}), "model_type"),
        ] {
            let error = ResNetConfig::from_value(&config).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
