//! Access tokens: what they claim, how they are signed and checked, and which sessions' tokens died early.
//! `access.rs` signs and checks, `claims.rs` says what stands in a token, `ended.rs` knows the sessions that ended early, `proofs.rs` asks the
//! database what HS256 cannot check_against_session;
//! `inspect.rs` reads a token without checking it, `explain/` says in words what is wrong with one; `keys.rs` holds the keys, `key_pair.rs` makes and opens one, `key_rotation.rs`, `key_tending.rs`
//! and `key_list.rs` say when; `refresh.rs` rotates refresh tokens. What may not live here: doors; nothing knows of HTTP.

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
mod revoked;
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
pub use revoked::RevokedSessions;
pub use store::has_keys;
pub use store::refresh_tokens::{RefreshToken, delete_old_tokens, erase_seals};
