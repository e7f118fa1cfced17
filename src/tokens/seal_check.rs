//! Whether a server key opens the signing keys in the database.

use super::store;
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::secret::{KeyPurpose, ServerKey};

/// Which signing keys that are not retired a server key opens.
#[derive(Clone, Debug)]
pub struct SealCheck {
    /// How many it opens.
    pub opened: usize,
    /// The IDs of those that were sealed with another server key.
    pub others: Vec<String>,
    /// When the newest of all was created; `None` if there is none.
    pub newest_created_at: Option<Moment>,
}

/// Tries to open each signing key that is not retired.
///
/// # Errors
/// The database cannot be read.
pub fn check_seals(conn: &mut DbConnection, key: &ServerKey) -> Result<SealCheck, DbError> {
    let seal = key.derive(KeyPurpose::SigningKeys);
    let keys = store::list(conn, false)?;
    let newest_created_at = keys.first().map(|key| key.created_at);
    let (opened, others): (Vec<_>, Vec<_>) =
        keys.into_iter().partition(|key| seal.open(&key.kid, &key.private_key_sealed).is_some());
    Ok(SealCheck { opened: opened.len(), others: others.into_iter().map(|key| key.kid).collect(), newest_created_at })
}
