//! Users as files: importing them from CSV, JSON Lines and a realm export of Keycloak, and exporting them again.

mod check;
mod columns;
mod csv_rows;
mod error;
mod export;
mod format;
mod hashes;
mod import;
mod json_rows;
mod keycloak;
mod rejected;
mod report;
mod row;
mod source;
mod values;

pub use check::CheckOptions;
pub use columns::{Column, ColumnMap, UnknownColumns};
pub use error::{FileError, ImportError};
pub use export::{ExportFormat, UserWriter};
pub use format::FileFormat;
pub use hashes::HashOptions;
pub use import::{ImportOptions, import};
pub use rejected::RejectedRows;
pub use report::{Finding, FormatReport, ImportReport, Progress};
pub use source::Source;
