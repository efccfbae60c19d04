//! The network up to the mean over all pixels.

use crate::config::{Layout, ResNetConfig};
use nn::layers::{Activation, BatchNorm, Convolution, ConvolutionShape, max_pool, mean_pixels};
use nn::weights::{Checkpoint, Expected, Loader};
use nn::{Placement, Result, Tensor, TensorData};
use std::path::Path;

/// torch's default.
const EPSILON: f64 = 1e-5;

/// A ResNet on a device.
pub struct ResNet {
    stem: Convolution,
    blocks: Vec<Block>,
    placement: Placement,
}

struct Block {
    convolutions: [Convolution; 3],
    shortcut: Option<Convolution>,
}

impl ResNet {
    /// Loads the weights of a directory.
    ///
    /// # Errors
    /// The files are missing or damaged, or their tensors are not those of the configuration; every such tensor is named.
    pub fn load(directory: &Path, config: &ResNetConfig, placement: &Placement) -> Result<ResNet> {
        let checkpoint = Checkpoint::open(directory)?;
        Self::expected(config)?.check(&checkpoint)?;
        Loader::from_files(checkpoint, placement).build(|loader| Self::build(loader, config))
    }

    /// The network with weights that mean nothing, for measuring.
    ///
    /// # Errors
    /// The device cannot hold it in its number format.
    pub fn random(config: &ResNetConfig, placement: &Placement) -> Result<ResNet> {
        Loader::random(0, placement).build(|loader| Self::build(loader, config))
    }

    /// The tensors that a configuration has.
    ///
    /// # Errors
    /// None that a valid configuration leads to.
    pub fn expected(config: &ResNetConfig) -> Result<Expected> {
        Loader::expected(|loader| Self::build(loader, config))
    }

    fn build(loader: &Loader, config: &ResNetConfig) -> Result<ResNet> {
        let names = Names(config.layout);
        let head = names.head();
        loader.note_copy(&format!("{head}.weight"));
        loader.note_copy(&format!("{head}.bias"));
        let stem = ConvolutionShape { inputs: 3, outputs: config.stem, kernel: 7, stride: 2 };
        let mut places = Vec::new();
        let mut inputs = config.stem;
        for (stage, (&outputs, &depth)) in config.widths.iter().zip(&config.depths).enumerate() {
            for block in 0..depth {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                places.push((stage, block, inputs, outputs, stride));
                inputs = outputs;
            }
        }
        Ok(ResNet {
            stem: names.convolution(loader, names.stem(), stem)?,
            blocks: places
                .into_iter()
                .map(|(stage, block, inputs, outputs, stride)| {
                    Block::load(loader, &names, (stage, block), inputs, outputs, stride)
                })
                .collect::<Result<_>>()?,
            placement: loader.placement().clone(),
        })
    }

    /// Pixel values `[rows, 3, height, width]`, row-major, to `[rows, features]`.
    pub fn features(&self, pixels: Vec<f32>, [rows, height, width]: [usize; 3]) -> Tensor<2> {
        let data = TensorData::new(pixels, [rows, 3, height, width]);
        let pixels = Tensor::<4>::from_data(data, (&self.placement.device, self.placement.dtype));
        let mut x = max_pool(Activation::Relu.apply(self.stem.forward(pixels)), 3, 2);
        for block in &self.blocks {
            x = block.forward(x);
        }
        mean_pixels(x)
    }
}

impl Block {
    fn load(
        loader: &Loader,
        names: &Names,
        place: (usize, usize),
        inputs: usize,
        outputs: usize,
        stride: usize,
    ) -> Result<Block> {
        let inner = outputs / 4;
        let shapes = [
            ConvolutionShape { inputs, outputs: inner, kernel: 1, stride: 1 },
            // The stride stands here and not in the first, as in torchvision's "ResNet 1.5".
            ConvolutionShape { inputs: inner, outputs: inner, kernel: 3, stride },
            ConvolutionShape { inputs: inner, outputs, kernel: 1, stride: 1 },
        ];
        let part = |number: usize| names.convolution(loader, names.part(place, number), shapes[number]);
        let shortcut = ConvolutionShape { inputs, outputs, kernel: 1, stride };
        Ok(Block {
            convolutions: [part(0)?, part(1)?, part(2)?],
            shortcut: if inputs != outputs || stride != 1 {
                Some(names.convolution(loader, names.shortcut(place), shortcut)?)
            } else {
                None
            },
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [reduce, middle, expand] = &self.convolutions;
        let inner = Activation::Relu.apply(reduce.forward(x.clone()));
        let inner = Activation::Relu.apply(middle.forward(inner));
        let straight = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x),
            None => x,
        };
        Activation::Relu.apply(expand.forward(inner) + straight)
    }
}

/// The tensors' names. A convolution and its normalisation are named together.
struct Names(Layout);

impl Names {
    fn stem(&self) -> [String; 2] {
        match self.0 {
            Layout::Torchvision => ["conv1".into(), "bn1".into()],
            Layout::HuggingFace => pair("resnet.embedder.embedder"),
        }
    }

    fn part(&self, (stage, block): (usize, usize), number: usize) -> [String; 2] {
        match self.0 {
            Layout::Torchvision => {
                let block = format!("layer{}.{block}", stage + 1);
                [format!("{block}.conv{}", number + 1), format!("{block}.bn{}", number + 1)]
            }
            Layout::HuggingFace => pair(&format!("resnet.encoder.stages.{stage}.layers.{block}.layer.{number}")),
        }
    }

    fn shortcut(&self, (stage, block): (usize, usize)) -> [String; 2] {
        match self.0 {
            Layout::Torchvision => {
                let block = format!("layer{}.{block}.downsample", stage + 1);
                [format!("{block}.0"), format!("{block}.1")]
            }
            Layout::HuggingFace => pair(&format!("resnet.encoder.stages.{stage}.layers.{block}.shortcut")),
        }
    }

    fn head(&self) -> &'static str {
        match self.0 {
            Layout::Torchvision => "fc",
            Layout::HuggingFace => "classifier.1",
        }
    }

    fn convolution(
        &self,
        loader: &Loader,
        [convolution, norm]: [String; 2],
        shape: ConvolutionShape,
    ) -> Result<Convolution> {
        let norm = BatchNorm::load(&loader.at(&norm), shape.outputs, EPSILON)?;
        Convolution::load(&loader.at(&convolution), shape, norm)
    }
}

fn pair(part: &str) -> [String; 2] {
    [format!("{part}.convolution"), format!("{part}.normalization")]
}
