//! The people's door: sign in, sign out, first-run set-up. `routes.rs` and `setup.rs` are HTTP in and out, `pages.rs` the pages,
//! `form_post.rs` what every form post must pass. What may not live here: checking a password (`credentials`).

mod form_post;
mod pages;
mod routes;
mod setup;

pub use routes::{Notice, routes};
