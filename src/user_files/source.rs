//! The bytes of a file of users: the encoding, and a limit on the bytes of one row.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::FileError;

/// The most bytes of a row, up to a buffer: an unclosed quotation mark must not bring the rest of the file into memory.
pub(super) const MAX_ROW_BYTES: u64 = 64 * 1024;
/// The bytes from which the encoding and the format are recognized.
const HEAD_BYTES: u64 = 64 * 1024;
const NO_LIMIT: u64 = u64::MAX;

/// A file of users. Its byte order mark has been skipped.
pub struct Source {
    head: Vec<u8>,
    rest: Box<dyn Read + Send>,
    meter: Meter,
}

/// Counts and limits the bytes that are read. Clones share the count.
#[derive(Clone, Debug)]
pub struct Meter(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    read: AtomicU64,
    left: AtomicU64,
}

impl Source {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or is not UTF-8 text.
    pub fn new(mut file: Box<dyn Read + Send>) -> Result<Self, FileError> {
        let mut head = Vec::new();
        file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(FileError::Read)?;
        let is_utf16 = head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]);
        // Text of UTF-16 without a byte order mark has one in every second byte.
        if is_utf16 || head.contains(&0) {
            return Err(FileError::NotUtf8);
        }
        if head.starts_with(&[0xEF, 0xBB, 0xBF]) {
            head.drain(..3);
        }
        if head.iter().all(u8::is_ascii_whitespace) {
            return Err(FileError::Empty);
        }
        let counts = Counts { read: AtomicU64::new(0), left: AtomicU64::new(NO_LIMIT) };
        Ok(Self { head, rest: file, meter: Meter(Arc::new(counts)) })
    }

    /// The beginning.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Skips bytes of the beginning.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.head.drain(..bytes);
    }

    /// The count of the bytes that were read.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    pub(super) fn into_reader(self) -> Metered {
        Metered { inner: Box::new(Cursor::new(self.head).chain(self.rest)), meter: self.meter }
    }
}

impl Meter {
    /// The bytes that were read so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Allows as many bytes as a row may have.
    pub(super) fn begin_row(&self) {
        self.0.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
    }

    /// Allows any number of bytes, for what is skipped.
    pub(super) fn allow_any(&self) {
        self.0.left.store(NO_LIMIT, Ordering::Relaxed);
    }
}

/// The bytes of a file. Reading fails with [`io::ErrorKind::FileTooLarge`] at the limit of a row.
pub(super) struct Metered {
    inner: Box<dyn Read + Send>,
    meter: Meter,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Counts { read, left } = &*self.meter.0;
        let allowed = left.load(Ordering::Relaxed);
        if allowed == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = buffer.len().min(usize::try_from(allowed).unwrap_or(usize::MAX));
        let count = self.inner.read(&mut buffer[..length])?;
        read.fetch_add(count as u64, Ordering::Relaxed);
        if allowed != NO_LIMIT {
            left.store(allowed - count as u64, Ordering::Relaxed);
        }
        Ok(count)
    }
}

/// The error of reading the row at this position.
pub(super) fn row_error(error: io::Error, at: u64) -> FileError {
    if error.kind() == io::ErrorKind::FileTooLarge { FileError::RowTooLong { at } } else { FileError::Read(error) }
}
