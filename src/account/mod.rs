//! What a signed-in person does for themselves: for now, seeing who they are and when they signed in.
//! `routes.rs` is HTTP in and out, `pages.rs` the page. What may not live here: a table of its own.

mod pages;
mod routes;

pub use routes::routes;
