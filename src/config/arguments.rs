//! The command-line arguments made from the table of settings.

use std::marker::PhantomData;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::setting_row::{NeededBy, SettingInfo, Source};
use super::{Config, ConfigError, Settings, table};

/// Heading of the settings in `--help`.
const HELP_HEADING: &str = "Settings";

/// A kind of command, which determines the settings that it takes.
pub trait CommandKind {
    /// The kind in the table of settings.
    const KIND: NeededBy;
}

/// A command that uses the database.
pub struct AdminCommand;
/// A command that determines whether a session is live.
pub struct SessionCommand;
/// A command on signing keys.
pub struct KeyCommand;
/// The server, or a command on tokens.
pub struct ServerCommand;

impl CommandKind for AdminCommand {
    const KIND: NeededBy = NeededBy::Admin;
}

impl CommandKind for SessionCommand {
    const KIND: NeededBy = NeededBy::Sessions;
}

impl CommandKind for KeyCommand {
    const KIND: NeededBy = NeededBy::Keys;
}

impl CommandKind for ServerCommand {
    const KIND: NeededBy = NeededBy::Server;
}

/// The settings of one kind of command, from flags and the environment; a flag takes precedence.
pub struct SettingArgs<C> {
    settings: Settings,
    kind: PhantomData<C>,
}

impl<C: CommandKind> SettingArgs<C> {
    /// Checks the values; settings that the command does not take have their defaults.
    ///
    /// # Errors
    /// As [`Settings::check`].
    pub fn check(&self) -> Result<Config, ConfigError> {
        self.settings.check()
    }

    fn taken() -> impl Iterator<Item = &'static SettingInfo> {
        table::ALL.iter().copied().filter(|setting| setting.needed_by <= C::KIND && setting.has_flag())
    }
}

impl<C: CommandKind> Args for SettingArgs<C> {
    fn augment_args(command: Command) -> Command {
        command.args(Self::taken().filter_map(|setting| argument(setting, C::KIND)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<C: CommandKind> FromArgMatches for SettingArgs<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self { settings: Settings::default(), kind: PhantomData };
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in Self::taken() {
            if let Some(value) = matches.get_one::<String>(setting.name) {
                self.settings.set(setting.name, value);
                if matches.value_source(setting.name) == Some(ValueSource::CommandLine) {
                    self.settings.mark_as_argument(setting);
                }
            }
        }
        Ok(())
    }
}

/// The argument of a setting. Its value is text here and checked later, so all sources have the same error messages.
fn argument(setting: &'static SettingInfo, kind: NeededBy) -> Option<Arg> {
    let argument = Arg::new(setting.name)
        .long(setting.flag()?)
        .env(setting.name)
        .hide_env_values(matches!(setting.source, Source::HiddenFlag(_)))
        // Elsewhere, it determines only the default of PUBLIC_URL.
        .hide(setting.name == table::BIND.info.name && kind != NeededBy::Server)
        .value_name(setting.value_name)
        .help_heading(HELP_HEADING)
        .hide_short_help(true)
        .help(format!("{} [default: {}]", setting.plain_help(), setting.default_text().replace('`', "")));
    Some(argument)
}

/// The part of `vestibule serve --help` on settings without a flag.
#[must_use]
pub fn secrets_help() -> String {
    let secrets = table::ALL.iter().filter(|setting| !setting.has_flag());
    let lines: Vec<String> =
        secrets.map(|setting| format!("  {:<15} {}", setting.name, setting.plain_help())).collect();
    format!(
        "Secrets are read from the environment or a file, never from an argument:\n{}\n\n\
        A .env file in the working directory is read too; environment variables take precedence.",
        lines.join("\n")
    )
}
