//! All SQL on signing keys.

pub(super) mod refresh_tokens;

use diesel::prelude::*;

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
    /// `None` for an algorithm that only a newer release knows.
    pub fn algorithm(&self) -> Option<KeyAlgorithm> {
        KeyAlgorithm::from_name(&self.algorithm)
    }

    /// When it starts to sign; a key of an earlier release did so at once.
    pub fn signs_from(&self) -> Moment {
        self.signs_from.unwrap_or(self.created_at)
    }
}

/// A new key as it is stored.
#[derive(Insertable)]
#[diesel(table_name = signing_keys)]
pub(super) struct NewKeyRow<'a> {
    pub kid: &'a str,
    pub algorithm: &'a str,
    pub private_key_sealed: &'a str,
    pub public_jwk: &'a str,
    pub created_at: Moment,
    pub signs_from: Moment,
}

/// Lists all keys, newest first, with or without retired ones.
pub(super) fn list(conn: &mut DbConnection, with_retired: bool) -> QueryResult<Vec<StoredKey>> {
    let keys = signing_keys::table.order((signing_keys::created_at.desc(), signing_keys::kid.asc()));
    if with_retired {
        return keys.select(StoredKey::as_select()).load(conn);
    }
    keys.filter(signing_keys::retired_at.is_null()).select(StoredKey::as_select()).load(conn)
}

/// Lists the keys that are not retired as (`kid`, when it starts to sign).
pub(super) fn list_signing_times(conn: &mut DbConnection) -> QueryResult<Vec<(String, Moment)>> {
    let rows: Vec<(String, Option<Moment>, Moment)> = signing_keys::table
        .filter(signing_keys::retired_at.is_null())
        .select((signing_keys::kid, signing_keys::signs_from, signing_keys::created_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(kid, signs_from, created_at)| (kid, signs_from.unwrap_or(created_at))).collect())
}

/// Locks the keys until the end of the transaction: of two processes that add or retire a key, the second sees what the
/// first did.
pub(super) fn lock(conn: &mut DbConnection) -> QueryResult<()> {
    diesel::update(counters::table.find("signing_keys_made"))
        .set(counters::value.eq(counters::value))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert(conn: &mut DbConnection, key: &NewKeyRow<'_>) -> QueryResult<()> {
    diesel::update(counters::table.find("signing_keys_made"))
        .set(counters::value.eq(counters::value + 1))
        .execute(conn)?;
    diesel::insert_into(signing_keys::table).values(key).execute(conn).map(drop)
}

/// Lets a key sign from `now` on. Returns `false` if it is retired.
pub(super) fn set_signs_from(conn: &mut DbConnection, kid: &str, now: Moment) -> QueryResult<bool> {
    let row = signing_keys::table.find(kid).filter(signing_keys::retired_at.is_null());
    Ok(diesel::update(row).set(signing_keys::signs_from.eq(now)).execute(conn)? == 1)
}

/// Retires a key and erases its private part. Returns whether this call retired it.
pub(super) fn retire(conn: &mut DbConnection, kid: &str, now: Moment) -> QueryResult<bool> {
    let row = signing_keys::table.find(kid).filter(signing_keys::retired_at.is_null());
    let count = diesel::update(row)
        .set((signing_keys::retired_at.eq(now), signing_keys::private_key_sealed.eq("")))
        .execute(conn)?;
    Ok(count == 1)
}

/// Replaces the sealed private key if it is still `old`. Returns whether it was.
pub(super) fn set_sealed(conn: &mut DbConnection, kid: &str, old: &str, new: &str) -> QueryResult<bool> {
    let row = signing_keys::table.find(kid).filter(signing_keys::private_key_sealed.eq(old));
    Ok(diesel::update(row).set(signing_keys::private_key_sealed.eq(new)).execute(conn)? == 1)
}

/// Deletes the keys that were retired before `before`.
pub(super) fn delete_retired(conn: &mut DbConnection, before: Moment) -> QueryResult<usize> {
    diesel::delete(signing_keys::table.filter(signing_keys::retired_at.lt(before))).execute(conn)
}

/// The part of a key that verifies tokens.
#[derive(Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
pub(super) struct VerificationKey {
    pub algorithm: String,
    pub public_jwk: String,
    pub retired_at: Option<Moment>,
}

/// Finds the key with this `kid`, even if it is retired.
pub(super) fn find_verification_key(conn: &mut DbConnection, kid: &str) -> QueryResult<Option<VerificationKey>> {
    signing_keys::table.find(kid).select(VerificationKey::as_select()).first(conn).optional()
}

/// Whether the database has a signing key or a session. If so, it was used with a server key, and a new one could not
/// decrypt its data.
pub fn has_keys_or_sessions(conn: &mut DbConnection) -> QueryResult<bool> {
    let keys: i64 = signing_keys::table.count().get_result(conn)?;
    let session: Option<String> = sessions::table.select(sessions::id).first(conn).optional()?;
    Ok(keys > 0 || session.is_some())
}
