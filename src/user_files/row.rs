//! A row of a file of users, as text.

use super::columns::Column;

/// A row, read and not yet checked.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The line, or for a realm export of Keycloak the number of the user; from 1.
    pub position: u64,
    /// The values that are not empty.
    values: [Option<String>; Column::COUNT],
    /// Why the row cannot be imported, as far as reading it shows.
    pub problem: Option<String>,
}

impl Row {
    pub fn new(position: u64) -> Self {
        Self { position, values: Default::default(), problem: None }
    }

    /// A row that cannot be read.
    pub fn broken(position: u64, problem: impl Into<String>) -> Self {
        Self { problem: Some(problem.into()), ..Self::new(position) }
    }

    /// Sets a value; an empty one counts as absent.
    pub fn set(&mut self, column: Column, value: String) {
        self.values[column as usize] = Some(value).filter(|value| !value.is_empty());
    }

    pub fn get(&self, column: Column) -> Option<&str> {
        self.values[column as usize].as_deref()
    }

    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }
}

/// The rest of the file need not be read.
pub(super) struct Stopped;

/// Takes the rows of a file one by one.
pub(super) type RowSink<'a> = dyn FnMut(Row) -> Result<(), Stopped> + 'a;
