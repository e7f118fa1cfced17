//! The name, logo and colors of the pages.

use super::assets::{self, Asset};
use crate::config::{Accent, BrandConfig, Config, DEFAULT_PRODUCT_NAME, Logo, LogoKind, Shades};

/// Aspect ratio from which a logo counts as a wordmark, which contains the name.
const WORDMARK_RATIO: f64 = 2.0;
/// In CSS pixels.
const LOGO_HEIGHT: f64 = 48.0;
/// Fits a narrow window, in CSS pixels; a wider logo is shown less high.
const LOGO_MAX_WIDTH: f64 = 240.0;

/// The name and look of the pages.
pub struct Brand {
    /// The service's name.
    pub name: String,
    /// The logo that replaces the default one.
    pub logo: Option<LogoImage>,
    /// The help page.
    pub help_url: Option<String>,
    /// The privacy policy.
    pub privacy_url: Option<String>,
    /// The stylesheet with the configured accent. It is one file, so the content security policy needs no exception.
    style: Option<Asset>,
}

/// The logo as the pages show it.
pub struct LogoImage {
    /// The image file.
    pub asset: Asset,
    /// Whether it contains the name, which then appears nowhere else.
    pub is_wordmark: bool,
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
}

impl Brand {
    /// Takes the settings and logs when the accent was adjusted for contrast.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let BrandConfig { logo, accent, help_url, privacy_url } = &config.brand;
        if let Some(adjustment) = accent.and_then(|accent| accent.adjustment()) {
            tracing::info!("{adjustment}");
        }
        Self {
            name: config.product_name.clone(),
            logo: logo.as_ref().map(LogoImage::new),
            help_url: help_url.clone(),
            privacy_url: privacy_url.clone(),
            style: accent.map(|accent| assets::stylesheet_with(&accent_rules(&accent))),
        }
    }

    /// The stylesheet's address.
    #[must_use]
    pub fn stylesheet(&self) -> &str {
        match &self.style {
            Some(style) => &style.href,
            None => assets::stylesheet(),
        }
    }

    /// The brand's asset with this address.
    pub(super) fn find(&self, href: &str) -> Option<&Asset> {
        let logo = self.logo.as_ref().map(|logo| &logo.asset);
        [self.style.as_ref(), logo].into_iter().flatten().find(|asset| asset.href == href)
    }
}

impl Default for Brand {
    fn default() -> Self {
        let name = DEFAULT_PRODUCT_NAME.to_owned();
        Self { name, logo: None, help_url: None, privacy_url: None, style: None }
    }
}

impl LogoImage {
    fn new(logo: &Logo) -> Self {
        let width = (LOGO_HEIGHT * logo.ratio).clamp(1.0, LOGO_MAX_WIDTH);
        let height = (width / logo.ratio).clamp(1.0, LOGO_HEIGHT);
        let file = match logo.kind {
            LogoKind::Svg => "logo.svg",
            LogoKind::Png => "logo.png",
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 240")]
        let whole = |pixels: f64| pixels.round() as u32;
        Self {
            asset: assets::build(file, logo.bytes.clone()).expect("SVG and PNG have a media type"),
            is_wordmark: logo.ratio >= WORDMARK_RATIO,
            width: whole(width),
            height: whole(height),
        }
    }
}

/// Rules that override the stylesheet's colors.
fn accent_rules(accent: &Accent) -> String {
    let root = |shades: &Shades| {
        format!(
            ":root{{--accent:{};--accent-strong:{};--on-accent:{};--notice-fill:{}}}",
            shades.accent, shades.accent_strong, shades.on_accent, shades.notice_fill
        )
    };
    format!("{}@media (prefers-color-scheme:dark){{{}}}\n", root(&accent.light), root(&accent.dark))
}
