//! All SQL that counts password hashes.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::schema::users;
use crate::users::UserId;
use crate::users::argon2id::Cost;
use crate::users::stored_hash::StoredHash;

/// Counts the users who have a password.
pub fn count_password_hashes(conn: &mut DbConnection) -> QueryResult<i64> {
    users::table.filter(users::password_hash.is_not_null()).count().get_result(conn)
}

/// Lists at most `limit` password hashes that are not Argon2id of the cost `today`, with the user's ID, in its order, after
/// the ID `after`. One that cannot be read is `None`.
pub fn list_password_hashes_unlike(
    conn: &mut DbConnection,
    today: Cost,
    after: UserId,
    limit: i64,
) -> QueryResult<Vec<(UserId, Option<StoredHash>)>> {
    let Cost { memory_kib, iterations, parallelism } = today;
    // It has no character that a pattern gives a meaning. SQLite ignores the case, which no other hash differs in.
    let pattern = format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}$%");
    let rows: Vec<(i64, Option<String>)> = users::table
        .filter(users::id.gt(after.0).and(users::password_hash.not_like(pattern)))
        .order(users::id)
        .limit(limit)
        .select((users::id, users::password_hash))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, text)| (UserId(id), text.as_deref().and_then(StoredHash::parse))).collect())
}
