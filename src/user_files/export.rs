//! Writing users as a file that an import takes.

use std::collections::HashMap;
use std::io::{self, Write};

use chrono::SecondsFormat;
use serde_json::{Map, Value};

use super::columns::Column;
use crate::accounts::AccountService;
use crate::db::DbError;
use crate::users::stored_hash::StoredHash;
use crate::users::{self, ExportedUser, UserId};

/// The users of one query.
const BATCH_USERS: i64 = 1_000;

/// The format of an exported file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values with a heading.
    Csv,
    /// One JSON object for each line.
    JsonLines,
}

/// Writes users in batches, by user ID.
pub struct UserWriter {
    accounts: AccountService,
    format: ExportFormat,
    has_hashes: bool,
    after: UserId,
    is_first: bool,
}

/// A user and the roles, sorted.
struct Entry {
    user: ExportedUser,
    roles: Vec<String>,
}

impl UserWriter {
    /// A writer of all users, with or without their password hashes.
    #[must_use]
    pub fn new(accounts: AccountService, format: ExportFormat, has_hashes: bool) -> Self {
        Self { accounts, format, has_hashes, after: UserId(0), is_first: true }
    }

    /// Returns the text of the next users and their count; the count is 0 after the last one. The first text begins with
    /// the heading.
    ///
    /// # Errors
    /// The users cannot be read.
    pub async fn next(&mut self) -> Result<(Vec<u8>, usize), DbError> {
        let after = self.after;
        let entries = self
            .accounts
            .read(move |conn| {
                let users = users::list_for_export(conn, after, BATCH_USERS)?;
                let ids: Vec<UserId> = users.iter().map(|user| UserId(user.id)).collect();
                let mut roles: HashMap<UserId, Vec<String>> = HashMap::new();
                for (id, role) in users::list_roles_of(conn, &ids)? {
                    roles.entry(id).or_default().push(role);
                }
                let entry = |user: ExportedUser| {
                    let mut roles = roles.remove(&UserId(user.id)).unwrap_or_default();
                    roles.sort();
                    Entry { user, roles }
                };
                Ok::<_, DbError>(users.into_iter().map(entry).collect::<Vec<_>>())
            })
            .await?;
        if let Some(last) = entries.last() {
            self.after = UserId(last.user.id);
        }
        let mut text = Vec::new();
        self.write(&mut text, &entries).expect("a vector can be written");
        self.is_first = false;
        Ok((text, entries.len()))
    }

    fn write(&self, out: &mut Vec<u8>, entries: &[Entry]) -> io::Result<()> {
        let columns: Vec<Column> =
            Column::ALL.into_iter().filter(|column| self.has_hashes || *column != Column::PasswordHash).collect();
        match self.format {
            ExportFormat::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                if self.is_first {
                    writer.write_record(columns.iter().map(|column| column.name()))?;
                }
                for entry in entries {
                    writer.write_record(columns.iter().map(|column| text(entry, *column).unwrap_or_default()))?;
                }
                writer.flush()
            }
            ExportFormat::JsonLines => {
                for entry in entries {
                    let fields =
                        columns.iter().filter_map(|column| Some((column.name().to_owned(), value(entry, *column)?)));
                    serde_json::to_writer(&mut *out, &Value::Object(fields.collect::<Map<_, _>>()))?;
                    out.write_all(b"\n")?;
                }
                Ok(())
            }
        }
    }
}

/// The value of a column as text; `None` if the user has none.
fn text(Entry { user, roles }: &Entry, column: Column) -> Option<String> {
    match column {
        Column::Id => Some(user.id.to_string()),
        Column::Username => Some(user.username.clone()),
        Column::PasswordHash => user.password_hash.as_deref().map(StoredHash::export_text),
        Column::DisplayName => user.display_name.clone(),
        Column::Email => user.email.clone(),
        Column::EmailVerified => user.email.as_ref().map(|_| user.email_verified_at.is_some().to_string()),
        Column::Language => user.language.clone(),
        Column::State => Some(if user.disabled_at.is_some() { "disabled" } else { "active" }.to_owned()),
        Column::Roles => Some(roles.join(" ")).filter(|roles| !roles.is_empty()),
        Column::CreatedAt => Some(user.created_at.and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)),
    }
}

/// The value of a column in JSON.
fn value(entry: &Entry, column: Column) -> Option<Value> {
    match column {
        Column::Id => Some(entry.user.id.into()),
        Column::EmailVerified => entry.user.email.as_ref().map(|_| entry.user.email_verified_at.is_some().into()),
        Column::Roles => Some(entry.roles.clone().into()),
        _ => text(entry, column).map(Value::from),
    }
}
