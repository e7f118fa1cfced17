//! Getting back in, and proving an address: `/password/forgot`, `/password/reset`, `/email/verify`. `routes.rs` mounts them, `forgot.rs`,
//! `reset.rs` and `verify.rs` are HTTP in and out, `pages.rs` the pages. What may not live here: what a link lets its holder do (`admin`).

mod forgot;
mod pages;
mod reset;
mod routes;
mod verify;

pub use routes::routes;
