//! A seed file: TOML, read within bounds and checked whole, every fault with its line and field. No fault repeats a value of the
//! file, which may be a password. A file for each table: `seed_users.rs`, `seed_roles.rs`, `seed_clients.rs`.
//! What may not live here: what an entry may hold (the tables' files), and what the database holds (`seed_plan.rs`).

use std::collections::HashMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::clients::{self, SeedClient};
use super::roles::{self, SeedRole};
use super::users::{self, SeedUser};
use crate::users::password::PasswordPolicy;

/// The most bytes in a seed file.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most users in a seed file.
pub const MAX_USERS: usize = 100_000;
/// The most roles, and the most programs, in a seed file.
const MAX_OTHERS: usize = 10_000;
const SHOWN_KEY: usize = 40;

/// What a file wants, checked.
#[derive(Clone, Debug, Default)]
pub struct SeedFile {
    /// Its users.
    pub users: Vec<SeedUser>,
    /// What roles allow.
    pub roles: Vec<SeedRole>,
    /// Its programs.
    pub clients: Vec<SeedClient>,
}

/// Where in a file an entry stands: its table, the place in it, from 0, and lines, from 1.
#[derive(Clone, Debug)]
pub struct Place {
    /// Such as `users`.
    pub table: &'static str,
    /// Place in the array.
    pub index: usize,
    lines: HashMap<&'static str, usize>,
    line: usize,
}

impl Place {
    /// Something to say about a field of this entry; about the entry when the file does not give the field.
    #[must_use]
    pub fn remark(&self, field: &'static str, text: impl fmt::Display) -> Remark {
        let path = format!("{}[{}].{field}", self.table, self.index);
        Remark { line: self.line_of(field), path, text: text.to_string() }
    }

    /// Whether the file gives the field.
    pub(super) fn has(&self, field: &str) -> bool {
        self.lines.contains_key(field)
    }

    pub(super) fn line_of(&self, field: &str) -> usize {
        self.lines.get(field).copied().unwrap_or(self.line)
    }
}

/// Something to say about a place in the file: a fault, or a note.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Remark {
    /// The line, from 1.
    pub line: usize,
    /// The field, such as `users[3].username`; empty for the file as a whole.
    pub path: String,
    /// What is to be said.
    pub text: String,
}

/// As `12: users[3].username: …`, to go behind the file's name and a colon.
impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, path, text } = self;
        if path.is_empty() { write!(f, "{line}: {text}") } else { write!(f, "{line}: {path}: {text}") }
    }
}

/// What an entry of a table gives: right in kind, not yet checked.
pub(super) trait Entry: Default {
    /// The table's name.
    const TABLE: &'static str;
    /// Its fields.
    const FIELDS: &'static [&'static str];
    /// An entry written on one line.
    const EXAMPLE: &'static str;

    /// Takes a field's value, or says how to write it.
    fn take(&mut self, field: &str, value: &DeValue<'_>) -> Result<(), &'static str>;
}

/// Reads a seed file's text.
///
/// # Errors
/// All faults, in the order of lines.
pub fn parse(bytes: &[u8], policy: &PasswordPolicy) -> Result<SeedFile, Vec<Remark>> {
    let whole = |line: usize, text: String| vec![Remark { line, path: String::new(), text }];
    if bytes.len() > MAX_BYTES {
        return Err(whole(1, format!("the file is larger than {} MiB: split it", MAX_BYTES / (1024 * 1024))));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        whole(line, "not UTF-8 text: save the file as UTF-8".to_owned())
    })?;
    let mut reader = Reader::new(text);
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| reader.line_at(span.start));
        whole(line, format!("not valid TOML: {}", error.message()))
    })?;
    let file = reader.read_root(root.get_ref(), policy);
    reader.faults.extend(users::duplicates(&file.users));
    reader.faults.extend(twice(file.roles.iter().map(|role| (role.name.as_str(), &role.place))));
    reader.faults.extend(twice(file.clients.iter().map(|client| (client.name.as_str(), &client.place))));
    if reader.faults.is_empty() {
        return Ok(file);
    }
    reader.faults.sort_by_key(|fault| fault.line);
    Err(reader.faults)
}

