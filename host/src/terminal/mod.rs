//! Pictures in a terminal, by the protocols that terminals have for them: kitty's and sixel. Which one a terminal knows is read from its
//! environment; asking the terminal itself would need its input.

mod kitty;
mod sixel;

use crate::catalogue::Decoded;
use image::imageops::{FilterType, resize};

/// How a terminal takes pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    Kitty,
    Sixel,
    /// Not at all.
    None,
}

/// The longer side of a shown picture, in pixels.
const SIDE: u32 = 360;

impl Protocol {
    /// From the environment of a terminal. Others are not known to take pictures.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Protocol {
        let term = variable("TERM").unwrap_or_default();
        let program = variable("TERM_PROGRAM").unwrap_or_default();
        if variable("TMUX").is_some() {
            return Protocol::None;
        }
        if term.contains("kitty") || variable("KITTY_WINDOW_ID").is_some() || program == "ghostty" {
            return Protocol::Kitty;
        }
        let sixel = ["sixel", "foot", "mlterm", "yaft", "contour"].iter().any(|known| term.contains(known));
        if sixel || program == "WezTerm" { Protocol::Sixel } else { Protocol::None }
    }

    /// What to print for the picture; none if the terminal takes none.
    pub fn shown(self, picture: &Decoded) -> Option<String> {
        let whole = image::RgbImage::from_raw(picture.width, picture.height, picture.rgb.clone())?;
        let longer = picture.width.max(picture.height).max(SIDE);
        let scaled = |side: u32| (u64::from(side) * u64::from(SIDE) / u64::from(longer)).max(1) as u32;
        let small = resize(&whole, scaled(picture.width), scaled(picture.height), FilterType::Triangle);
        match self {
            Protocol::Kitty => Some(kitty::encoded(&small)),
            Protocol::Sixel => Some(sixel::encoded(&small)),
            Protocol::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_tells_the_protocol() {
        let of = |pairs: &[(&str, &str)]| {
            let find = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            Protocol::of_environment(find)
        };
        assert_eq!(of(&[("TERM", "xterm-kitty")]), Protocol::Kitty);
        assert_eq!(of(&[("TERM", "foot")]), Protocol::Sixel);
        assert_eq!(of(&[("TERM", "xterm-256color")]), Protocol::None);
        assert_eq!(of(&[("TERM", "xterm-kitty"), ("TMUX", "1")]), Protocol::None);
    }

    #[test]
    fn a_large_picture_is_shown_small() {
        let picture = Decoded { width: 1440, height: 720, rgb: vec![9; 1440 * 720 * 3] };
        assert!(Protocol::Kitty.shown(&picture).unwrap().starts_with("\x1b_Ga=T,f=24,s=360,v=180,"));
        assert!(Protocol::Sixel.shown(&picture).unwrap().contains("\"1;1;360;180"));
        assert_eq!(Protocol::None.shown(&picture), None);
    }
}
