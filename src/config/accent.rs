//! The accent color, and its variants for light and dark pages with enough text contrast (WCAG 2.2, 1.4.3).

use std::fmt;

/// The minimum contrast ratio of text to its background.
const MIN_CONTRAST: f64 = 4.5;
/// The backgrounds of light and dark pages in the stylesheet; a test compares them.
const LIGHT_PANEL: Rgb = Rgb([0xff, 0xff, 0xff]);
const DARK_PANEL: Rgb = Rgb([0x1b, 0x24, 0x20]);
const WHITE: Rgb = Rgb([255; 3]);
const BLACK: Rgb = Rgb([0; 3]);

/// An sRGB color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb([u8; 3]);

/// The colors derived from the accent for light or dark pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shades {
    /// Links, marks and the background of buttons.
    pub accent: Rgb,
    /// The accent under the pointer.
    pub accent_strong: Rgb,
    /// Text on either of them.
    pub on_accent: Rgb,
    /// Background of a notice, whose text has the page's text color or the accent.
    pub notice_fill: Rgb,
}

/// The accent color for all pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    /// The configured color.
    pub given: Rgb,
    /// Colors of light pages.
    pub light: Shades,
    /// Colors of dark pages.
    pub dark: Shades,
}

impl Accent {
    /// Parses `#rrggbb`. A color without enough contrast is accepted; pages use the nearest one that has it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let given = Rgb::parse(text).ok_or_else(|| "must be a color as #rrggbb, such as #0f5f4b".to_owned())?;
        Ok(Self { given, light: Shades::light(given), dark: Shades::dark(given) })
    }

    /// The log message if a page cannot use the configured color.
    #[must_use]
    pub fn adjustment(&self) -> Option<String> {
        let Self { given, light, dark } = self;
        let adjusted = |kind, used: Rgb| (used != *given).then(|| format!("{used} is used on {kind} pages"));
        let changed: Vec<String> =
            [adjusted("light", light.accent), adjusted("dark", dark.accent)].into_iter().flatten().collect();
        (!changed.is_empty()).then(|| format!("ACCENT_COLOR={given} has too little contrast: {}", changed.join(", ")))
    }
}

impl Shades {
    fn light(given: Rgb) -> Self {
        let fits = |accent: &Rgb| {
            let notice_fill = LIGHT_PANEL.mixed_with(*accent, 0.07);
            [LIGHT_PANEL, notice_fill].iter().all(|page| accent.contrast_with(*page) >= MIN_CONTRAST)
        };
        let accent = given.moved_towards(BLACK, fits);
        Self {
            accent,
            accent_strong: accent.mixed_with(BLACK, 0.25),
            on_accent: WHITE,
            notice_fill: LIGHT_PANEL.mixed_with(accent, 0.07),
        }
    }

    fn dark(given: Rgb) -> Self {
        let fits = |accent: &Rgb| {
            let notice_fill = DARK_PANEL.mixed_with(*accent, 0.1);
            [DARK_PANEL, notice_fill].iter().all(|page| accent.contrast_with(*page) >= MIN_CONTRAST)
        };
        let accent = given.moved_towards(WHITE, fits);
        Self {
            accent,
            accent_strong: accent.mixed_with(WHITE, 0.35),
            on_accent: accent.mixed_with(BLACK, 0.85),
            notice_fill: DARK_PANEL.mixed_with(accent, 0.1),
        }
    }
}

impl Rgb {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        // `from_str_radix` also accepts a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// The first color on the way to `end` that fits; `end` if none does.
    fn moved_towards(self, end: Self, fits: impl Fn(&Self) -> bool) -> Self {
        (0..=200_u8).map(|step| self.mixed_with(end, f64::from(step) / 200.0)).find(fits).unwrap_or(end)
    }

    /// A mix with `share` of another color, from 0 to 1.
    fn mixed_with(self, other: Self, share: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a value between two bytes fits a byte"
        )]
        let mix = |from: u8, to: u8| (f64::from(from) * (1.0 - share) + f64::from(to) * share).round() as u8;
        Self(std::array::from_fn(|channel| mix(self.0[channel], other.0[channel])))
    }

    /// The contrast ratio, from 1 to 21 (WCAG 2.2).
    fn contrast_with(self, other: Self) -> f64 {
        let [one, two] = [self.luminance(), other.luminance()];
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// The relative luminance, from 0 to 1 (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accent_gives_readable_text() {
        let [light_ink, dark_ink] = ["#17211d", "#e8efeb"].map(|text| Rgb::parse(text).expect("a color"));
        let steps = || (0..=255_u8).step_by(15);
        for given in
            steps().flat_map(|red| steps().flat_map(move |green| steps().map(move |blue| Rgb([red, green, blue]))))
        {
            let Accent { light, dark, .. } = Accent::parse(&given.to_string()).expect("a color");
            for (shades, panel, ink) in [(light, LIGHT_PANEL, light_ink), (dark, DARK_PANEL, dark_ink)] {
                for (text, background) in [
                    (shades.accent, panel),
                    (shades.accent, shades.notice_fill),
                    (shades.on_accent, shades.accent),
                    (shades.on_accent, shades.accent_strong),
                    (ink, shades.notice_fill),
                ] {
                    assert!(
                        text.contrast_with(background) >= MIN_CONTRAST,
                        "{given}: {text} on {background} of {shades:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn low_contrast_accent_is_adjusted_and_reported() {
        let navy = Accent::parse("#1F3FBF").expect("a color");
        assert_eq!((navy.light.accent.to_string(), navy.given == navy.light.accent), ("#1f3fbf".to_owned(), true));
        let message = navy.adjustment().expect("too dark for a dark page");
        assert!(message.contains("on dark pages") && !message.contains("on light pages"), "{message}");
        let yellow = Accent::parse("#ffdd00").expect("a color");
        let message = yellow.adjustment().expect("too pale for a light page");
        assert!(message.contains("on light pages") && !message.contains("on dark pages"), "{message}");
        assert!((WHITE.contrast_with(BLACK) - 21.0).abs() < 0.01);
        for text in ["", "#", "red", "#fff", "#12345g", "#+12345", "0f5f4b", "#0f5f4b;", "#0f5f4b ", "#１２３４５６"]
        {
            assert!(Accent::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn stylesheet_has_the_same_page_colors() {
        let style = include_str!("../../static/style.css");
        let (light, dark) = style.split_once("prefers-color-scheme: dark").expect("both");
        assert!(light.contains("--panel: #fff;") && light.contains("--ink: #17211d;"));
        assert!(dark.contains("--panel: #1b2420;") && dark.contains("--ink: #e8efeb;"));
    }
}
