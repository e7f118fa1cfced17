//! A seed file: `[[users]]` in TOML, read within bounds and checked whole, every fault with its line and field. No fault repeats
//! a value of the file, which may be a password.
//! What may not live here: what the database holds (`seed_plan.rs`).

use std::collections::HashMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fields::{self, FieldFault};
use crate::users::argon2id::PasswordHash;
use crate::users::password::Password;
use crate::users::{UserId, Username};

/// The most bytes in a seed file.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most users in a seed file.
pub const MAX_USERS: usize = 100_000;
const FIELDS: &str = "username, id, password, password_hash, display_name, email, roles";
const SHOWN_KEY: usize = 40;

/// One user that the file wants, checked.
#[derive(Clone, Debug)]
pub struct SeedUser {
    /// Where in the file.
    pub place: Place,
    /// Their name.
    pub username: Username,
    /// Their number, when the file gives it.
    pub id: Option<UserId>,
    /// Their password, when the file gives one.
    pub secret: Option<SeedSecret>,
    /// What they are called; left alone when absent.
    pub display_name: Option<String>,
    /// Where mail reaches them; left alone when absent.
    pub email: Option<String>,
    /// Exactly these roles, in order and each once; left alone when absent.
    pub roles: Option<Vec<String>>,
}

/// A password as a seed file gives it.
#[derive(Clone, Debug)]
pub enum SeedSecret {
    /// The password itself.
    Plain(Password),
    /// Its hash.
    Hash(PasswordHash),
}

/// Where in a file a user stands: the place in `users`, from 0, and lines, from 1.
#[derive(Clone, Debug)]
pub struct Place {
    /// Place in the array.
    pub index: usize,
    lines: HashMap<&'static str, usize>,
    line: usize,
}

impl Place {
    /// Something to say about a field of this user; about the user when the file does not give the field.
    #[must_use]
    pub fn remark(&self, field: &'static str, text: impl fmt::Display) -> Remark {
        Remark { line: self.line_of(field), path: format!("users[{}].{field}", self.index), text: text.to_string() }
    }

    fn line_of(&self, field: &str) -> usize {
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

/// Reads a seed file's text.
///
/// # Errors
/// All faults, in the order of lines.
pub fn parse(bytes: &[u8], min_password_length: usize) -> Result<Vec<SeedUser>, Vec<Remark>> {
    let whole = |line: usize, text: String| vec![Remark { line, path: String::new(), text }];
    if bytes.len() > MAX_BYTES {
        return Err(whole(1, format!("the file is over {} MiB: split it", MAX_BYTES / (1024 * 1024))));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        whole(line, "this is not UTF-8 text".to_owned())
    })?;
    let mut reader = Reader::new(text, min_password_length);
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| reader.line_at(span.start));
        whole(line, format!("this is not TOML: {}", error.message()))
    })?;
    let users = reader.read_root(root.get_ref());
    reader.refuse_duplicates(&users);
    if reader.faults.is_empty() {
        return Ok(users);
    }
    reader.faults.sort_by_key(|fault| fault.line);
    Err(reader.faults)
}

struct Reader {
    line_starts: Vec<usize>,
    min_password_length: usize,
    faults: Vec<Remark>,
}

/// The fields of one user as the file gives them: right in kind, not yet checked.
#[derive(Default)]
struct Given {
    username: Option<String>,
    id: Option<i64>,
    password: Option<zeroize::Zeroizing<String>>,
    password_hash: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    roles: Option<Vec<String>>,
}

