//! Passwords and confirmations, read from the terminal, standard input or a file.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use zeroize::Zeroizing;

use super::output::{failure, misused};

/// The most bytes read; the password rules allow fewer.
const MAX_BYTES: usize = 4096;

/// The source of a new password, by default a prompt on the terminal; never an argument, which local users can read.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub struct PasswordSource {
    /// Read the password from standard input (one line)
    #[arg(long)]
    pub password_stdin: bool,
    /// Read the password from a file (one line)
    #[arg(long, value_name = "PATH")]
    pub password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// Reads the new password of `username`, twice on a terminal. The error for a missing terminal also suggests
    /// `other_option`.
    ///
    /// # Errors
    /// There is no source to read from, or the input is not one line of UTF-8 text of at most 4 KiB.
    pub fn read(&self, username: &str, other_option: Option<&str>) -> anyhow::Result<Zeroizing<String>> {
        if self.password_stdin {
            return one_line(io::stdin().lock(), "standard input");
        }
        if let Some(path) = &self.password_file {
            let shown = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot open the password file {shown}"))?;
            return one_line(file, &shown);
        }
        if !io::stdin().is_terminal() {
            let other = other_option.map(|option| format!(", or {option}")).unwrap_or_default();
            return Err(misused(format!(
                "no terminal to prompt for the password: use --password-stdin or --password-file PATH{other}"
            )));
        }
        let ask = |prompt: String| {
            rpassword::prompt_password(prompt).map(Zeroizing::new).context("cannot read the password from the terminal")
        };
        let password = ask(format!("New password for {username}: "))?;
        let repeated = ask("Repeat the password: ".to_owned())?;
        if *password != *repeated {
            return Err(failure("the passwords do not match; nothing was changed: run the command again"));
        }
        Ok(password)
    }
}

fn one_line(source: impl Read, name: &str) -> anyhow::Result<Zeroizing<String>> {
    // One allocation: growing would leave copies of the password in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 1));
    source
        .take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read the password from {name}"))?;
    if bytes.len() > MAX_BYTES {
        return Err(failure(format!("{name} has more than {MAX_BYTES} bytes: provide only the password, on one line")));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| failure(format!("{name} is not UTF-8 text: encode the password in UTF-8")))?;
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(failure(format!("{name} contains no password: provide it on one line")));
    }
    if line.contains(['\n', '\r']) {
        return Err(failure(format!("{name} contains more than one line: provide only the password")));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// Asks for confirmation on the terminal; only the word `yes` confirms.
///
/// # Errors
/// There is no terminal; the error suggests `option` instead.
pub fn is_confirmed(question: &str, option: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(failure(format!(
            "no terminal to ask for confirmation; nothing was changed: add {option} to skip the prompt\n{question}"
        )));
    }
    let mut stderr = io::stderr();
    write!(stderr, "{question}\nType yes to continue: ")
        .and_then(|()| stderr.flush())
        .context("cannot show the prompt")?;
    let mut typed = String::new();
    io::stdin().read_line(&mut typed).context("cannot read the reply")?;
    Ok(typed.trim() == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_ending_is_stripped_and_nothing_else() {
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
