//! Access tokens: what they claim, how they are signed and checked, and which sessions' tokens died early.
//! `access.rs` signs and checks, `claims.rs` says what stands in a token, `inspect.rs` reads one without checking it,
//! `explain/` says in words what is wrong with one, `keys.rs` holds the keys, `ended.rs` the sessions that
//! ended early; `refresh.rs` rotates refresh tokens. What may not live here: doors; nothing knows of HTTP.

mod access;
mod claims;
mod ended;
mod explain;
mod inspect;
mod keys;
mod refresh;
mod refresh_store;
mod store;

pub use access::{Grant, IssuedToken, Subject, TokenError, Tokens, VerifiedToken};
pub use claims::Claims;
/// Why a token could not be signed.
pub use jsonwebtoken::errors::Error as SigningError;

pub use ended::EndedSessions;
pub use explain::{Finding, explain};
pub use inspect::{NotAToken, Unchecked, read as read_unchecked};
pub use keys::{KeyError, Keys, Signer};
pub use refresh::{Rotation, begin as begin_refresh_tokens, find as find_refresh_token, rotate, seals_dead_before};
pub use refresh_store::{RefreshToken, delete_old_tokens, erase_seals};
pub use store::has_keys;