/// Names that stand in a table twice.
fn twice<'a>(entries: impl Iterator<Item = (&'a str, &'a Place)>) -> Vec<Remark> {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    let mut remarks = Vec::new();
    for (name, place) in entries {
        if let Some(first) = seen.insert(name, place) {
            let line = first.line_of("name");
            remarks.push(place.remark(
                "name",
                format_args!("duplicates {}[{}].name on line {line}: remove one of them", first.table, first.index),
            ));
        }
    }
    remarks
}

struct Reader {
    line_starts: Vec<usize>,
    faults: Vec<Remark>,
}

impl Reader {
    fn new(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { line_starts: std::iter::once(0).chain(after_breaks).collect(), faults: Vec::new() }
    }

    fn line_at(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte)
    }

    fn refuse(&mut self, at: usize, path: &str, text: impl fmt::Display) {
        self.faults.push(Remark { line: self.line_at(at), path: path.to_owned(), text: text.to_string() });
    }

    fn read_root(&mut self, root: &DeTable<'_>, policy: &PasswordPolicy) -> SeedFile {
        let mut file = SeedFile::default();
        for (key, value) in root {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            match (name, value.get_ref()) {
                ("users", DeValue::Array(items)) => {
                    let check = |place, given| users::check(place, given, policy);
                    file.users = self.read_table(at, items, MAX_USERS, check);
                }
                ("roles", DeValue::Array(items)) => {
                    file.roles = self.read_table(at, items, MAX_OTHERS, roles::check);
                }
                ("clients", DeValue::Array(items)) => {
                    file.clients = self.read_table(at, items, MAX_OTHERS, clients::check);
                }
                ("users" | "roles" | "clients", _) => {
                    self.refuse(at, name, format_args!("use [[{name}]], with two brackets, before each entry"));
                }
                _ => {
                    let text = "unknown key: a seed file contains only [[users]], [[roles]] and [[clients]]";
                    self.refuse(at, &shown_key(name), text);
                }
            }
        }
        file
    }

    fn read_table<E: Entry, T>(
        &mut self,
        at: usize,
        items: &[Spanned<DeValue<'_>>],
        most: usize,
        check: impl Fn(Place, E) -> Result<T, Vec<Remark>>,
    ) -> Vec<T> {
        if items.len() > most {
            let text = format_args!("{} {} are more than the maximum of {most}: split the file", items.len(), E::TABLE);
            self.refuse(at, E::TABLE, text);
            return Vec::new();
        }
        let mut entries = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let faults_before = self.faults.len();
            let Some((place, given)) = self.read_entry(index, item) else { continue };
            match check(place, given) {
                Ok(entry) if self.faults.len() == faults_before => entries.push(entry),
                Ok(_) => {}
                Err(faults) => self.faults.extend(faults),
            }
        }
        entries
    }

    fn read_entry<E: Entry>(&mut self, index: usize, item: &Spanned<DeValue<'_>>) -> Option<(Place, E)> {
        let at = item.span().start;
        let path = format!("{}[{index}]", E::TABLE);
        let DeValue::Table(table) = item.get_ref() else {
            self.refuse(at, &path, format_args!("use a table such as {}", E::EXAMPLE));
            return None;
        };
        let mut place = Place { table: E::TABLE, index, lines: HashMap::new(), line: self.line_at(at) };
        let mut given = E::default();
        for (key, value) in table {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            let Some(field) = E::FIELDS.iter().copied().find(|field| *field == name) else {
                let path = format!("{path}.{}", shown_key(name));
                self.refuse(at, &path, format_args!("unknown field: the fields are {}", E::FIELDS.join(", ")));
                continue;
            };
            place.lines.insert(field, self.line_at(at));
            if let Err(mend) = given.take(field, value.get_ref()) {
                self.refuse(at, &format!("{path}.{field}"), mend);
            }
        }
        Some((place, given))
    }
}

/// A text, or how to write it.
pub(super) fn text(value: &DeValue<'_>) -> Result<String, &'static str> {
    value.as_str().map(str::to_owned).ok_or("use text in quotes")
}

/// A list of texts, or how to write it.
pub(super) fn texts(value: &DeValue<'_>, mend: &'static str) -> Result<Vec<String>, &'static str> {
    let items = value.as_array().ok_or(mend)?;
    items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<_>>().ok_or(mend)
}

fn shown_key(key: &str) -> String {
    key.chars().take(SHOWN_KEY).collect()
}
