//! The list of errors in the settings, which are all reported at once.

use super::ConfigError;
use super::setting_row::SettingInfo;

/// Characters of a rejected value that an error shows.
const MAX_SHOWN: usize = 80;

/// The errors found so far: `NAME=value: hint`, or `NAME: hint` if the value is absent or may contain a password.
#[derive(Default)]
pub(super) struct SettingErrors(Vec<String>);

impl SettingErrors {
    /// Adds an error. A value that may contain a password is left out.
    pub fn push(&mut self, setting: &SettingInfo, value: Option<&str>, hint: &str) {
        let name = setting.name;
        self.0.push(match value.filter(|_| setting.is_shown()) {
            Some(value) => format!("{name}={}: {hint}", value.chars().take(MAX_SHOWN).collect::<String>()),
            None => format!("{name}: {hint}"),
        });
    }

    /// The value, if there are no errors.
    pub fn into_result<T>(self, value: T) -> Result<T, ConfigError> {
        if self.0.is_empty() { Ok(value) } else { Err(ConfigError(self.0)) }
    }
}
