//! Use cases on accounts, shared by the pages, the command line and seeding.

mod create;
mod delete;
mod disable;
mod email_owner;
pub mod fields;
mod first_admin;
mod links;
mod lookup;
mod name_check;
mod new_password_required;
mod notification;
mod password;
pub mod roles;
mod service;
mod sign_out;
mod unlock;
mod update;

pub use create::{Creation, UserFields, create, finish_creation};
pub use delete::{Deletion, delete};
pub use disable::{Disabling, Enabling, disable, enable};
pub use email_owner::find_verified_owner;
pub use first_admin::{FirstAdmin, SetupLink, create_first_admin, create_setup_link};
pub use lookup::{Account, LIST_BATCH, find_active, find_user, with_roles};
pub use name_check::find_similar;
pub use new_password_required::NewPasswordRequirement;
pub use notification::queue_notification;
pub use password::{
    LINKS_REVOKED_ON_CREDENTIAL_CHANGE, PasswordChange, PasswordChanged, PasswordSetting, change_password, set_password,
};
pub use service::{AccountError, AccountService, COMMAND_ATTEMPTS};
pub use sign_out::{end_sessions, sign_out};
pub use unlock::{Unlocking, unlock};
pub use update::{UserUpdate, UserUpdating, update_user};
