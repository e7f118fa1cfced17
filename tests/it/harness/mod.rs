//! What tests stand on: a database of their own (`database.rs`), a server in this process whose clock can be moved (`app.rs`), and the
//! real binary as a process (`process.rs`), and who asks: a person's HTTP (`visitor.rs`) and a
//! real browser (`browser.rs`). What may not live here: assertions about Vestibule.

pub mod app;
pub mod browser;
pub mod database;
pub mod process;
pub mod visitor;

pub use app::TestApp;
pub use database::TestDatabase;
pub use process::ServerProcess;

/// A password that every rule allows.
pub const PASSWORD: &str = "correct horse battery staple";
