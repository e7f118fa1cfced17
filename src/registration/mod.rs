//! New accounts by invitation or open registration: the pages, and what their links allow.
//!
//! The email address comes first: no name is taken and no password hashed for a person who cannot read the mail.

mod invitation;
mod invite;
mod pages;
mod register;
mod routes;

pub use invitation::{Invitation, invite, list_invitations, revoke_invitation};
pub use routes::routes;
