//! The formats of a file of users, and how they are recognized.

use std::path::Path;

use super::columns::ColumnMap;
use super::error::FileError;
use super::row::RowSink;
use super::source::Source;
use super::{csv_rows, json_rows, keycloak};

/// The format of a file of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values with a heading (RFC 4180), also with semicolons or tabs.
    Csv,
    /// One JSON object for each line.
    JsonLines,
    /// A realm export of Keycloak.
    Keycloak,
}

impl FileFormat {
    /// The format of a file with this name, or as its beginning says.
    ///
    /// # Errors
    /// A JSON array.
    pub fn recognize(path: Option<&Path>, source: &Source) -> Result<Self, FileError> {
        let extension = path.and_then(Path::extension).map(|text| text.to_string_lossy().to_lowercase());
        let first = source.head().iter().find(|byte| !byte.is_ascii_whitespace());
        match (extension.as_deref(), first) {
            (_, Some(b'[')) => Err(FileError::Array),
            (Some("csv" | "tsv"), _) => Ok(Self::Csv),
            (Some("jsonl" | "ndjson"), _) => Ok(Self::JsonLines),
            (_, Some(b'{')) if is_realm(source.head()) => Ok(Self::Keycloak),
            (_, Some(b'{')) => Ok(Self::JsonLines),
            _ => Ok(Self::Csv),
        }
    }

    /// What a position counts.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Csv | Self::JsonLines => "line",
            Self::Keycloak => "user",
        }
    }

    pub(super) fn read_rows(
        self,
        source: Source,
        columns: &ColumnMap,
        drop_second_factor: bool,
        sink: &mut RowSink<'_>,
    ) -> Result<(), FileError> {
        match self {
            Self::Csv => csv_rows::read(source, columns, sink),
            Self::JsonLines => json_rows::read(source, columns, sink),
            Self::Keycloak => keycloak::read(source, drop_second_factor, sink),
        }
    }
}

/// Whether a file of JSON is a realm: an object over several lines, or one with users.
fn is_realm(head: &[u8]) -> bool {
    let line = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line) {
        Ok(object) => object.contains_key("users"),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_is_recognized_by_the_name_or_the_beginning() {
        for (name, text, format) in [
            (None, "username\nann", FileFormat::Csv),
            (None, "{\"username\":\"ann\"}\n{", FileFormat::JsonLines),
            (None, "{\n \"realm\": \"r\"", FileFormat::Keycloak),
            (None, "{\"users\":[]}", FileFormat::Keycloak),
            (Some("a.JSONL"), "{\n", FileFormat::JsonLines),
            (Some("a.csv"), "{x},username\n", FileFormat::Csv),
        ] {
            let source = Source::new(Box::new(std::io::Cursor::new(text))).expect("text");
            assert_eq!(FileFormat::recognize(name.map(Path::new), &source).expect("a format"), format, "{text}");
        }
    }
}
