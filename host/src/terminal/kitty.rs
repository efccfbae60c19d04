//! The kitty graphics protocol: raw pixels as base64, in pieces of at most 4096 characters.

use image::RgbImage;
use std::fmt::Write;

/// The escape sequences that show the picture at the cursor.
pub fn encoded(picture: &RgbImage) -> String {
    let text = base64(picture.as_raw());
    let mut out = String::new();
    let mut head = format!("a=T,f=24,s={},v={},", picture.width(), picture.height());
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(4096).collect();
    for (place, piece) in pieces.iter().enumerate() {
        let more = u8::from(place + 1 < pieces.len());
        let _ = write!(out, "\x1b_G{head}m={more};{}\x1b\\", String::from_utf8_lossy(piece));
        head.clear();
    }
    out + "\n"
}

/// RFC 4648's base64, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let of = |text: &str| base64(text.as_bytes());
        assert_eq!([of(""), of("f"), of("fo"), of("foo"), of("foobar")], ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYmFy"]);
    }

    #[test]
    fn a_long_picture_comes_in_pieces_the_last_of_which_says_so() {
        let out = encoded(&RgbImage::new(100, 50));
        assert_eq!(out.matches("m=1;").count(), 4);
        assert_eq!(out.matches("m=0;").count(), 1);
    }
}
