//! Browser sign-in: the sign-in, sign-out and set-up pages.

mod pages;
mod redirect_loop;
mod response;
mod routes;
mod setup;
mod sign_in;
mod sign_out;

pub use routes::routes;
