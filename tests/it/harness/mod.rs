//! What tests stand on: a database of their own (`database.rs`), a server in this process whose clock can be moved (`app.rs`), and the
//! real binary as a process (`process.rs`); `answers.rs` reads answers whole, `hs256.rs` signs with a shared secret. What may not live here: assertions about Vestibule.

pub mod answers;
pub mod app;
pub mod beside;
pub mod database;
pub mod hs256;
pub mod process;
pub mod sources;

pub use answers::Answer;
pub use app::TestApp;
pub use database::TestDatabase;
pub use process::ServerProcess;

/// A password that every rule allows.
pub const PASSWORD: &str = "correct horse battery staple";
