//! Settings as text, before they are checked.

use std::collections::{BTreeMap, BTreeSet};

use super::setting_row::SettingInfo;
use super::table;

/// Settings as text, by name. Secrets are not among them: the check reads them from the environment.
#[derive(Clone, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, String>,
    /// The settings that were given as arguments, which every user of the machine can read.
    arguments: BTreeSet<&'static str>,
}

impl Settings {
    /// Sets a setting that has a flag, by the name of its environment variable. An empty value means the default.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let setting = table::ALL.iter().find(|setting| setting.name == name && setting.has_flag());
        let setting = setting.unwrap_or_else(|| panic!("{name} is not the name of a setting with a flag"));
        self.values.insert(setting.name, value.into());
    }

    /// Records that a setting was given as an argument.
    pub(super) fn mark_as_argument(&mut self, setting: &SettingInfo) {
        self.arguments.insert(setting.name);
    }

    /// Whether the setting was given as an argument.
    pub(super) fn is_argument(&self, setting: &SettingInfo) -> bool {
        self.arguments.contains(setting.name)
    }

    /// Whether the setting is present and empty.
    pub(super) fn is_empty(&self, setting: &SettingInfo) -> bool {
        self.values.get(setting.name).is_some_and(|value| value.trim().is_empty())
    }

    /// The trimmed value; `None` if it is absent or empty.
    pub(super) fn get(&self, setting: &SettingInfo) -> Option<&str> {
        self.values.get(setting.name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}
