//! What tests stand on: a database of their own (`database.rs`), a server in this process whose clock can be moved (`app.rs`), the
//! real binary as a process (`process.rs`), a way to the database beside them (`beside.rs`), its absence (`away.rs`), answers read whole (`answers.rs`), tokens
//! signed with a shared secret (`hs256.rs`), what programs do (`programs.rs`) and
//! proxies (`proxies.rs`), real proxies (`reverse_proxy.rs`), programs that others wrote (`peers.rs`), a mail server (`mail.rs`), a person's HTTP (`visitor.rs`), a real browser (`browser.rs`), what keeps a page in it out of reach (`reach.rs`), and the sources as text
//! (`sources.rs`). What may not live here: assertions about Vestibule.

pub mod answers;
pub mod app;
pub mod away;
pub mod beside;
pub mod browser;
pub mod database;
pub mod driver;
pub mod hs256;
pub mod mail;
pub mod peers;
pub mod process;
pub mod programs;
pub mod proxies;
pub mod reach;
pub mod reverse_proxy;
pub mod sources;
pub mod visitor;

pub use answers::Answer;
pub use app::TestApp;
pub use database::TestDatabase;
pub use process::ServerProcess;

/// A password that every rule allows.
pub const PASSWORD: &str = "correct horse battery staple";
