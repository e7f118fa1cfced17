//! The settings on branding: logo, accent color, and links to help and the privacy policy.

use std::fs::File;
use std::io::Read as _;

use url::Url;

use super::accent::Accent;
use super::reader::SettingReader;
use super::table::{ACCENT_COLOR, HELP_URL, LOGO_FILE, PRIVACY_URL};
use super::values::unreadable;

/// The largest logo file, since the first visit to a page loads it.
const MAX_LOGO_BYTES: usize = 64 * 1024;

/// The branding of pages and emails, apart from the product name.
#[derive(Clone, Debug, Default)]
pub struct BrandConfig {
    /// The logo, if it is not the default one.
    pub logo: Option<Logo>,
    /// The accent color, if it is not the default one.
    pub accent: Option<Accent>,
    /// The link to help: https or mailto.
    pub help_url: Option<String>,
    /// The link to the privacy policy: https.
    pub privacy_url: Option<String>,
}

/// A logo whose content was checked.
#[derive(Clone)]
pub struct Logo {
    /// The file type, determined by the content.
    pub kind: LogoKind,
    /// The content of the file.
    pub bytes: Vec<u8>,
    /// The width divided by the height.
    pub ratio: f64,
}

/// The file type of a logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoKind {
    /// Scalable Vector Graphics.
    Svg,
    /// Portable Network Graphics.
    Png,
}

impl std::fmt::Debug for Logo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} of {} bytes", self.kind, self.bytes.len())
    }
}

pub(super) fn read_brand(reader: &mut SettingReader<'_>) -> BrandConfig {
    BrandConfig {
        logo: reader.parse(&LOGO_FILE),
        accent: reader.parse(&ACCENT_COLOR),
        help_url: reader.parse(&HELP_URL),
        privacy_url: reader.parse(&PRIVACY_URL),
    }
}

pub(super) fn read_logo(path: &str) -> Result<Logo, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    // One byte over the limit is enough to reject a file of any size.
    file.take(MAX_LOGO_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() > MAX_LOGO_BYTES {
        return Err(format!("is larger than {} KiB: use a smaller file", MAX_LOGO_BYTES / 1024));
    }
    let found = png_ratio(&bytes).map(|ratio| (LogoKind::Png, ratio));
    let found = found.or_else(|| svg_ratio(&bytes).map(|ratio| (LogoKind::Svg, ratio)));
    let (kind, ratio) = found.ok_or_else(|| "is neither PNG nor SVG: convert it to one of them".to_owned())?;
    Ok(Logo { kind, bytes, ratio })
}

/// Width divided by height; `None` if the content is not a PNG (ISO/IEC 15948, 5.2 and 11.2.2).
fn png_ratio(bytes: &[u8]) -> Option<f64> {
    let size = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| f64::from(u32::from_be_bytes(*bytes)));
    ratio(number(size)?, number(size.get(4..)?)?)
}

/// Width divided by height; `None` if a browser would not render the content as an SVG. Scripts are not searched for:
/// browsers run none in images, and the content security policy of the file forbids them too.
fn svg_ratio(bytes: &[u8]) -> Option<f64> {
    let mut rest = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
    while !rest.starts_with("<svg") {
        let end = match rest.get(..4)? {
            "<!--" => "-->",
            start if start.starts_with("<?") || start.starts_with("<!") => ">",
            _ => return None,
        };
        rest = rest.split_once(end)?.1.trim_start();
    }
    let (tag, _) = rest.split_once('>')?;
    if !tag[4..].starts_with(char::is_whitespace) || !tag.contains("http://www.w3.org/2000/svg") {
        return None;
    }
    let attribute = |name: &str| -> Option<&str> {
        let (_, value) = tag.split_once(&format!(" {name}="))?;
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        value[1..].split(quote).next()
    };
    let from_view_box = || {
        let numbers: Vec<f64> =
            attribute("viewBox")?.split([' ', ',']).filter_map(|number| number.parse().ok()).collect();
        let [_, _, width, height] = numbers[..] else { return None };
        ratio(width, height)
    };
    let length = |name| attribute(name)?.trim_end_matches("px").parse().ok();
    let from_lengths = || ratio(length("width")?, length("height")?);
    from_view_box().or_else(from_lengths).or(Some(1.0))
}

fn ratio(width: f64, height: f64) -> Option<f64> {
    (width > 0.0 && height > 0.0).then_some(width / height).filter(|ratio| (0.01..=100.0).contains(ratio))
}

pub(super) fn help_url(text: &str) -> Result<String, String> {
    if let Some(address) = text.strip_prefix("mailto:") {
        // Parameters could add recipients or text.
        let is_valid = address.len() <= 254
            && address.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
            && address.chars().all(|c| c.is_ascii_graphic() && !"<>\"?&%,;\\".contains(c));
        return is_valid
            .then(|| text.to_owned())
            .ok_or_else(|| "must be mailto:NAME@DOMAIN without parameters".to_owned());
    }
    https_url(text).map_err(|_| "must be a URL such as https://help.example.com or mailto:help@example.com".to_owned())
}

pub(super) fn https_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && text.len() <= 2_048);
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    url.map(String::from).ok_or_else(|| "must be a URL such as https://www.example.com/privacy".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logo_type_is_determined_by_content() {
        let png = |width: u32, height: u32| {
            [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x06\0\0\0"]
                .concat()
        };
        assert_eq!(png_ratio(&png(200, 50)), Some(4.0));
        for bad in [&png(0, 50), &png(1, 4_000_000_000), &png(1, 1)[..20].to_vec(), &b"GIF89a".to_vec()] {
            assert_eq!(png_ratio(bad), None);
        }
        let xmlns = "xmlns=\"http://www.w3.org/2000/svg\"";
        for (text, expected) in [
            (format!("<svg {xmlns} viewBox=\"0 0 40 10\"/>"), Some(4.0)),
            (
                format!(
                    "\u{feff}<?xml version=\"1.0\"?>\n<!-- a > b --><!DOCTYPE svg>\n<svg\n {xmlns} viewBox='0,0,10,20'>"
                ),
                Some(0.5),
            ),
            (format!("<svg {xmlns} width=\"30px\" height=\"10\">"), Some(3.0)),
            (format!("<svg {xmlns} width=\"100%\" viewBox=\"x\">"), Some(1.0)),
            ("<svg viewBox=\"0 0 1 1\"/>".to_owned(), None),
            (format!("<svgx {xmlns}>"), None),
            (format!("<html><svg {xmlns}></html>"), None),
            ("<!-- ".to_owned(), None),
            ("<한글".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(svg_ratio(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(svg_ratio(b"\xff\xfe<svg"), None);
    }

    #[test]
    fn help_url_is_https_or_a_plain_mailto() {
        for good in ["https://help.example.com/?a=1", "mailto:help@example.com", "https://도움.example/"] {
            assert!(help_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://help.example.com",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "//help.example.com",
            "mailto:",
            "mailto:help",
            "mailto:a@b?bcc=c@d",
            "mailto:a@b\"onclick=x",
            "https://me:word@example.com",
            "https://",
            "/help",
        ] {
            assert!(help_url(bad).is_err(), "{bad}");
        }
        assert!(
            https_url("mailto:help@example.com").is_err()
                && https_url(&format!("https://a/{}", "b".repeat(2_048))).is_err()
        );
    }
}
