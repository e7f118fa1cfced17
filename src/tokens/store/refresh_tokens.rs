//! All SQL on refresh tokens.

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::refresh_tokens;
use crate::scope::Scopes;

/// A refresh token as it is stored.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// SHA-256 of the token.
    pub(in crate::tokens) hash: String,
    /// The ID of its session, whose refresh tokens form a family.
    pub family_id: String,
    /// The registered client it is bound to.
    pub client_id: Option<String>,
    /// The scopes that were granted when the session started.
    pub scope: Scopes,
    /// When it was issued.
    pub created_at: Moment,
    pub(in crate::tokens) superseded_at: Option<Moment>,
    pub(in crate::tokens) succession: Option<Succession>,
    /// Its position in the family, from 1: greater than those of all tokens that were issued before it. 0 in rows of
    /// releases that did not count.
    pub(in crate::tokens) generation: i64,
}

/// The exchange of a used token for its successor.
#[derive(Clone, Debug)]
pub(in crate::tokens) struct Succession {
    /// SHA-256 of the successor.
    pub hash: String,
    /// The successor, encrypted with the used token; `None` once it is erased.
    pub sealed: Option<String>,
    /// When the successor was issued.
    pub issued_at: Moment,
    /// The number of earlier successors that were lost.
    pub lost_count: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
struct RefreshTokenRow {
    token_hash: String,
    family_id: String,
    client_id: Option<String>,
    scope: String,
    created_at: Moment,
    superseded_at: Option<Moment>,
    successor_hash: Option<String>,
    successor_sealed: Option<String>,
    successor_at: Option<Moment>,
    successors_lost: i64,
    generation: i64,
}

impl From<RefreshTokenRow> for RefreshToken {
    fn from(row: RefreshTokenRow) -> Self {
        let succession = row.successor_hash.zip(row.successor_at).map(|(hash, issued_at)| Succession {
            hash,
            sealed: row.successor_sealed,
            issued_at,
            lost_count: row.successors_lost,
        });
        Self {
            hash: row.token_hash,
            family_id: row.family_id,
            client_id: row.client_id,
            scope: Scopes::parse(&row.scope).unwrap_or_default(),
            created_at: row.created_at,
            superseded_at: row.superseded_at,
            succession,
            generation: row.generation,
        }
    }
}

pub(in crate::tokens) fn find(conn: &mut DbConnection, hash: &str) -> QueryResult<Option<RefreshToken>> {
    let row = refresh_tokens::table.find(hash).select(RefreshTokenRow::as_select()).first(conn).optional()?;
    Ok(row.map(RefreshToken::from))
}

pub(in crate::tokens) fn insert(conn: &mut DbConnection, token: &RefreshToken) -> QueryResult<()> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_hash.eq(&token.hash),
            refresh_tokens::family_id.eq(&token.family_id),
            refresh_tokens::client_id.eq(&token.client_id),
            refresh_tokens::scope.eq(token.scope.to_string()),
            refresh_tokens::created_at.eq(token.created_at),
            refresh_tokens::generation.eq(token.generation),
        ))
        .execute(conn)
        .map(drop)
}

/// Sets a token's successor if the current one is still `expected` and the token is not superseded. Returns whether it
/// did.
pub(in crate::tokens) fn set_successor(
    conn: &mut DbConnection,
    hash: &str,
    expected: Option<&str>,
    new: &Succession,
) -> QueryResult<bool> {
    let row = refresh_tokens::table.find(hash).filter(refresh_tokens::superseded_at.is_null());
    let values = (
        refresh_tokens::used_at.eq(new.issued_at),
        refresh_tokens::successor_hash.eq(&new.hash),
        refresh_tokens::successor_sealed.eq(&new.sealed),
        refresh_tokens::successor_at.eq(new.issued_at),
        refresh_tokens::successors_lost.eq(new.lost_count),
    );
    let count = match expected {
        Some(expected) => {
            diesel::update(row.filter(refresh_tokens::successor_hash.eq(expected))).set(values).execute(conn)?
        }
        None => diesel::update(row.filter(refresh_tokens::successor_hash.is_null())).set(values).execute(conn)?,
    };
    Ok(count == 1)
}

/// Marks a token whose response was lost as superseded. Returns `false` if it was used or superseded already.
pub(in crate::tokens) fn set_superseded(conn: &mut DbConnection, hash: &str, now: Moment) -> QueryResult<bool> {
    let unused = refresh_tokens::successor_hash.is_null().and(refresh_tokens::superseded_at.is_null());
    let count = diesel::update(refresh_tokens::table.find(hash).filter(unused))
        .set(refresh_tokens::superseded_at.eq(now))
        .execute(conn)?;
    Ok(count == 1)
}

/// Whether a family has a row.
pub(in crate::tokens) fn has_tokens(conn: &mut DbConnection, family_id: &str) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(refresh_tokens::table.filter(refresh_tokens::family_id.eq(family_id))))
        .get_result(conn)
}

/// Deletes at most `limit` tokens of a family up to a generation, but none of releases that did not count: those carry no
/// family and would not be recognized. They are deleted when they expire.
pub(in crate::tokens) fn prune(
    conn: &mut DbConnection,
    family_id: &str,
    last_generation: i64,
    limit: i64,
) -> QueryResult<()> {
    let hashes: Vec<String> = refresh_tokens::table
        .filter(refresh_tokens::family_id.eq(family_id))
        .filter(refresh_tokens::generation.between(1, last_generation))
        .order(refresh_tokens::generation)
        .limit(limit)
        .select(refresh_tokens::token_hash)
        .load(conn)?;
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(hashes))).execute(conn).map(drop)
}

/// Erases at most `limit` sealed successors that were issued before `before` or after `after`.
pub(in crate::tokens) fn erase_sealed_successors(
    conn: &mut DbConnection,
    before: Moment,
    after: Moment,
    limit: i64,
) -> QueryResult<usize> {
    let issued_at = refresh_tokens::successor_at;
    let hashes: Vec<String> = refresh_tokens::table
        .filter(refresh_tokens::successor_sealed.is_not_null())
        .filter(issued_at.lt(before).or(issued_at.gt(after)))
        .select(refresh_tokens::token_hash)
        .limit(limit)
        .load(conn)?;
    diesel::update(refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(hashes)))
        .set(refresh_tokens::successor_sealed.eq(None::<String>))
        .execute(conn)
}

/// Deletes at most `limit` refresh tokens that were issued before `before`.
pub fn delete_old_refresh_tokens(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<usize> {
    let hashes: Vec<String> = refresh_tokens::table
        .filter(refresh_tokens::created_at.lt(before))
        .select(refresh_tokens::token_hash)
        .limit(limit)
        .load(conn)?;
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(hashes))).execute(conn)
}

/// Deletes at most `limit` refresh tokens of these families. Returns their count; if it is below `limit`, none is left.
pub fn delete_of_families(conn: &mut DbConnection, family_ids: &[String], limit: i64) -> QueryResult<usize> {
    let hashes: Vec<String> = refresh_tokens::table
        .filter(refresh_tokens::family_id.eq_any(family_ids))
        .select(refresh_tokens::token_hash)
        .limit(limit)
        .load(conn)?;
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(hashes))).execute(conn)
}
