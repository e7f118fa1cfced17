//! Under whose name and with what looks the pages appear, from the settings. The accent is merged into the one stylesheet, so that the
//! policy stays as strict as it is without. What may not live here: words (`locales/`), and colours that follow from the accent (`config`).

use super::assets::{self, Asset};
use crate::config::{Accent, BrandConfig, Config, DEFAULT_PRODUCT_NAME, Logo, LogoKind, Shades};

/// A logo at least so many times as wide as high holds the name already.
const WORDMARK_RATIO: f64 = 2.0;
/// How high a logo is, unless that would make it too wide for a narrow window, in CSS pixels.
const LOGO_HEIGHT: f64 = 48.0;
const LOGO_MAX_WIDTH: f64 = 240.0;

/// What pages call themselves, and how they look.
pub struct Brand {
    /// The service's name.
    pub name: String,
    /// The logo, in the place of the arch.
    pub logo: Option<LogoImage>,
    /// Where people find help.
    pub help_url: Option<String>,
    /// Where it says what the service does with personal data.
    pub privacy_url: Option<String>,
    /// The stylesheet with another accent.
    style: Option<Asset>,
}

/// The logo as pages show it.
pub struct LogoImage {
    /// The picture.
    pub asset: Asset,
    /// Whether it holds the name, which then stands nowhere else.
    pub is_wordmark: bool,
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
}

impl Brand {
    /// From the settings.
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
            style: accent.map(|accent| assets::style_with(&rules(&accent))),
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

    /// The brand's own file at an address.
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
            asset: assets::make(file, logo.bytes.clone()).expect("these endings are known"),
            is_wordmark: logo.ratio >= WORDMARK_RATIO,
            width: whole(width),
            height: whole(height),
        }
    }
}

/// What goes behind the stylesheet's own colours, and so before them.
fn rules(accent: &Accent) -> String {
    let root = |shades: &Shades| {
        format!(
            ":root{{--accent:{};--accent-strong:{};--on-accent:{};--notice-fill:{}}}",
            shades.accent, shades.accent_strong, shades.on_accent, shades.notice_fill
        )
    };
    format!("{}@media (prefers-color-scheme:dark){{{}}}\n", root(&accent.light), root(&accent.dark))
}
