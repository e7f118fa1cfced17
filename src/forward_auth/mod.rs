//! Forward-auth endpoints, where a reverse proxy asks whether a request is allowed and who sent it.

mod decision;
mod identity;
mod original_request;
mod pages;
pub mod routes;
mod rule;

pub use routes::routes;
