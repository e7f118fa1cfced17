//! Reading JSON Lines: one object for each line.

use std::io::{BufRead as _, BufReader};

use serde_json::{Map, Value};

use super::columns::{Column, ColumnMap, NamedColumn};
use super::error::FileError;
use super::row::{Row, RowSink, Stopped};
use super::source::{Source, row_error};
use super::values;

pub(super) fn read(source: Source, columns: &ColumnMap, sink: &mut RowSink<'_>) -> Result<(), FileError> {
    let meter = source.meter();
    let mut reader = BufReader::new(source.into_reader());
    let mut line = Vec::new();
    let mut is_first = true;
    for position in 1.. {
        line.clear();
        meter.begin_row();
        if reader.read_until(b'\n', &mut line).map_err(|error| row_error(error, position))? == 0 {
            break;
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let row = match serde_json::from_slice::<Map<String, Value>>(text) {
            Ok(object) => read_object(position, object, columns),
            Err(error) => Ok(Row::broken(position, format!("it is not a JSON object: {error}"))),
        };
        let row = match row {
            Ok(row) => row,
            // What is wrong with the first row is most likely wrong with all of them.
            Err(advice) if is_first => return Err(FileError::Heading(advice)),
            Err(advice) => Row::broken(position, advice),
        };
        is_first = false;
        if let Err(Stopped) = sink(row) {
            break;
        }
    }
    Ok(())
}

/// Reads an object.
///
/// # Errors
/// It has an unknown field; the text says what to do.
fn read_object(position: u64, object: Map<String, Value>, columns: &ColumnMap) -> Result<Row, String> {
    let mut row = Row::new(position);
    for (name, value) in object {
        let column = match columns.find(&name) {
            NamedColumn::Known(column) => column,
            NamedColumn::Skipped => continue,
            NamedColumn::Unknown(advice) => return Err(advice),
        };
        match read_value(column, value) {
            Ok(text) => row.set(column, text.unwrap_or_default()),
            Err(WrongType) => row.problem = Some(format!("{} has the wrong type", column.name())),
        }
    }
    Ok(row)
}

/// A value whose type its column cannot have.
struct WrongType;

/// The text of a value; `None` for `null`.
fn read_value(column: Column, value: Value) -> Result<Option<String>, WrongType> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Bool(is_true) => Ok(Some(is_true.to_string())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Array(texts) if column == Column::Roles => {
            let texts: Option<Vec<&str>> = texts.iter().map(Value::as_str).collect();
            Ok(Some(values::join_roles(&texts.ok_or(WrongType)?)))
        }
        Value::Array(_) | Value::Object(_) => Err(WrongType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<Row>, FileError> {
        let mut rows = Vec::new();
        let source = Source::new(Box::new(std::io::Cursor::new(text.as_bytes().to_vec())))?;
        read(source, &ColumnMap::default(), &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn values_of_all_types_become_text() {
        let rows = rows("{\"username\":\"ann\",\"id\":7,\"roles\":[\"a\",\"b\"],\"email\":null,\"email_verified\":true}\r\n\n{\"username\":\"bob\"}")
            .expect("it is read");
        let texts: Vec<_> = Column::ALL.into_iter().filter_map(|column| rows[0].get(column)).collect();
        assert_eq!(texts, ["7", "ann", "true", "a b"]);
        assert_eq!((rows[1].position, rows[1].get(Column::Username)), (3, Some("bob")));
    }

    #[test]
    fn broken_line_is_one_broken_row_and_an_unknown_field_in_the_first_line_rejects_the_file() {
        let rows =
            rows("{\"username\":\"ann\"}\n{\"username\":\n[1]\n{\"username\":{}}\n{\"username\":\"b\",\"mail\":1}\n")
                .expect("it is read");
        assert_eq!(rows.iter().filter(|row| row.problem.is_some()).count(), 4);
        assert!(matches!(self::rows("{\"username\":\"ann\",\"mail\":1}"), Err(FileError::Heading(_))));
    }
}
