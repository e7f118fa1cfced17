//! Access tokens: what they claim, how they are signed and checked, and which sessions' tokens died early.
//! `access.rs` signs and checks, `claims.rs` says what stands in a token, `keys.rs` holds the keys, `ended.rs` the sessions that
//! ended early, `proofs.rs` asks the database what HS256 cannot prove; `refresh.rs` rotates refresh tokens. What may not live here: doors; nothing knows of HTTP.

mod access;
mod claims;
mod ended;
mod keys;
mod proofs;
mod refresh;
mod store;

pub use access::{Grant, IssuedToken, Subject, TokenError, Tokens, VerifiedToken};
pub use claims::Claims;
/// Why a token could not be signed.
pub use jsonwebtoken::errors::Error as SigningError;

pub use ended::EndedSessions;
pub use keys::{KeyError, Keys, Signer};
pub use refresh::{Rotation, begin as begin_refresh_tokens, find as find_refresh_token, rotate, seals_dead_before};
pub use store::has_keys;
pub use store::refresh_tokens::{RefreshToken, delete_old_tokens, erase_seals};
