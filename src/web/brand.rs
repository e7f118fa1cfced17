//! Under whose name the pages appear, from the settings. What may not live here: words (`locales/`).

use crate::config::{Config, DEFAULT_PRODUCT_NAME};

/// What pages call themselves.
#[derive(Debug)]
pub struct Brand {
    /// The service's name.
    pub name: String,
}

impl Brand {
    /// From the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { name: config.product_name.clone() }
    }
}

impl Default for Brand {
    fn default() -> Self {
        Self { name: DEFAULT_PRODUCT_NAME.to_owned() }
    }
}
