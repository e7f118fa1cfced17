//! The file of rejected rows, in the format of the imported file (JSON Lines for a realm export), with the position and the reason of each row.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::columns::{Column, REJECTED_COLUMNS};
use super::format::FileFormat;
use super::row::Row;

/// Writes rejected rows.
pub struct RejectedRows {
    writer: Writer,
}

enum Writer {
    None,
    Csv(Box<csv::Writer<Box<dyn Write + Send>>>),
    JsonLines(Box<dyn Write + Send>),
}

impl RejectedRows {
    /// Writes nothing.
    #[must_use]
    pub fn discarded() -> Self {
        Self { writer: Writer::None }
    }

    /// Writes to a file, which only its owner must be able to read: rows contain password hashes.
    ///
    /// # Errors
    /// The heading cannot be written.
    pub fn new(file: Box<dyn Write + Send>, format: FileFormat) -> io::Result<Self> {
        let writer = match format {
            FileFormat::Csv => {
                let mut writer = Box::new(csv::Writer::from_writer(file));
                let names = Column::ALL.map(Column::name);
                writer.write_record(REJECTED_COLUMNS.iter().chain(&names)).map_err(io::Error::other)?;
                Writer::Csv(writer)
            }
            // Its values have been brought into our columns.
            FileFormat::JsonLines | FileFormat::Keycloak => Writer::JsonLines(file),
        };
        Ok(Self { writer })
    }

    pub(super) fn add(&mut self, row: &Row, reason: &str) -> io::Result<()> {
        match &mut self.writer {
            Writer::None => Ok(()),
            Writer::Csv(writer) => {
                let at = row.position.to_string();
                let values = Column::ALL.map(|column| row.get(column).unwrap_or_default());
                writer.write_record([&at, reason].into_iter().chain(values)).map_err(io::Error::other)
            }
            Writer::JsonLines(file) => {
                let [at_name, reason_name] = REJECTED_COLUMNS.map(str::to_owned);
                let mut object = Map::from_iter([(at_name, row.position.into()), (reason_name, reason.into())]);
                for column in Column::ALL {
                    if let Some(text) = row.get(column) {
                        object.insert(column.name().to_owned(), text.into());
                    }
                }
                serde_json::to_writer(&mut *file, &Value::Object(object))?;
                file.write_all(b"\n")
            }
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Writer::None => Ok(()),
            Writer::Csv(writer) => writer.flush(),
            Writer::JsonLines(file) => file.flush(),
        }
    }
}
