//! Messages about positions in a seed file.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use super::field::Field;

/// A message about a position in the file: an error or a note. It never contains a password or a client secret.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Remark {
    /// The line, from 1.
    pub line: usize,
    /// The field, such as `users[3].username`; empty for the file as a whole.
    pub path: String,
    /// The message.
    pub text: String,
}

/// Prints `12: users[3].username: …`, to follow the file's name and a colon.
impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, path, text } = self;
        if path.is_empty() { write!(f, "{line}: {text}") } else { write!(f, "{line}: {path}: {text}") }
    }
}

/// The position of a row in the file.
#[derive(Clone, Debug)]
pub struct Position {
    table: &'static str,
    /// From 0.
    index: usize,
    /// The line of the row, from 1.
    line: usize,
    /// The lines of the fields that the row has.
    fields: Vec<(&'static str, usize)>,
}

impl Position {
    pub(super) fn new(table: &'static str, index: usize, line: usize) -> Self {
        Self { table, index, line, fields: Vec::new() }
    }

    pub(super) fn add_field(&mut self, field: impl Field, line: usize) {
        self.fields.push((field.name(), line));
    }

    /// Whether the row has the field.
    pub(super) fn has(&self, field: impl Field) -> bool {
        self.fields.iter().any(|(name, _)| *name == field.name())
    }

    /// A message about a field. Its line is the row's when the row does not have the field.
    pub(super) fn remark(&self, field: impl Field, text: impl fmt::Display) -> Remark {
        Remark { line: self.line_of(field), path: self.path_of(field), text: text.to_string() }
    }

    fn line_of(&self, field: impl Field) -> usize {
        self.fields.iter().find(|(name, _)| *name == field.name()).map_or(self.line, |(_, line)| *line)
    }

    fn path_of(&self, field: impl Field) -> String {
        format!("{}[{}].{}", self.table, self.index, field.name())
    }
}

/// The errors of one row.
pub(super) struct RowErrors<'a> {
    position: &'a Position,
    remarks: Vec<Remark>,
}

impl<'a> RowErrors<'a> {
    pub fn new(position: &'a Position) -> Self {
        Self { position, remarks: Vec::new() }
    }

    pub fn add(&mut self, field: impl Field, text: impl fmt::Display) {
        self.remarks.push(self.position.remark(field, text));
    }

    /// Adds an error if the row does not have the field.
    pub fn require(&mut self, field: impl Field, hint: &str) {
        if !self.position.has(field) {
            self.add(field, format_args!("is missing: {hint}"));
        }
    }

    /// Returns the value of a field, or adds its error.
    pub fn check<T, E: fmt::Display>(&mut self, field: impl Field, checked: Result<T, E>) -> Option<T> {
        checked.map_err(|error| self.add(field, error)).ok()
    }

    pub fn is_empty(&self) -> bool {
        self.remarks.is_empty()
    }

    pub fn into_remarks(self) -> Vec<Remark> {
        self.remarks
    }
}

/// The values of a field that must be unique in the file.
pub(super) struct UniqueField<'a, F, V> {
    field: F,
    hint: &'static str,
    seen: HashMap<V, &'a Position>,
}

impl<'a, F: Field, V: Eq + Hash> UniqueField<'a, F, V> {
    pub fn new(field: F, hint: &'static str) -> Self {
        Self { field, hint, seen: HashMap::new() }
    }

    /// Adds the value of a row. Returns an error if an earlier row has the same.
    pub fn add(&mut self, value: V, position: &'a Position) -> Option<Remark> {
        let earlier = self.seen.insert(value, position)?;
        let (path, line) = (earlier.path_of(self.field), earlier.line_of(self.field));
        Some(position.remark(self.field, format_args!("duplicates {path} on line {line}: {}", self.hint)))
    }
}
