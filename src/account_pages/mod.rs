//! What a signed-in person does for themselves: sees who and where they are signed in, ends sessions, changes their name, language,
//! address and password, deletes their account. `routes.rs` mounts the pages; each has a file of its own (`overview.rs`, `profile.rs`,
//! `email.rs`, `signed_in.rs`, `password.rs`, `deletion.rs`), which begins with `context.rs` and ends in `pages.rs`; `asking.rs` asks for the password once more,
//! `draft.rs` keeps what was typed, `rows.rs` has sessions and events in words. What may not live here: a table of its own.

mod context;
mod deletion;
mod draft;
mod email;
mod overview;
mod pages;
mod password;
mod profile;
mod reauthentication;
mod routes;
mod rows;
mod sessions;

pub use routes::routes;
