//! The model file: a JSON header (sizes, inventory), then tensors row by row, each row with its scale: 8 bits a number for the
//! tables, 16 for the rest. The whole is deflated.

use super::run::Network;
use super::weights::{Inventory, Sizes, Tensor, Weights};
use serde::{Deserialize, Serialize};

const MAGIC: &[u8] = b"LBNN1";

/// Why a model cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the language model is damaged: {0}")]
pub struct ModelError(&'static str);

#[derive(Serialize, Deserialize)]
struct Header {
    sizes: Sizes,
    inventory: Inventory,
}

/// The bytes of a model file.
pub fn to_bytes(sizes: &Sizes, inventory: &Inventory, weights: &Weights) -> Vec<u8> {
    let header = Header { sizes: sizes.clone(), inventory: inventory.clone() };
    // Strings and numbers alone: this cannot fail.
    let header = serde_json::to_vec(&header).unwrap_or_default();
    let mut bytes = MAGIC.to_vec();
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header);
    for tensor in weights.tables() {
        write(tensor, 127.0, &mut bytes, |value, bytes| bytes.push(value as i8 as u8));
    }
    for tensor in weights.dense() {
        write(tensor, 32767.0, &mut bytes, |value, bytes| bytes.extend((value as i16).to_le_bytes()));
    }
    miniz_oxide::deflate::compress_to_vec(&bytes, 9)
}

fn write(tensor: &Tensor, steps: f32, bytes: &mut Vec<u8>, put: impl Fn(f32, &mut Vec<u8>)) {
    for row in tensor.values.chunks_exact(tensor.columns.max(1)) {
        let most = row.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let scale = most / steps;
        bytes.extend(scale.to_le_bytes());
        row.iter().for_each(|value| put(if scale > 0.0 { (value / scale).round() } else { 0.0 }, bytes));
    }
}

impl Network {
    /// Reads a model file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Network, ModelError> {
        let bytes = miniz_oxide::inflate::decompress_to_vec(bytes).map_err(|_| ModelError("not deflated"))?;
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(ModelError("no model file"))?;
        let short = ModelError("it ends early");
        let length = u32::from_le_bytes(*take(&mut rest).ok_or(short)?) as usize;
        let (header, tail) = rest.split_at_checked(length).ok_or(short)?;
        let header: Header = serde_json::from_slice(header).map_err(|_| ModelError("its header is not understood"))?;
        let mut rest = tail;
        let mut weights = Weights::zeros(&header.sizes, &header.inventory);
        for tensor in weights.tables_mut() {
            read(tensor, &mut rest, |rest| take::<1>(rest).map(|&[byte]| f32::from(byte as i8))).ok_or(short)?;
        }
        for tensor in weights.dense_mut() {
            read(tensor, &mut rest, |rest| take(rest).map(|&bytes| f32::from(i16::from_le_bytes(bytes))))
                .ok_or(short)?;
        }
        Network::new(header.sizes, header.inventory, weights).ok_or(ModelError("a lemma rule is not understood"))
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(taken)
}

fn read(tensor: &mut Tensor, rest: &mut &[u8], get: impl Fn(&mut &[u8]) -> Option<f32>) -> Option<()> {
    for row in tensor.values.chunks_exact_mut(tensor.columns.max(1)) {
        let scale = f32::from_le_bytes(*take(rest)?);
        for value in row {
            *value = get(rest)? * scale;
        }
    }
    Some(())
}
