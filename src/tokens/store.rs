//! All SQL on signing keys. What may not live here: anything that opens them.

pub(super) mod refresh_tokens;

use diesel::prelude::*;

use super::key_pair::FreshKey;
use crate::clock::Moment;
use crate::config::KeyAlgorithm;
use crate::db::DbConnection;
use crate::db::schema::{counters, sessions, signing_keys};

/// A key as it is stored.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
pub(super) struct StoredKey {
    pub kid: String,
    pub algorithm: String,
    pub private_key_sealed: String,
    pub public_jwk: String,
    pub created_at: Moment,
    pub retired_at: Option<Moment>,
    signs_from: Option<Moment>,
}

impl StoredKey {
    /// `None` for an algorithm that this release does not know: a newer one made the key.
    pub fn algorithm(&self) -> Option<KeyAlgorithm> {
        KeyAlgorithm::from_name(&self.algorithm)
    }

    /// When it begins to sign; a key of an earlier release did so at once.
    pub fn signs_from(&self) -> Moment {
        self.signs_from.unwrap_or(self.created_at)
    }
}

/// All keys, the newest first; retired ones too when `with_retired`.
pub(super) fn list(conn: &mut DbConnection, with_retired: bool) -> QueryResult<Vec<StoredKey>> {
    let keys = signing_keys::table.order((signing_keys::created_at.desc(), signing_keys::kid.asc()));
    if with_retired {
        return keys.select(StoredKey::as_select()).load(conn);
    }
    keys.filter(signing_keys::retired_at.is_null()).select(StoredKey::as_select()).load(conn)
}

/// The accepted keys as (`kid`, when it begins to sign), to see whether anything has changed.
pub(super) fn list_accepted_times(conn: &mut DbConnection) -> QueryResult<Vec<(String, Moment)>> {
    let rows: Vec<(String, Option<Moment>, Moment)> = signing_keys::table
        .filter(signing_keys::retired_at.is_null())
        .select((signing_keys::kid, signing_keys::signs_from, signing_keys::created_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(kid, signs_from, created_at)| (kid, signs_from.unwrap_or(created_at))).collect())
}

/// Holds the table of keys until the end of the transaction: of processes that would each make or retire a key, the second sees
/// what the first did.
pub(super) fn lock(conn: &mut DbConnection) -> QueryResult<()> {
    diesel::update(counters::table.find("signing_keys_made"))
        .set(counters::value.eq(counters::value))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert(conn: &mut DbConnection, key: &FreshKey, signs_from: Moment, now: Moment) -> QueryResult<()> {
    diesel::update(counters::table.find("signing_keys_made"))
        .set(counters::value.eq(counters::value + 1))
        .execute(conn)?;
    diesel::insert_into(signing_keys::table)
        .values((
            signing_keys::kid.eq(&key.kid),
            signing_keys::algorithm.eq(key.algorithm.as_str()),
            signing_keys::private_key_sealed.eq(&key.private_key_sealed),
            signing_keys::public_jwk.eq(&key.public_jwk),
            signing_keys::created_at.eq(now),
            signing_keys::signs_from.eq(signs_from),
        ))
        .execute(conn)
        .map(drop)
}

/// Lets a key sign from `now` on.
pub(super) fn set_signs_from(conn: &mut DbConnection, kid: &str, now: Moment) -> QueryResult<bool> {
    let row = signing_keys::table.find(kid).filter(signing_keys::retired_at.is_null());
    Ok(diesel::update(row).set(signing_keys::signs_from.eq(now)).execute(conn)? == 1)
}

/// Retires a key and erases its private part. Returns whether this call did.
pub(super) fn retire(conn: &mut DbConnection, kid: &str, now: Moment) -> QueryResult<bool> {
    let row = signing_keys::table.find(kid).filter(signing_keys::retired_at.is_null());
    let count = diesel::update(row)
        .set((signing_keys::retired_at.eq(now), signing_keys::private_key_sealed.eq("")))
        .execute(conn)?;
    Ok(count == 1)
}

/// Puts another seal in place of `before`. Returns whether it was still there.
pub(super) fn set_sealed(conn: &mut DbConnection, kid: &str, before: &str, after: &str) -> QueryResult<bool> {
    let row = signing_keys::table.find(kid).filter(signing_keys::private_key_sealed.eq(before));
    Ok(diesel::update(row).set(signing_keys::private_key_sealed.eq(after)).execute(conn)? == 1)
}

/// Deletes keys that were retired before `before`.
pub(super) fn delete_retired(conn: &mut DbConnection, before: Moment) -> QueryResult<usize> {
    diesel::delete(signing_keys::table.filter(signing_keys::retired_at.lt(before))).execute(conn)
}

/// A signing key as far as a token that names it can be judged by it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
pub(super) struct KnownKey {
    pub algorithm: String,
    pub public_jwk: String,
    pub retired_at: Option<Moment>,
}

/// The key with this `kid`, retired ones too.
pub(super) fn find_known(conn: &mut DbConnection, kid: &str) -> QueryResult<Option<KnownKey>> {
    signing_keys::table.find(kid).select(KnownKey::as_select()).first(conn).optional()
}

/// Whether the database holds a signing key or a session: then a server key has been in use, and a new one would not fit.
///
/// # Errors
/// When a query fails.
pub fn has_keys(conn: &mut DbConnection) -> QueryResult<bool> {
    let keys: i64 = signing_keys::table.count().get_result(conn)?;
    let session: Option<String> = sessions::table.select(sessions::id).first(conn).optional()?;
    Ok(keys > 0 || session.is_some())
}
