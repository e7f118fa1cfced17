//! `/admin`: the pages of administrators and of support staff: users, events, clients and signing keys.

mod access;
mod actions;
mod clients;
mod events;
mod invite;
mod keys;
mod pages;
mod routes;
mod rows;
mod user;
mod users;

pub use routes::routes;
