//! The reverse proxies' door: may this request pass, and who sends it? `routes.rs` is HTTP in and out, one route for each kind of
//! proxy; `original.rs` reads what the proxy was asked for, `decision.rs` decides, `rule.rs` is what the proxy's configuration demands,
//! `identity.rs` tells the application who it is, `pages.rs` is for a person who may not pass. What may not live here: setting a cookie,
//! signing a token.

mod decision;
mod identity;
mod original_request;
mod pages;
pub mod routes;
mod rule;

pub use routes::routes;
