//! The description of one setting: its name, flag, default, parser and help.

/// A setting whose value has the type `T`.
pub struct Setting<T: 'static> {
    /// Everything but the parser.
    pub info: &'static SettingInfo,
    /// Parses a trimmed, non-empty value; the error is a hint that follows the setting's name, such as "must be …".
    pub parse: fn(&str) -> Result<T, String>,
}

/// What help, documentation and error messages say about a setting.
pub struct SettingInfo {
    /// Name of the environment variable, such as `PUBLIC_URL`.
    pub name: &'static str,
    /// Heading in the documentation.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the generated documentation shows it"))]
    pub group: &'static str,
    /// The accepted sources.
    pub source: Source,
    /// Placeholder for the value in `--help`, such as `URL`.
    pub value_name: &'static str,
    /// The value or behavior if the setting is absent or empty.
    pub default: DefaultValue,
    /// The commands that take it.
    pub needed_by: NeededBy,
    /// One sentence without a period; backticks enclose code.
    pub help: &'static str,
}

/// The accepted sources of a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A flag or the environment.
    Flag,
    /// The same, for a URL that can contain a password: help and errors do not show it, and a flag with a password is
    /// rejected. The text names where a password may be instead, besides the environment variable.
    HiddenFlag(&'static str),
    /// The environment only, for a secret: every user of the machine can read a process's arguments.
    Environment,
}

/// The default of a setting.
#[derive(Clone, Copy)]
pub enum DefaultValue {
    /// A value as a user would write it.
    Text(&'static str),
    /// A description, for a setting that has no fixed default value.
    Described(&'static str),
}

/// The commands that take a setting. A command of one kind also takes the settings of the kinds before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeededBy {
    /// Every command that uses the database.
    Admin,
    /// Commands that determine whether a session is live.
    Sessions,
    /// Commands on signing keys.
    Keys,
    /// The server and commands on tokens.
    Server,
}

impl SettingInfo {
    /// The flag without its leading dashes, such as `public-url` for `PUBLIC_URL`; `None` for a secret.
    pub fn flag(&self) -> Option<String> {
        self.has_flag().then(|| self.name.to_lowercase().replace('_', "-"))
    }

    /// Whether there is a flag.
    pub fn has_flag(&self) -> bool {
        self.source != Source::Environment
    }

    /// Whether help and errors may show the value.
    pub fn is_shown(&self) -> bool {
        self.source == Source::Flag
    }

    /// The default in words or as a value.
    pub fn default_text(&self) -> &'static str {
        match self.default {
            DefaultValue::Text(text) | DefaultValue::Described(text) => text,
        }
    }

    /// The help without backticks, for a terminal.
    pub fn plain_help(&self) -> String {
        self.help.replace('`', "")
    }
}

/// Makes a constant of each row, and the list of all rows.
macro_rules! settings {
    ($($group:literal {
        $($name:ident: $type:ty { $($field:ident: $value:expr),+; parse: $parse:expr, help: $help:literal $(,)? })+
    })+) => {
        $($(
            pub(super) const $name: Setting<$type> = Setting {
                info: &SettingInfo { name: stringify!($name), group: $group, help: $help, $($field: $value),+ },
                parse: $parse,
            };
        )+)+

        /// All rows, in the order of the documentation.
        pub(super) const ALL: &[&SettingInfo] = &[$($($name.info),+),+];
    };
}

pub(super) use settings;
