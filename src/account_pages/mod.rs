//! The pages of a signed-in user: overview, profile, email address, sessions, password and deletion.

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
