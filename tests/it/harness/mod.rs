//! What tests stand on: a database of their own (`database.rs`), a server in this process whose clock can be moved (`app.rs`), the
//! real binary as a process (`process.rs`), a way to the database beside them (`beside.rs`), and the sources as text
//! (`sources.rs`). What may not live here: assertions about Vestibule.

pub mod app;
pub mod beside;
pub mod database;
pub mod process;
pub mod sources;

pub use app::TestApp;
pub use database::TestDatabase;
pub use process::ServerProcess;

/// A password that every rule allows.
pub const PASSWORD: &str = "correct horse battery staple";
