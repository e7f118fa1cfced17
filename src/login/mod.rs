//! The people's door: sign in, sign out, first-run set-up. `routes.rs` and `setup.rs` are HTTP in and out, `pages.rs` the pages.
//! What may not live here: checking a password (`credentials`).

mod pages;
mod routes;
mod setup;

pub use routes::routes;
