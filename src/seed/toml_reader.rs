//! Reading tables of rows from TOML, within bounds, with the line and field of every error.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::field::Field;
use super::remark::{Position, Remark};
use super::row::SeedRow;
use crate::users::password::PasswordPolicy;

/// The most bytes in a seed file.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most characters of an unknown key that a message repeats.
const MAX_SHOWN_KEY: usize = 40;

/// Reads the text of a seed file. `read_tables` calls [`TomlReader::read_table`] for each table that a file may have.
///
/// # Errors
/// All errors, in the order of lines.
pub(super) fn read<T>(bytes: &[u8], read_tables: impl FnOnce(&mut TomlReader<'_>) -> T) -> Result<T, Vec<Remark>> {
    let whole_file = |line: usize, text: String| vec![Remark { line, path: String::new(), text }];
    if bytes.len() > MAX_BYTES {
        return Err(whole_file(1, format!("the file is larger than {} MiB: split it", MAX_BYTES / (1024 * 1024))));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        whole_file(line, "not UTF-8 text: save the file as UTF-8".to_owned())
    })?;
    let lines = Lines::new(text);
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| lines.line_at(span.start));
        whole_file(line, format!("not valid TOML: {}", error.message()))
    })?;
    let mut reader = TomlReader { root: root.get_ref(), lines, tables: Vec::new(), errors: Vec::new() };
    let tables = read_tables(&mut reader);
    reader.reject_unknown_keys();
    if reader.errors.is_empty() {
        return Ok(tables);
    }
    reader.errors.sort_by_key(|error| error.line);
    Err(reader.errors)
}

/// A reader of the tables of one file.
pub(super) struct TomlReader<'a> {
    root: &'a DeTable<'a>,
    lines: Lines,
    /// The tables read so far; all other keys are unknown.
    tables: Vec<&'static str>,
    errors: Vec<Remark>,
}

impl TomlReader<'_> {
    /// Reads and checks the rows of a table; those with errors are left out.
    pub fn read_table<R: SeedRow>(&mut self, policy: &PasswordPolicy) -> Vec<R> {
        self.tables.push(R::TABLE);
        let Some((key, value)) = self.root.iter().find(|(key, _)| key.get_ref() == R::TABLE) else {
            return Vec::new();
        };
        let at = key.span().start;
        let DeValue::Array(items) = value.get_ref() else {
            let text = format_args!("use [[{}]], with two brackets, before each entry", R::TABLE);
            self.add_error(at, R::TABLE, text);
            return Vec::new();
        };
        if items.len() > R::MAX_ROWS {
            let (count, table, max) = (items.len(), R::TABLE, R::MAX_ROWS);
            let text = format_args!("{count} {table} are more than the maximum of {max}: split the file");
            self.add_error(at, table, text);
            return Vec::new();
        }
        let rows: Vec<R> =
            items.iter().enumerate().filter_map(|(index, item)| self.read_row(index, item, policy)).collect();
        self.errors.extend(R::find_duplicates(&rows));
        rows
    }

    fn read_row<R: SeedRow>(
        &mut self,
        index: usize,
        item: &Spanned<DeValue<'_>>,
        policy: &PasswordPolicy,
    ) -> Option<R> {
        let errors_before = self.errors.len();
        let at = item.span().start;
        let path = format!("{}[{index}]", R::TABLE);
        let DeValue::Table(table) = item.get_ref() else {
            self.add_error(at, &path, format_args!("use a table such as {}", R::EXAMPLE));
            return None;
        };
        let mut position = Position::new(R::TABLE, index, self.lines.line_at(at));
        let mut input = R::Input::default();
        for (key, value) in table {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            let Some(field) = R::Field::ALL.iter().copied().find(|field| field.name() == name) else {
                let names: Vec<&str> = R::Field::ALL.iter().map(|field| field.name()).collect();
                let text = format_args!("unknown field: the fields are {}", names.join(", "));
                self.add_error(at, &format!("{path}.{}", shown_key(name)), text);
                continue;
            };
            position.add_field(field, self.lines.line_at(at));
            if let Err(hint) = R::read(&mut input, field, value.get_ref()) {
                self.errors.push(position.remark(field, hint));
            }
        }
        match R::check(position, input, policy) {
            Ok(row) => (self.errors.len() == errors_before).then_some(row),
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }

    fn reject_unknown_keys(&mut self) {
        let tables: Vec<String> = self.tables.iter().map(|table| format!("[[{table}]]")).collect();
        let Some((last, others)) = tables.split_last() else { return };
        let text = format!("unknown key: a seed file contains only {} and {last}", others.join(", "));
        for key in self.root.keys() {
            let name = key.get_ref().as_ref();
            if !self.tables.contains(&name) {
                self.add_error(key.span().start, &shown_key(name), &text);
            }
        }
    }

    fn add_error(&mut self, at: usize, path: &str, text: impl fmt::Display) {
        self.errors.push(Remark { line: self.lines.line_at(at), path: path.to_owned(), text: text.to_string() });
    }
}

/// Where each line of a text begins.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(after_breaks).collect())
    }

    /// The line of a byte, from 1.
    fn line_at(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte)
    }
}

/// Reads text; an error says how to write it.
pub(super) fn read_text(value: &DeValue<'_>) -> Result<String, &'static str> {
    value.as_str().map(str::to_owned).ok_or("use text in quotes")
}

/// Reads a list of texts; the error is `hint`.
pub(super) fn read_texts(value: &DeValue<'_>, hint: &'static str) -> Result<Vec<String>, &'static str> {
    let items = value.as_array().ok_or(hint)?;
    items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<_>>().ok_or(hint)
}

/// Reads a whole number; an error says how to write it.
pub(super) fn read_integer(value: &DeValue<'_>) -> Result<i64, &'static str> {
    let integer = value.as_integer().and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok());
    integer.ok_or("use a whole number without quotes")
}

fn shown_key(key: &str) -> String {
    key.chars().take(MAX_SHOWN_KEY).collect()
}
