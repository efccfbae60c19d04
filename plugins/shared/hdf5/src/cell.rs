//! One value of a column as text: padded byte strings, variable-length strings and numbers of any width.

use hdf5_reader::error::{Error, Result};
use hdf5_reader::{ByteOrder, Dataset, Datatype, H5Type, StringEncoding, StringSize, dtype_element_size};

/// The stored bytes of one value.
#[derive(Clone)]
pub struct Cell(Vec<u8>);

impl H5Type for Cell {
    fn hdf5_type() -> Datatype {
        u8::hdf5_type()
    }

    fn from_bytes(bytes: &[u8], _: &Datatype) -> Result<Cell> {
        Ok(Cell(bytes.to_vec()))
    }

    fn element_size(datatype: &Datatype) -> usize {
        dtype_element_size(datatype).unwrap_or(0)
    }
}

/// The value as text, by the column's type.
pub fn text(Cell(bytes): Cell, dataset: &Dataset) -> Result<String> {
    match dataset.dtype() {
        Datatype::String { size: StringSize::Fixed(_), encoding, .. } => Ok(decode(bytes, encoding)),
        Datatype::String { size: StringSize::Variable, encoding, .. } | Datatype::VarLen { encoding, .. } => {
            // The address 0 stands for a string that was never written.
            let written = bytes.iter().any(|byte| *byte != 0);
            let bytes = if written { dataset.resolve_vlen_reference_bytes(&bytes, 1)? } else { Vec::new() };
            Ok(decode(bytes, encoding))
        }
        Datatype::FixedPoint { signed, byte_order, .. } => integer(&bytes, *signed, *byte_order),
        Datatype::FloatingPoint { byte_order, .. } => float(&bytes, *byte_order),
        other => Err(Error::InvalidData(format!("neither text nor a number: {other:?}"))),
    }
}

/// FashionGen's descriptions are latin-1 in a type that says ASCII; numpy's are UTF-8 only in a type that says so.
fn decode(mut bytes: Vec<u8>, encoding: &StringEncoding) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(end);
    let latin1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    let text = match encoding {
        StringEncoding::Utf8 => String::from_utf8(bytes).unwrap_or_else(|error| latin1(error.as_bytes())),
        StringEncoding::Ascii => latin1(&bytes),
    };
    text.trim().to_owned()
}

/// From the lowest byte to the highest.
fn little_endian(bytes: &[u8], order: ByteOrder) -> Vec<u8> {
    match order {
        ByteOrder::LittleEndian => bytes.to_vec(),
        ByteOrder::BigEndian => bytes.iter().rev().copied().collect(),
    }
}

fn integer(bytes: &[u8], signed: bool, order: ByteOrder) -> Result<String> {
    let bytes = little_endian(bytes, order);
    let negative = signed && bytes.last().is_some_and(|high| high & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    wide.get_mut(..bytes.len())
        .ok_or_else(|| Error::InvalidData(format!("an integer of {} bytes", bytes.len())))?
        .copy_from_slice(&bytes);
    Ok(i128::from_le_bytes(wide).to_string())
}

fn float(bytes: &[u8], order: ByteOrder) -> Result<String> {
    let bytes = little_endian(bytes, order);
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Ok(f32::from_le_bytes(bytes).to_string());
    }
    match <[u8; 8]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ok(f64::from_le_bytes(bytes).to_string()),
        Err(_) => Err(Error::InvalidData(format!("a number of {} bytes", bytes.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ByteOrder::{BigEndian, LittleEndian};

    #[test]
    fn integers_of_every_width_sign_and_byte_order_are_written_in_decimal() {
        assert_eq!(integer(&(-2i8).to_le_bytes(), true, LittleEndian).unwrap(), "-2");
        assert_eq!(integer(&254u8.to_le_bytes(), false, LittleEndian).unwrap(), "254");
        assert_eq!(integer(&(-300i16).to_be_bytes(), true, BigEndian).unwrap(), "-300");
        assert_eq!(integer(&i64::MIN.to_le_bytes(), true, LittleEndian).unwrap(), "-9223372036854775808");
        assert_eq!(integer(&u64::MAX.to_be_bytes(), false, BigEndian).unwrap(), "18446744073709551615");
        assert!(integer(&[0; 17], false, LittleEndian).is_err());
    }

    #[test]
    fn floats_are_written_in_their_shortest_form() {
        assert_eq!(float(&126.25f32.to_le_bytes(), LittleEndian).unwrap(), "126.25");
        assert_eq!(float(&0.1f32.to_be_bytes(), BigEndian).unwrap(), "0.1");
        assert_eq!(float(&(-0.1f64).to_le_bytes(), LittleEndian).unwrap(), "-0.1");
        assert_eq!(float(&101f32.to_le_bytes(), LittleEndian).unwrap(), "101");
        assert!(float(&[0; 2], LittleEndian).is_err());
    }

    #[test]
    fn bytes_are_latin_1_unless_the_type_says_utf_8_and_they_are() {
        assert_eq!(decode(b"caf\xe9 \xa350\0\0".to_vec(), &StringEncoding::Ascii), "café £50");
        assert_eq!(decode("café\0".as_bytes().to_vec(), &StringEncoding::Utf8), "café");
        assert_eq!(decode(b"caf\xe9".to_vec(), &StringEncoding::Utf8), "café");
        assert_eq!(decode(b"  padded by spaces   ".to_vec(), &StringEncoding::Ascii), "padded by spaces");
        assert_eq!(decode(vec![0; 8], &StringEncoding::Ascii), "");
    }
}
