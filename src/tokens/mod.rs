//! Access tokens, refresh tokens and signing keys.

mod access;
mod claims;
mod explain;
mod inspect;
mod key_list;
mod key_maintenance;
mod key_pair;
mod key_rotation;
mod keys;
mod refresh;
mod session_check;
mod store;

pub use access::{Grant, IssuedToken, Subject, TokenError, TokenService, VerifiedToken};
pub use claims::Claims;
/// Why a token could not be signed.
pub use jsonwebtoken::errors::Error as SigningError;

pub use explain::{Finding, explain};
pub use inspect::{NotAToken, Unchecked, read as read_unchecked};
pub use key_list::{KeyRecord, KeyRetirement, KeyState, list_keys, retire_key};
pub use key_pair::{FreshKey, KeyError, Signer};
pub use key_rotation::{
    KeyNeed, Resealing, add as add_key, is_needed as is_key_needed, kept_until, reseal as reseal_keys,
};
pub use keys::{DEFAULT_LEAD, Keys};
pub use refresh::{Rotation, begin as begin_refresh_tokens, find as find_refresh_token, rotate, seals_dead_before};
pub use store::has_keys;
pub use store::refresh_tokens::{RefreshToken, delete_old_tokens, erase_seals};
