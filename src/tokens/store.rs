//! All SQL on signing keys. What may not live here: anything that opens them.

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::{counters, sessions, signing_keys};

#[derive(Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
pub(super) struct StoredKey {
    pub kid: String,
    pub private_key_sealed: String,
    pub public_jwk: String,
}

pub(super) fn find_current(conn: &mut DbConnection, algorithm: &str) -> QueryResult<Option<StoredKey>> {
    signing_keys::table
        .filter(signing_keys::algorithm.eq(algorithm).and(signing_keys::retired_at.is_null()))
        .order(signing_keys::created_at.desc())
        .select(StoredKey::as_select())
        .first(conn)
        .optional()
}

/// Takes the right to make the first key; `false` when it was taken. Waits for another process that is just taking it.
pub(super) fn claim_first(conn: &mut DbConnection) -> QueryResult<bool> {
    let count = diesel::update(counters::table.find("signing_keys_made").filter(counters::value.eq(0)))
        .set(counters::value.eq(1))
        .execute(conn)?;
    Ok(count == 1)
}

pub(super) fn insert(conn: &mut DbConnection, key: &StoredKey, algorithm: &str, now: Moment) -> QueryResult<()> {
    diesel::insert_into(signing_keys::table)
        .values((
            signing_keys::kid.eq(&key.kid),
            signing_keys::algorithm.eq(algorithm),
            signing_keys::private_key_sealed.eq(&key.private_key_sealed),
            signing_keys::public_jwk.eq(&key.public_jwk),
            signing_keys::created_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
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
