//! How a command gets a secret or a yes: from a terminal, from standard input, from a file. Never from an argument, which every
//! user of the machine can read.
//! What may not live here: rules on passwords (`users::password`).

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use zeroize::Zeroizing;

use super::output::{misused, refused};

/// The most bytes of a password that is read; the rules allow fewer.
const MAX_BYTES: usize = 4096;

/// Where a new password comes from; a prompt on the terminal when nothing is given.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub struct PasswordSource {
    /// Read the password from standard input, one line
    #[arg(long)]
    pub password_stdin: bool,
    /// Read the password from a file, one line
    #[arg(long, value_name = "PATH")]
    pub password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// Reads the new password of `username`. On a terminal it is asked for twice. `other_option` names an option that the
    /// command has besides, for the error.
    ///
    /// # Errors
    /// When there is nowhere to read it from, or it is not one line of at most 4 KiB of UTF-8 text.
    pub fn read(&self, username: &str, other_option: Option<&str>) -> anyhow::Result<Zeroizing<String>> {
        if self.password_stdin {
            return one_line(io::stdin().lock(), "standard input");
        }
        if let Some(path) = &self.password_file {
            let shown = path.display().to_string();
            let file = File::open(path).with_context(|| format!("the password file {shown} cannot be opened"))?;
            return one_line(file, &shown);
        }
        if !io::stdin().is_terminal() {
            let other = other_option.map(|option| format!(", or {option}")).unwrap_or_default();
            return Err(misused(format!(
                "there is no terminal to ask for the password on: use --password-stdin or --password-file PATH{other}"
            )));
        }
        let ask = |prompt: String| {
            rpassword::prompt_password(prompt)
                .map(Zeroizing::new)
                .context("the password cannot be read from the terminal")
        };
        let password = ask(format!("New password for {username}: "))?;
        let repeated = ask("The same once more: ".to_owned())?;
        if *password != *repeated {
            return Err(refused("the two passwords differ, and nothing was changed: run the command again"));
        }
        Ok(password)
    }
}

fn one_line(source: impl Read, name: &str) -> anyhow::Result<Zeroizing<String>> {
    // One allocation, so that no copy of the password is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 1));
    source
        .take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("the password cannot be read from {name}"))?;
    if bytes.len() > MAX_BYTES {
        return Err(refused(format!("{name} holds more than {MAX_BYTES} bytes: give the password alone, on one line")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| refused(format!("the password in {name} is not UTF-8 text")))?;
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(refused(format!("{name} holds no password: give it on one line")));
    }
    if line.contains(['\n', '\r']) {
        return Err(refused(format!("{name} holds more than one line: give the password alone")));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// Asks a question on the terminal and takes nothing but the word yes for a yes.
///
/// # Errors
/// When there is no terminal to ask on: `option` is then the way to say yes.
pub fn is_confirmed(question: &str, option: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(refused(format!(
            "{question}\nThere is no terminal to ask on, and nothing was changed: add {option} to go on without asking"
        )));
    }
    let mut stderr = io::stderr();
    write!(stderr, "{question}\nType yes to go on: ")
        .and_then(|()| stderr.flush())
        .context("the question cannot be asked")?;
    let mut typed = String::new();
    io::stdin().read_line(&mut typed).context("the answer cannot be read")?;
    Ok(typed.trim() == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_taken_off_and_nothing_else() {
        let read = |text: &str| one_line(text.as_bytes(), "x").map(|line| line.to_string()).ok();
        assert_eq!(read("a secret \n"), Some("a secret ".to_owned()));
        assert_eq!(read("a secret\r\n"), Some("a secret".to_owned()));
        assert_eq!(read("a secret"), Some("a secret".to_owned()));
        assert_eq!(read(&"x".repeat(MAX_BYTES)).map(|line| line.len()), Some(MAX_BYTES));
        for text in ["", "\n", "two\nlines\n", "two\n\n", &"x".repeat(MAX_BYTES + 1)] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert!(one_line(&b"\xff\n"[..], "x").is_err());
    }
}
