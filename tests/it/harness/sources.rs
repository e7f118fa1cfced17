//! The Rust sources as text, in `rustfmt`'s layout, and the modules that they name.

use std::path::{Path, PathBuf};

/// One Rust file.
pub struct Source {
    /// Such as `src/users/store.rs`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// The text without comments.
    pub fn code(&self) -> String {
        self.text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }

    /// The code without unit tests, which are at the end of a file.
    pub fn code_without_tests(&self) -> String {
        self.code().split("#[cfg(test)]").next().unwrap_or_default().to_owned()
    }

    /// Whether it is in `src`.
    pub fn is_in_src(&self) -> bool {
        self.name.starts_with("src/")
    }

    /// Such as `users` for `src/users/store.rs`.
    pub fn module(&self) -> &str {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs");
        path.split('/').next().unwrap_or(path)
    }

    /// Whether this is the file `owner` below `src`, or is in the folder `owner` if that ends in a slash.
    pub fn is_owner(&self, owner: &str) -> bool {
        let path = self.name.trim_start_matches("src/");
        path == owner || owner.ends_with('/') && path.starts_with(owner)
    }
}

/// All Rust files under `src` and `tests`.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["src", "tests"].map(|folder| root.join(folder)).to_vec();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("below the root").display().to_string();
                sources.push(Source { name, text: std::fs::read_to_string(&path).expect("text") });
            }
        }
    }
    assert!(sources.len() > 50, "the sources were found");
    sources
}

/// All Rust files under `src`.
pub fn sources_in_src() -> Vec<Source> {
    sources().into_iter().filter(Source::is_in_src).collect()
}

/// Whether `code` contains `word` by itself, not as a part of a longer name.
pub fn mentions(code: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(is_name) && !code[at + word.len()..].starts_with(is_name))
}

/// The modules after each `crate::`, including those in braces.
pub fn named_modules(code: &str) -> Vec<String> {
    let first = |path: &str| path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = Vec::new();
    for (at, word) in code.match_indices("crate::") {
        let rest = &code[at + word.len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let mut depth = 0;
                let end = group.find(|c| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    depth < 0
                });
                let group = &group[..end.expect("a closing brace")];
                names.extend(split_at_commas(group).iter().map(|path| first(path)));
            }
            None => names.push(first(rest)),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The parts between commas outside of brackets.
fn split_at_commas(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut before) = (vec![String::new()], 0, ' ');
    for c in text.chars() {
        depth += match c {
            '(' | '[' | '{' | '<' => 1,
            // The arrow of a return type closes nothing.
            '>' if before == '-' => 0,
            ')' | ']' | '}' | '>' => -1,
            _ => 0,
        };
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().expect("at least one part").push(c),
        }
        before = c;
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}
