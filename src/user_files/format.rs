//! The formats of a file of users, and how they are recognised.

use std::path::Path;

use super::columns::ColumnMap;
use super::error::FileError;
use super::row::RowSink;
use super::source::Source;
use super::{csv_rows, json_rows};

/// The format of a file of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values with a heading (RFC 4180), also with semicolons or tabs.
    Csv,
    /// One JSON object for each line.
    JsonLines,
}

impl FileFormat {
    /// The format of a file with this name, or as its beginning says.
    ///
    /// # Errors
    /// A JSON array.
    pub fn recognise(path: Option<&Path>, source: &Source) -> Result<Self, FileError> {
        let extension = path.and_then(Path::extension).map(|text| text.to_string_lossy().to_lowercase());
        let first = source.head().iter().find(|byte| !byte.is_ascii_whitespace());
        match (extension.as_deref(), first) {
            (_, Some(b'[')) => Err(FileError::Array),
            (Some("csv" | "tsv"), _) => Ok(Self::Csv),
            (Some("jsonl" | "ndjson"), _) | (_, Some(b'{')) => Ok(Self::JsonLines),
            _ => Ok(Self::Csv),
        }
    }

    /// What a position counts.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Csv | Self::JsonLines => "line",
        }
    }

    pub(super) fn read_rows(
        self,
        source: Source,
        columns: &ColumnMap,
        sink: &mut RowSink<'_>,
    ) -> Result<(), FileError> {
        match self {
            Self::Csv => csv_rows::read(source, columns, sink),
            Self::JsonLines => json_rows::read(source, columns, sink),
        }
    }
}
