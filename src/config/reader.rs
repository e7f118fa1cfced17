//! The reader that parses settings one by one and collects their errors.

use std::env::VarError;

use zeroize::Zeroizing;

use super::errors::SettingErrors;
use super::setting_row::{DefaultValue, Setting, SettingInfo, Source};
use super::values::url_has_password;
use super::{ConfigError, Settings};

/// Looks up an environment variable, as [`std::env::var`] does.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Result<String, VarError>;

/// Parses settings and collects their errors, which are reported at once.
pub(super) struct SettingReader<'a> {
    settings: &'a Settings,
    environment: Environment<'a>,
    errors: SettingErrors,
}

impl<'a> SettingReader<'a> {
    pub fn new(settings: &'a Settings, environment: Environment<'a>) -> Self {
        Self { settings, environment, errors: SettingErrors::default() }
    }

    /// The value, or the default if the setting is absent, empty or, with an error added, invalid.
    pub fn parse_or_default<T>(&mut self, setting: &Setting<T>) -> T {
        self.parse(setting).unwrap_or_else(|| {
            let DefaultValue::Text(text) = setting.info.default else {
                panic!("{} is read without a default value", setting.info.name)
            };
            (setting.parse)(text)
                .unwrap_or_else(|hint| panic!("the default of {} is invalid: {hint}", setting.info.name))
        })
    }

    /// The value; `None` if the setting is absent, empty or, with an error added, invalid.
    pub fn parse<T>(&mut self, setting: &Setting<T>) -> Option<T> {
        // An empty one comes from a variable that was not set where this one was. The default would be another database, or
        // no mail.
        if setting.info.source != Source::Flag && self.settings.is_empty(setting.info) {
            self.reject_empty(setting.info);
            return None;
        }
        let text = self.settings.get(setting.info)?;
        match setting.info.source {
            Source::HiddenFlag(instead) if self.settings.is_argument(setting.info) && url_has_password(text) => {
                let hint = format!(
                    "must not contain a password as an argument, which every user of this machine can read: set the environment variable, or use {instead}"
                );
                self.errors.push(setting.info, None, &hint);
                None
            }
            _ => self.parse_text(setting, text),
        }
    }

    /// The value in a text from another source than the settings.
    pub fn parse_text<T>(&mut self, setting: &Setting<T>, text: &str) -> Option<T> {
        let parsed = (setting.parse)(text);
        parsed.map_err(|hint| self.errors.push(setting.info, Some(text), &hint)).ok()
    }

    /// The text of a secret, from the environment or from a file.
    pub fn secret<T>(&mut self, secret: &Setting<T>, file: &Setting<Zeroizing<String>>) -> Option<Zeroizing<String>> {
        let from_environment = match (self.environment)(secret.info.name) {
            // Without it, tokens would be signed with a key pair instead.
            Ok(text) if text.trim().is_empty() => {
                self.reject_empty(secret.info);
                None
            }
            Ok(text) => Some(Zeroizing::new(text)),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(_)) => {
                // Ignoring it would leave an admin believing that it is in use.
                self.reject(
                    secret.info,
                    "is not UTF-8 text: encode it, for example as the output of `openssl rand -base64 48`",
                );
                None
            }
        };
        if self.settings.is_empty(file.info) {
            self.reject_empty(file.info);
        }
        if from_environment.is_some() && self.is_set(file.info) {
            let hint = format!("cannot be used together with {}: unset one of them", secret.info.name);
            self.reject(file.info, &hint);
        }
        self.parse(file).or(from_environment)
    }

    fn reject_empty(&mut self, setting: &SettingInfo) {
        self.reject(setting, "is set but empty: give it a value, or remove it");
    }

    /// Whether the setting has a value, valid or not.
    pub fn is_set(&self, setting: &SettingInfo) -> bool {
        self.settings.get(setting).is_some()
    }

    /// Adds an error about a value that does not fit the other settings.
    pub fn reject(&mut self, setting: &SettingInfo, hint: &str) {
        let default = match setting.default {
            DefaultValue::Text(text) => Some(text),
            DefaultValue::Described(_) => None,
        };
        self.errors.push(setting, self.settings.get(setting).or(default), hint);
    }

    /// The result, if there were no errors.
    pub fn into_result<T>(self, value: T) -> Result<T, ConfigError> {
        self.errors.into_result(value)
    }
}
