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

pub(crate) use context::{AccountContext, AccountRequest, SignInRedirect};
pub(crate) use reauthentication::{ReauthenticationOutcome, reauthenticate, rejection_alert};
pub use routes::routes;
