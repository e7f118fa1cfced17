//! New accounts by invitation or open registration: the pages, and the accounts that their one-time links allow.

mod invitation;
mod invite;
mod pages;
mod register;
mod routes;

pub use invitation::{Invitation, invite, list_invitations, revoke_invitation};
pub use routes::routes;
