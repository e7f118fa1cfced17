//! What is wrong with the settings, gathered so that all faults are told at once; and how a secret is read without being shown.
//! What may not live here: the settings (`parse.rs`).

use std::env::VarError;

use zeroize::Zeroizing;

use super::DatabaseSettings;
use crate::secret::ServerKey;

/// Every fault found so far, each with the setting's name, its value (never a secret's) and the mend.
#[derive(Default)]
pub(super) struct Faults(pub Vec<String>);

impl Faults {
    pub fn say(&mut self, name: &str, value: &str, mend: &str) {
        let shown: String = value.chars().take(80).collect();
        self.0.push(format!("{name}={shown}: {mend}"));
    }

    pub fn say_hidden(&mut self, name: &str, fault: &str) {
        self.0.push(format!("{name} {fault}"));
    }

    /// The value of a setting, or of its default when it is absent, empty or (with a fault noted) wrong.
    pub fn take<T>(
        &mut self,
        name: &str,
        value: Option<&str>,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.optional(name, value, &parse)
            .unwrap_or_else(|| parse(default).unwrap_or_else(|mend| panic!("the default of {name} parses: {mend}")))
    }

    pub fn optional<T>(
        &mut self,
        name: &str,
        value: Option<&str>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = value.map(str::trim).filter(|value| !value.is_empty())?;
        match parse(value) {
            Ok(parsed) => Some(parsed),
            Err(mend) => {
                // These URLs hold a password.
                if matches!(name, "DATABASE_URL" | "SMTP_URL") {
                    self.say_hidden(name, &mend);
                } else {
                    self.say(name, value, &mend);
                }
                None
            }
        }
    }
}

/// A secret from the environment, or from a file; never from an argument, which every user of the machine can read.
pub(super) fn read_secret(name: &str, file: Option<&str>, faults: &mut Faults) -> Option<Zeroizing<String>> {
    let from_environment = match std::env::var(name) {
        Ok(value) => Some(Zeroizing::new(value)).filter(|value| !value.is_empty()),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(_)) => {
            // Passed over in silence, it would leave an admin believing that it is in use.
            faults.say_hidden(
                name,
                "is not UTF-8 text: write it in base64, such as the output of `openssl rand -base64 48`",
            );
            None
        }
    };
    let Some(file) = file.filter(|file| !file.is_empty()) else { return from_environment };
    if from_environment.is_some() {
        faults.say(&format!("{name}_FILE"), file, &format!("unset it, or unset {name}: only one can be used"));
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => {
            faults.say(&format!("{name}_FILE"), file, &format!("name a file that can be read ({error})"));
            None
        }
    }
}

pub(super) fn read_server_key(settings: &DatabaseSettings, faults: &mut Faults) -> Option<ServerKey> {
    let text = read_secret("SERVER_KEY", settings.server_key_file.as_deref(), faults)?;
    let key = ServerKey::parse(&text);
    if key.is_none() {
        faults.say_hidden(
            "SERVER_KEY",
            "is not 32 bytes or more in base64 or hex: make one with `openssl rand -base64 32`",
        );
    }
    key
}
