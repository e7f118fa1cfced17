//! Why a file cannot be read, or an import cannot go on.

use std::io;

use crate::db::DbError;

/// Why a file of users cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[source] io::Error),
    /// UTF-16, or no text.
    #[error(
        "it is not UTF-8 text, but UTF-16 or binary: save it as \"CSV UTF-8\", or convert it with \"iconv -f UTF-16 -t UTF-8\""
    )]
    NotUtf8,
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// A row over the limit.
    #[error("the row at {at} is longer than {} KiB: perhaps a quotation mark before it is not closed", super::source::MAX_ROW_BYTES / 1024)]
    RowTooLong {
        /// The line, or the number of the user.
        at: u64,
    },
    /// The heading is wrong; the text says what to do.
    #[error("{0}")]
    Heading(String),
    /// It is not the JSON that its format says.
    #[error("it is not valid JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// A JSON array.
    #[error("it is a JSON array: write one object for each line, such as with \"jq -c '.[]'\"")]
    Array,
    /// A JSON object without a list of users.
    #[error("it has no list of users: export the realm with its users (kc.sh export --users realm_file)")]
    NoUsers,
}

/// Why an import ended before the end of the file. Every batch before it was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read to its end.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file of rejected rows cannot be written.
    #[error("cannot write the rejected rows")]
    Rejected(#[source] io::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A thread of the import panicked.
    #[error("the import stopped unexpectedly: this is a bug")]
    Panicked,
}
