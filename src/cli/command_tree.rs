//! The commands with their usage lines and examples, completions for shells, and man pages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _, ValueEnum};
use clap_complete::Shell;

use super::Cli;
use super::examples::EXAMPLES;
use super::output::{eprint_note, write_out};

/// The binary.
const BINARY: &str = "vestibule";

/// Arguments of `vestibule completions`.
#[derive(Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: ShellName,
}

/// A shell, by the name of the argument.
#[derive(Clone, Copy, ValueEnum)]
enum ShellName {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// Friendly interactive shell
    Fish,
}

/// Arguments of `vestibule man`.
#[derive(Args)]
pub struct ManArgs {
    /// The folder for the pages, which exists
    folder: PathBuf,
}

/// All commands, each with its usage line and its examples.
#[must_use]
pub fn command() -> Command {
    let mut command = Cli::command();
    command.build();
    complete(command, "")
}

/// Adds to a command what its help and its errors show. Its usage line is the one of `--help`: clap's own in an error
/// names every argument that has a value, also those that got it from the environment.
fn complete(mut command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        let path = format!("{path} {name}");
        command = command.mut_subcommand(name, |command| complete(command, path.trim_start()));
    }
    let usage = command.render_usage().to_string();
    let command = command.override_usage(usage.trim_start_matches("Usage:").trim().to_owned());
    let Some((_, examples)) = EXAMPLES.iter().find(|(of, _)| *of == path) else { return command };
    let lines: Vec<String> = examples.iter().map(|example| format!("  {BINARY} {example}")).collect();
    let examples = format!("Examples:\n{}", lines.join("\n"));
    match command.get_after_help().map(ToString::to_string) {
        Some(more) => command.after_help(format!("{examples}\n\n{more}")),
        None => command.after_help(examples),
    }
}

/// The commands without subcommands, such as `users add`.
#[must_use]
pub fn paths() -> Vec<String> {
    fn below(command: &Command, path: &str) -> Vec<String> {
        let subcommands = command.get_subcommands().filter(|command| command.get_name() != "help");
        let of = |command: &Command| below(command, format!("{path} {}", command.get_name()).trim_start());
        let paths: Vec<String> = subcommands.flat_map(of).collect();
        if paths.is_empty() { vec![path.to_owned()] } else { paths }
    }
    below(&command(), "")
}

/// Prints the completions for a shell.
///
/// # Errors
/// As [`write_out`].
pub fn print_completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let shell = match args.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), BINARY, &mut script);
    write_out(|out| out.write_all(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a man page for each command.
///
/// # Errors
/// A page cannot be written.
pub fn write_man_pages(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let folder = args.folder.display();
    clap_mangen::generate_to(command(), &args.folder).with_context(|| format!("cannot write man pages to {folder}"))?;
    eprint_note(&format!("wrote the man pages to {folder}"));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_examples_that_can_be_typed() {
        let command = command();
        let paths = paths();
        let documented: Vec<&str> = EXAMPLES.iter().map(|(path, _)| *path).collect();
        let missing: Vec<&String> = paths.iter().filter(|path| !documented.contains(&path.as_str())).collect();
        assert!(missing.is_empty(), "without examples: {missing:?}");
        assert_eq!(paths.len(), documented.len(), "examples of commands that do not exist");
        for (path, examples) in EXAMPLES {
            for example in *examples {
                assert!(example.starts_with(path), "{example}");
                let typed = example.split(['<', '>']).next().expect("text").replace("\"Alice Smith\"", "Alice_Smith");
                let words = [BINARY].into_iter().chain(typed.split_whitespace());
                if let Err(error) = command.clone().try_get_matches_from(words) {
                    panic!("{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn short_help_has_no_settings_and_long_help_has_them_last() {
        let mut command = command();
        let add = command.find_subcommand_mut("users").and_then(|users| users.find_subcommand_mut("add"));
        let add = add.expect("a command");
        let (short, long) = (add.render_help().to_string(), add.render_long_help().to_string());
        assert!(short.contains("--send-invite") && !short.contains("--database-url"), "{short}");
        let own = long.find("--send-invite").expect("an option");
        assert!(own < long.find("Settings:").expect("a heading"), "{long}");
        assert!(long.contains("--database-url") && long.contains("Examples:"), "{long}");
    }
}
