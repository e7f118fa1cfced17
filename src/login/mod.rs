//! The people's door: sign in, sign out, first-run set-up. `routes.rs`, `returning.rs`, `sign_out.rs` and `setup.rs` are HTTP in and out, `pages.rs` the pages.
//! What may not live here: checking a password (`credentials`).

mod pages;
mod redirect_loop;
mod routes;
mod setup;
mod sign_out;

pub use routes::routes;
