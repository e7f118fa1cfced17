//! Reading CSV as spreadsheets and databases write it: commas, semicolons or tabs, CRLF, quoted line breaks.

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::columns::{Column, ColumnMap, NamedColumn};
use super::error::FileError;
use super::row::{Row, RowSink, Stopped};
use super::source::{Source, row_error};

/// The most columns of a file.
const MAX_COLUMNS: usize = 1_000;
const DELIMITERS: [u8; 3] = *b",;\t";

pub(super) fn read(mut source: Source, columns: &ColumnMap, sink: &mut RowSink<'_>) -> Result<(), FileError> {
    let delimiter = find_delimiter(&mut source);
    let meter = source.meter();
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(source.into_reader());
    let mut record = ByteRecord::new();
    meter.begin_row();
    if !read_record(&mut reader, &mut record)? {
        return Err(FileError::Empty);
    }
    let heading = read_heading(&record, columns)?;
    loop {
        meter.begin_row();
        if !read_record(&mut reader, &mut record)? {
            return Ok(());
        }
        let row = read_row(&record, &heading);
        // Spreadsheets write delimiters only for rows that were emptied.
        if row.problem.is_none() && row.is_empty() {
            continue;
        }
        if let Err(Stopped) = sink(row) {
            return Ok(());
        }
    }
}

fn read_record(reader: &mut Reader<impl std::io::Read>, record: &mut ByteRecord) -> Result<bool, FileError> {
    let line = reader.position().line();
    reader.read_byte_record(record).map_err(|error| match error.into_kind() {
        ErrorKind::Io(error) => row_error(error, line),
        other => FileError::Heading(format!("line {line} is not valid CSV: {other:?}")),
    })
}

/// The character between the columns: the one that the first line has most of, outside of quotation marks. Spreadsheets
/// may name it in a line of its own, such as `sep=;`, which is skipped.
fn find_delimiter(source: &mut Source) -> u8 {
    let line = source.head().split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Some([delimiter, rest @ ..]) = line.strip_prefix(b"sep=")
        && DELIMITERS.contains(delimiter)
        && matches!(rest, [] | b"\r")
    {
        let (delimiter, length) = (*delimiter, line.len());
        source.skip((length + 1).min(source.head().len()));
        return delimiter;
    }
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in line {
        is_quoted ^= *byte == b'"';
        if let Some(at) = DELIMITERS.iter().position(|delimiter| delimiter == byte).filter(|_| !is_quoted) {
            counts[at] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    counts.iter().position(|count| *count == most).map_or(DELIMITERS[0], |at| DELIMITERS[at])
}

/// The column of each field; `None` for one that is skipped.
fn read_heading(record: &ByteRecord, columns: &ColumnMap) -> Result<Vec<Option<Column>>, FileError> {
    if record.len() > MAX_COLUMNS {
        return Err(FileError::Heading(format!("it has more than {MAX_COLUMNS} columns")));
    }
    let mut heading: Vec<Option<Column>> = Vec::new();
    for field in record {
        let name = std::str::from_utf8(field).map_err(|_| FileError::NotUtf8)?;
        let column = match columns.find(name) {
            NamedColumn::Known(column) => Some(column),
            // A column without a heading has no value that could be lost.
            NamedColumn::Skipped => None,
            NamedColumn::Unknown(_) if name.trim().is_empty() => None,
            NamedColumn::Unknown(advice) => return Err(FileError::Heading(advice)),
        };
        if let Some(column) = column.filter(|column| heading.contains(&Some(*column))) {
            return Err(FileError::Heading(format!("two columns are `{}`: remove one of them", column.name())));
        }
        heading.push(column);
    }
    if !heading.contains(&Some(Column::Username)) {
        let text = "it has no column `username`: the first line must name the columns; name the column that holds \
                    usernames with --column username=NAME";
        return Err(FileError::Heading(text.to_owned()));
    }
    Ok(heading)
}

fn read_row(record: &ByteRecord, heading: &[Option<Column>]) -> Row {
    let mut row = Row::new(record.position().map_or(0, csv::Position::line));
    if record.len() != heading.len() {
        row.problem = Some(format!(
            "it has {} columns and the heading {}: perhaps a quotation mark is missing",
            record.len(),
            heading.len()
        ));
    }
    for (field, column) in record.iter().zip(heading) {
        let Some(column) = column else { continue };
        match std::str::from_utf8(field) {
            Ok(text) => row.set(*column, text.trim().to_owned()),
            Err(_) => row.problem = Some(format!("{} is not UTF-8: save the file as UTF-8", column.name())),
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> Result<Vec<Row>, FileError> {
        let mut rows = Vec::new();
        let source = Source::new(Box::new(std::io::Cursor::new(text.to_vec())))?;
        read(source, &ColumnMap::default(), &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    fn names(text: &[u8]) -> Vec<String> {
        let rows = rows(text).expect("it is read");
        rows.iter().map(|row| row.get(Column::DisplayName).unwrap_or("-").to_owned()).collect()
    }

    #[test]
    fn csv_of_spreadsheets_is_read() {
        for text in [
            &b"username,display_name\nann,Ann\n"[..],
            b"\xEF\xBB\xBFusername;display_name\r\nann;Ann\r\n;\r\n",
            b"sep=;\r\nusername;display_name\r\nann;Ann",
            b"display_name\tusername\nAnn\tann\n",
            b"\"username\",\"display_name\"\n\n\"ann\",\"Ann\"\n",
            b"username,display_name,\nann,Ann,\n",
        ] {
            assert_eq!(names(text), ["Ann"], "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(names(b"username,display_name\nann,\"A, \"\"n\"\"\nn\"\n"), ["A, \"n\"\nn"]);
    }

    #[test]
    fn row_with_missing_columns_is_broken_and_the_next_is_read() {
        let rows = rows(b"username,display_name\nann\n\xFF,x\nbob,Bob\n").expect("it is read");
        let problems: Vec<bool> = rows.iter().map(|row| row.problem.is_some()).collect();
        assert_eq!((problems, rows[2].position), (vec![true, true, false], 4));
    }

    #[test]
    fn unclosed_quotation_mark_ends_at_the_limit_of_a_row() {
        let text = [&b"username\n\"ann\n"[..], &b"x\n".repeat(200_000)].concat();
        assert!(matches!(rows(&text), Err(FileError::RowTooLong { at: 2 })));
    }

    #[test]
    fn utf_16_and_a_heading_without_usernames_are_rejected() {
        for text in [&b"\xFF\xFEu\0s\0"[..], b"\xFE\xFF\0u", b"u\0s\0e\0"] {
            assert!(matches!(rows(text), Err(FileError::NotUtf8)));
        }
        for text in [&b"email\na@example.com\n"[..], b"username,username\nann,ann\n", b"username,mail\nann,x\n"] {
            assert!(matches!(rows(text), Err(FileError::Heading(_))), "{}", String::from_utf8_lossy(text));
        }
        assert!(matches!(rows(b" \n"), Err(FileError::Empty)));
    }
}
