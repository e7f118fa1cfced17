//! Reads `.env` as python-dotenv does, so that the application beside this server reads the same values.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::iter::Peekable;
use std::str::Chars;

use super::ConfigError;

/// More than any such file has.
const MAX_BYTES: usize = 1024 * 1024;

/// Loads `.env` from the working directory, not from its parents, into the environment. Variables that are already set
/// take precedence; of two lines with one name, the last counts.
///
/// # Errors
/// The file exists but cannot be read or parsed; ignoring it would start with other settings than the admin intended.
pub fn load() -> Result<(), ConfigError> {
    let error = |hint: &str| ConfigError(vec![format!(".env {hint}")]);
    let text = match std::fs::read(".env") {
        Ok(bytes) if bytes.len() > MAX_BYTES => {
            return Err(error("has more than a megabyte: it is not a file of settings"));
        }
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| error("is not UTF-8: save it as UTF-8"))?,
        Err(missing) if matches!(missing.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        Err(other) => return Err(error(&format!("cannot be read: {other}"))),
    };
    let values =
        parse(&text).map_err(|LineError { line, hint }| ConfigError(vec![format!(".env, line {line}: {hint}")]))?;
    // dotenvy sets the variables; what it would replace or reject is escaped.
    let escaped: Vec<String> = values.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    dotenvy::from_read(escaped.join("\n").as_bytes()).map_err(|other| error(&format!("cannot be used: {other}")))
}

/// A line that cannot be parsed. The hint never repeats it, because it may contain a secret.
#[derive(Debug, PartialEq, Eq)]
struct LineError {
    line: usize,
    hint: &'static str,
}

/// The text between double quotes that dotenvy reads as `value`.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' | '"' | '$' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Parses the file. Variables whose names no setting can have are left out: they are the application's.
fn parse(text: &str) -> Result<BTreeMap<String, String>, LineError> {
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable(), line: 1 };
    let mut values = BTreeMap::new();
    loop {
        reader.skip_while(char::is_whitespace);
        match reader.rest.peek() {
            None => return Ok(values),
            Some('#') => reader.skip_while(|character| character != '\n'),
            Some(_) => {
                let line = reader.line;
                let (name, value) = reader.assignment().map_err(|hint| LineError { line, hint })?;
                if value.contains('\0') {
                    return Err(LineError { line, hint: "the value has a U+0000" });
                }
                let mut characters = name.chars();
                let is_first_allowed = |first: char| first.is_ascii_alphabetic() || first == '_';
                if characters.next().is_some_and(is_first_allowed)
                    && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
                {
                    values.insert(name, value);
                }
            }
        }
    }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    /// The line of the next character.
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn skip_while(&mut self, is_skipped: impl Fn(char) -> bool) {
        while self.rest.peek().is_some_and(|next| is_skipped(*next)) {
            self.next();
        }
    }

    fn skip_blanks(&mut self) {
        self.skip_while(is_blank);
    }

    fn take_while(&mut self, is_taken: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(next) = self.rest.peek().copied().filter(|next| is_taken(*next)) {
            taken.push(next);
            self.next();
        }
        taken
    }

    /// `NAME=value`, also with `export` before it, up to the end of its line.
    fn assignment(&mut self) -> Result<(String, String), &'static str> {
        let mut name = self.name()?;
        if name == "export" && self.rest.peek().copied().is_some_and(is_blank) {
            self.skip_blanks();
            if self.rest.peek() != Some(&'=') {
                name = self.name()?;
            }
        }
        self.skip_blanks();
        if self.next() != Some('=') {
            return Err("write NAME=value");
        }
        let has_blank = self.rest.peek().copied().is_some_and(is_blank);
        self.skip_blanks();
        let value = match self.rest.peek() {
            // Without the blank, `#` belongs to the value, such as a color.
            Some('#') if has_blank => return Ok((name, String::new())),
            Some('\'') => self.quoted('\'')?,
            Some('"') => self.quoted('"')?,
            _ => return Ok((name, self.unquoted())),
        };
        self.skip_blanks();
        match self.rest.peek() {
            None | Some('\n' | '\r') => {}
            Some('#') => self.skip_while(|character| character != '\n'),
            Some(_) => return Err("text follows the closing quote: put the whole value in quotes, or none of it"),
        }
        Ok((name, value))
    }

    fn name(&mut self) -> Result<String, &'static str> {
        let name = match self.rest.peek() {
            Some('\'') => self.quoted('\'')?,
            _ => self.take_while(|character| !character.is_whitespace() && !matches!(character, '=' | '#')),
        };
        if name.is_empty() { Err("write NAME=value") } else { Ok(name) }
    }

    /// The rest of the line without a comment, which begins with `#` after a blank.
    fn unquoted(&mut self) -> String {
        let line = self.take_while(|character| !matches!(character, '\n' | '\r'));
        let is_comment = |(at, _): &(usize, &str)| line[..*at].ends_with(is_blank);
        let end = line.match_indices('#').find(is_comment).map_or(line.len(), |(at, _)| at);
        line[..end].trim_end().to_owned()
    }

    /// A text in quotes, which may have several lines.
    fn quoted(&mut self, quote: char) -> Result<String, &'static str> {
        self.next();
        let mut value = String::new();
        loop {
            match self.next().ok_or("the closing quote is missing")? {
                '\\' => {
                    let escaped = self.next().ok_or("the closing quote is missing")?;
                    match (quote, escaped) {
                        (_, '\\' | '\'') | ('"', '"') => value.push(escaped),
                        ('"', 'n') => value.push('\n'),
                        ('"', 'r') => value.push('\r'),
                        ('"', 't') => value.push('\t'),
                        ('"', 'a') => value.push('\u{7}'),
                        ('"', 'b') => value.push('\u{8}'),
                        ('"', 'v') => value.push('\u{b}'),
                        ('"', 'f') => value.push('\u{c}'),
                        _ => value.extend(['\\', escaped]),
                    }
                }
                end if end == quote => return Ok(value),
                other => value.push(other),
            }
        }
    }
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() && !matches!(character, '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same lines and values are compared with python-dotenv in `tests/it/once/settings.rs`.
    #[test]
    fn escaped_values_are_read_unchanged_by_dotenvy() {
        for value in ["p$Yq8r2#kLm$zz", "a\"b", "a\\b", "a\nb", "${HOME}", "'", " a ", "#", "a #b", "\\n", "€ 한글", ""]
        {
            let line = format!("NAME=\"{}\"\n", escape(value));
            let read: Vec<_> = dotenvy::from_read_iter(line.as_bytes()).collect::<Result<_, _>>().expect(value);
            assert_eq!(read, [("NAME".to_owned(), value.to_owned())]);
        }
    }

    #[test]
    fn errors_name_the_line_and_not_its_text() {
        for (text, line) in [
            ("A=1\n\nsecret\n", 3),
            ("A=1\nB='secret", 2),
            ("A='1\n2'\nB=\"secret\nmore", 3),
            ("A='secret' more", 1),
            ("=secret", 1),
            ("A=\"\0\"", 1),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.line, line, "{text:?}");
            assert!(!error.hint.contains("secret"));
        }
    }
}
