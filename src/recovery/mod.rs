//! Password reset and email verification: the pages, and the changes that their one-time links allow.

mod email_verification;
mod forgot;
mod pages;
mod password_reset;
mod reset;
mod routes;
mod verify;

pub use email_verification::{EmailChangeRequest, cancel_email_change, find_pending_email, request_email_change};
pub use password_reset::{
    PasswordLinkKind, PasswordLinkMail, Reset, ResetLink, ResetMail, ResetRequest, create_reset_link,
    mail_password_link, mail_reset_link, queue_password_link, reset_password,
};
pub use routes::routes;
