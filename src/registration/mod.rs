//! New accounts, where the settings allow them: `/register` asks for a link by mail, `/invite` is what the link opens, and an admin's
//! invitation too. `routes.rs` mounts them, `register.rs` and `invite.rs` are HTTP in and out, `pages.rs` the pages. The address comes
//! first and all else after it is proved: no name is taken, and no password hashed, for somebody who cannot read the mail.
//! What may not live here: what a link lets its holder do (`admin`).

mod invite;
mod pages;
mod register;
mod routes;

pub use routes::routes;
