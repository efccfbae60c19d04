//! NumPy's format, as far as features need it: matrices and vectors of f32, little-endian, in rows.

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

/// Reads a header and leaves the reader where the numbers begin.
///
/// # Errors
/// It is no header, or not one of f32 in rows.
pub fn read_header(path: &Path, reader: impl std::io::Read) -> Result<Vec<usize>> {
    let wrong = |reason: String| Error::usage(format!("{}: {reason}", path.display()));
    let header = npyz::NpyHeader::from_reader(reader).map_err(|error| wrong(format!("not an .npy file: {error}")))?;
    let kind = header.dtype().descr();
    if kind != "'<f4'" {
        return Err(wrong(format!("it holds {kind}; features are f32 ('<f4')")).help("convert it: x.astype('float32')"));
    }
    if header.order() != npyz::Order::C && header.shape().len() > 1 {
        return Err(wrong("it is stored by columns".to_owned()).help("convert it: numpy.ascontiguousarray(x)"));
    }
    Ok(header.shape().iter().map(|length| *length as usize).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_sizes_are_equally_long_and_read_back() {
        for shape in [&[1][..], &[0, 1], &[105_542, 24_576], &[123_456_789_012, 99_999_999]] {
            let bytes = header(shape).unwrap();
            assert_eq!(read_header(Path::new("x.npy"), &bytes[..]).unwrap(), shape);
        }
        assert!(read_header(Path::new("x.npy"), &b"\x93NUMPX"[..]).is_err());
    }
}
