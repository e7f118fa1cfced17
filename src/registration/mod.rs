//! New accounts by invitation or open registration: the pages, and the accounts that their one-time links allow.

mod invitation;
mod invite;
mod pages;
mod register;
mod registration_links;
mod routes;

pub use invitation::{Invitation, invite, list_invitations, revoke_invitation};
pub use registration_links::RegistrationLinks;
pub use routes::routes;
