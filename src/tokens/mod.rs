//! Access tokens: what they claim, how they are signed and checked, and which sessions' tokens died early.
//! `access.rs` signs and checks, `claims.rs` says what stands in a token, `keys.rs` holds the keys, `ended.rs` the sessions that
//! ended early. What may not live here: doors; nothing knows of HTTP.

mod access;
mod claims;
mod ended;
mod keys;
mod store;

pub use access::{IssuedToken, TokenError, Tokens, VerifiedToken};
pub use claims::Claims;
/// Why a token could not be signed.
pub use jsonwebtoken::errors::Error as SigningError;

pub use ended::EndedSessions;
pub use keys::{KeyError, Keys};
pub use store::has_keys;
