//! NumPy's format, as far as features need it: matrices and vectors, little-endian, in rows; written as f32, read as that and f64 and bytes.

use crate::error::{Error, Result};
use npyz::WriterBuilder;
use std::path::Path;

/// Bytes before the numbers: the same for any shape that fits a disk, so that the header can be written last.
pub const HEADER: u64 = 128;

/// The header of an array of that shape.
///
/// # Errors
/// None that a shape of one or two dimensions leads to.
pub fn header(shape: &[usize]) -> Result<Vec<u8>> {
    let shape: Vec<u64> = shape.iter().map(|length| *length as u64).collect();
    let mut bytes = Vec::with_capacity(HEADER as usize);
    let begun = npyz::WriteOptions::<f32>::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd();
    begun.map(drop).map_err(|error| Error::failed(format!("cannot write a header for {shape:?}: {error}")))?;
    match bytes.len() as u64 {
        HEADER => Ok(bytes),
        other => Err(Error::failed(format!("a header for {shape:?} has {other} bytes instead of {HEADER}"))),
    }
}

/// Numbers as they stand in the file.
pub fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// How numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    F32,
    F64,
    /// Bytes, or truth values.
    U8,
}

impl Kind {
    /// Bytes a number.
    pub fn size(self) -> usize {
        match self {
            Kind::F32 => 4,
            Kind::F64 => 8,
            Kind::U8 => 1,
        }
    }

    /// Adds the numbers of some bytes to `out`.
    pub fn numbers(self, bytes: &[u8], out: &mut Vec<f32>) {
        match self {
            Kind::F32 => out.extend(bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word))),
            Kind::F64 => out.extend(bytes.as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word) as f32)),
            Kind::U8 => out.extend(bytes.iter().copied().map(f32::from)),
        }
    }
}

/// Reads a header, the shape and the kind of numbers, and leaves the reader where the numbers begin.
///
/// # Errors
/// It is no header, or one of numbers that are not stored in rows or are of another kind.
pub fn read_header(path: &Path, reader: impl std::io::Read) -> Result<(Vec<usize>, Kind)> {
    let wrong = |reason: String| Error::usage(format!("{}: {reason}", path.display()));
    let header = npyz::NpyHeader::from_reader(reader).map_err(|error| wrong(format!("not an .npy file: {error}")))?;
    let stored = header.dtype().descr();
    let kind = match stored.trim_matches('\'') {
        "<f4" => Kind::F32,
        "<f8" => Kind::F64,
        "|u1" | "|b1" => Kind::U8,
        _ => {
            return Err(wrong(format!("it holds {stored}; features are f32 ('<f4') or f64"))
                .help("convert it: x.astype('float32')"));
        }
    };
    if header.order() != npyz::Order::C && header.shape().len() > 1 {
        return Err(wrong("it is stored by columns".to_owned()).help("convert it: numpy.ascontiguousarray(x)"));
    }
    Ok((header.shape().iter().map(|length| *length as usize).collect(), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_sizes_are_equally_long_and_read_back() {
        for shape in [&[1][..], &[0, 1], &[105_542, 24_576], &[123_456_789_012, 99_999_999]] {
            let bytes = header(shape).unwrap();
            assert_eq!(read_header(Path::new("x.npy"), &bytes[..]).unwrap(), (shape.to_vec(), Kind::F32));
        }
        assert!(read_header(Path::new("x.npy"), &b"\x93NUMPX"[..]).is_err());
    }
}
