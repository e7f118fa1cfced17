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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::super::columns::ColumnMap;
    use super::super::source::Source;
    use super::*;

    /// What was written, in memory.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no thread panicked").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn read(text: Vec<u8>, format: FileFormat) -> Vec<Row> {
        let mut rows = Vec::new();
        let Ok(source) = Source::new(Box::new(io::Cursor::new(text))) else { return rows };
        // Any text may be rejected; what was read until then is returned.
        let _ = format.read_rows(source, &ColumnMap::default(), false, &mut |row| {
            rows.push(row);
            Ok(())
        });
        rows
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A corrected file is imported: every row must be read as it was written.
        #[test]
        fn rejected_rows_are_read_as_they_were_written(
            values in proptest::collection::vec(proptest::array::uniform10("[^\\s\\x00]([^\\x00]{0,20}[^\\s\\x00])?"), 1..5),
            reason in "[^\\x00]{0,20}",
            is_csv in any::<bool>(),
        ) {
            let format = if is_csv { FileFormat::Csv } else { FileFormat::JsonLines };
            let memory = Memory::default();
            let mut rejected = RejectedRows::new(Box::new(memory.clone()), format).expect("memory can be written");
            for values in &values {
                let mut row = Row::new(1);
                for (column, value) in Column::ALL.into_iter().zip(values) {
                    row.set(column, value.clone());
                }
                rejected.add(&row, &reason).expect("memory can be written");
            }
            rejected.flush().expect("memory can be written");
            let text = memory.0.lock().expect("no thread panicked").clone();
            let rows = read(text, format);
            let read: Vec<Vec<String>> = rows
                .iter()
                .map(|row| Column::ALL.into_iter().map(|column| row.get(column).unwrap_or_default().to_owned()).collect())
                .collect();
            prop_assert!(rows.iter().all(|row| row.problem.is_none()));
            prop_assert_eq!(read, values.iter().map(|values| values.to_vec()).collect::<Vec<_>>());
        }

        /// No file makes a reader panic or go on for ever, and no row has an earlier position than the one before.
        #[test]
        fn any_bytes_are_read_to_an_end(text in proptest::collection::vec(any::<u8>(), 0..400), beginning in 0..4_usize) {
            let beginnings = ["", "username,email\n", "{\"username\":\"ann\"}\n", "{\"users\":[{\"username\":\"ann\"},"];
            let text = [beginnings[beginning].as_bytes(), &text].concat();
            for format in [FileFormat::Csv, FileFormat::JsonLines, FileFormat::Keycloak] {
                let positions: Vec<u64> = read(text.clone(), format).iter().map(|row| row.position).collect();
                prop_assert!(positions.is_sorted(), "{:?}", positions);
            }
        }
    }
}
