//! Access tokens, refresh tokens and signing keys.

mod access;
mod claims;
mod claims_key;
mod display;
mod explain;
mod key_choice;
mod key_list;
mod key_maintenance;
mod key_pair;
mod key_rotation;
mod keys;
mod refresh_rotation;
mod refresh_token;
mod seal_check;
mod session_check;
mod size;
mod store;
mod unverified;
mod verified;

pub use access::{Grant, IssuedToken, Subject, TokenService};
pub use claims::Claims;
/// The error of a signature that could not be made.
pub use jsonwebtoken::errors::Error as SigningError;

pub use explain::{Finding, explain};
pub use key_list::{KeyRecord, KeyRetirement, KeyState, list_keys, retire_key};
pub use key_pair::{KeyError, NewKey, Signer};
pub use key_rotation::{
    AddKeyIf, Resealing, add as add_key, is_needed as is_key_needed, kept_until, replace_all as replace_keys,
    reseal as reseal_keys,
};
pub use keys::Keys;
pub use refresh_rotation::{
    FoundToken, Rotation, create as create_refresh_token, erase_sealed_successors,
    exchange_unused as exchange_unused_refresh_token, find as find_refresh_token,
    find_or_recognize as find_or_recognize_refresh_token, find_with_owner as find_refresh_token_with_owner, rotate,
};
pub use refresh_token::{PlainRefreshToken, RefreshTokenKey};
pub use seal_check::{SealCheck, check_seals};
pub use size::{BrowserTokenSize, LONGEST_COOKIE_NAME, MAX_BROWSER_TOKEN_BYTES};
pub use store::has_keys_or_sessions;
pub use store::refresh_tokens::{PresentedToken, RefreshToken, delete_of_families, delete_old_refresh_tokens};
pub use unverified::{DecodeError, UnverifiedToken, decode_unverified};
pub use verified::{TokenError, VerifiedToken};