impl Reader {
    fn new(text: &str, min_password_length: usize) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { line_starts: std::iter::once(0).chain(after_breaks).collect(), min_password_length, faults: Vec::new() }
    }

    fn line_at(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte)
    }

    fn refuse(&mut self, at: usize, path: &str, text: impl fmt::Display) {
        self.faults.push(Remark { line: self.line_at(at), path: path.to_owned(), text: text.to_string() });
    }

    fn read_root(&mut self, root: &DeTable<'_>) -> Vec<SeedUser> {
        let mut users = Vec::new();
        for (key, value) in root {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            match value.get_ref() {
                DeValue::Array(items) if name == "users" => {
                    if items.len() > MAX_USERS {
                        self.refuse(
                            at,
                            "users",
                            format_args!(
                                "there are {} users, and a file holds at most {MAX_USERS}: split it",
                                items.len()
                            ),
                        );
                        return Vec::new();
                    }
                    users = items.iter().enumerate().filter_map(|(index, item)| self.read_user(index, item)).collect();
                }
                _ if name == "users" => {
                    self.refuse(at, "users", "write [[users]], with two brackets, before each user");
                }
                _ => self.refuse(at, &shown_key(name), "unknown key: a seed file holds [[users]] and nothing else"),
            }
        }
        users
    }

    fn read_user(&mut self, index: usize, item: &Spanned<DeValue<'_>>) -> Option<SeedUser> {
        let faults_before = self.faults.len();
        let at = item.span().start;
        let path = format!("users[{index}]");
        let DeValue::Table(table) = item.get_ref() else {
            self.refuse(at, &path, "write a table such as { username = \"alice\" }");
            return None;
        };
        let mut place = Place { index, lines: HashMap::new(), line: self.line_at(at) };
        let mut given = Given::default();
        for (key, value) in table {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            let field = match name {
                "username" => "username",
                "id" => "id",
                "password" => "password",
                "password_hash" => "password_hash",
                "display_name" => "display_name",
                "email" => "email",
                "roles" => "roles",
                _ => {
                    self.refuse(
                        at,
                        &format!("{path}.{}", shown_key(name)),
                        format_args!("unknown field: the fields are {FIELDS}"),
                    );
                    continue;
                }
            };
            place.lines.insert(field, self.line_at(at));
            if let Err(mend) = given.take(field, value.get_ref()) {
                self.refuse(at, &format!("{path}.{field}"), mend);
            }
        }
        if !place.lines.contains_key("username") {
            self.faults.push(place.remark("username", "is missing: every user has one"));
        }
        if given.password.is_some() && given.password_hash.is_some() {
            self.faults.push(place.remark("password_hash", "give password or password_hash, not both"));
        }
        let user = self.check(place, given);
        user.filter(|_| self.faults.len() == faults_before)
    }

    fn check(&mut self, place: Place, given: Given) -> Option<SeedUser> {
        let min_length = self.min_password_length;
        let name = given.username?;
        let mut faults = Vec::new();
        // A fault of one field does not hide those of the others: `email` as given decides on a name with @.
        let username = Username::parse(&name, given.email.as_deref()).map_err(FieldFault::from);
        let username = username.map_err(|fault| faults.push(fault)).ok();
        let id = given.id.map(fields::check_id).transpose().unwrap_or_else(|fault| noted(&mut faults, fault));
        let display_name = given
            .display_name
            .map(fields::check_display_name)
            .transpose()
            .unwrap_or_else(|fault| noted(&mut faults, fault));
        let email = given.email.map(fields::check_email).transpose().unwrap_or_else(|fault| noted(&mut faults, fault));
        let roles = given.roles.map(fields::check_roles).transpose().unwrap_or_else(|fault| noted(&mut faults, fault));
        let plain = given
            .password
            .map(|typed| Password::choose(&typed, &name, min_length).map(SeedSecret::Plain).map_err(FieldFault::from));
        let hash = given
            .password_hash
            .map(|text| PasswordHash::parse(&text).map(SeedSecret::Hash).ok_or(FieldFault::PasswordHash));
        let secret = plain.or(hash).transpose().unwrap_or_else(|fault| noted(&mut faults, fault));
        self.faults.extend(faults.iter().map(|fault| place.remark(fault.field(), fault)));
        Some(SeedUser { place, username: username?, id, secret, display_name, email, roles })
    }

    fn refuse_duplicates(&mut self, users: &[SeedUser]) {
        let mut names: HashMap<&str, &Place> = HashMap::new();
        let mut ids: HashMap<UserId, &Place> = HashMap::new();
        for user in users {
            if let Some(first) = names.insert(user.username.key(), &user.place) {
                let text = format!(
                    "is the same name as users[{}].username on line {}",
                    first.index,
                    first.line_of("username")
                );
                self.faults.push(user.place.remark("username", text));
            }
            if let Some(first) = user.id.and_then(|id| ids.insert(id, &user.place)) {
                let text = format!("is the same number as users[{}].id on line {}", first.index, first.line_of("id"));
                self.faults.push(user.place.remark("id", text));
            }
        }
    }
}

impl Given {
    /// Takes a field's value, or says how to write it.
    fn take(&mut self, field: &str, value: &DeValue<'_>) -> Result<(), &'static str> {
        const TEXT: &str = "write text in quotes";
        let text = || value.as_str().map(str::to_owned).ok_or(TEXT);
        match field {
            "username" => self.username = Some(text()?),
            "password" => self.password = Some(text()?.into()),
            "password_hash" => self.password_hash = Some(text()?),
            "display_name" => self.display_name = Some(text()?),
            "email" => self.email = Some(text()?),
            "id" => {
                let number =
                    value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
                self.id = Some(number.ok_or("write a whole number without quotes")?);
            }
            _ => {
                const ROLES: &str = "write a list such as [\"admin\"]";
                let items = value.as_array().ok_or(ROLES)?;
                let roles: Option<Vec<String>> =
                    items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
                self.roles = Some(roles.ok_or(ROLES)?);
            }
        }
        Ok(())
    }
}

fn noted<T>(faults: &mut Vec<FieldFault>, fault: FieldFault) -> Option<T> {
    faults.push(fault);
    None
}

fn shown_key(key: &str) -> String {
    key.chars().take(SHOWN_KEY).collect()
}
