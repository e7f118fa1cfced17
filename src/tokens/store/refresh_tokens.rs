//! All SQL on refresh tokens. What may not live here: what a state means (`tokens::refresh`).

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
    /// The session it belongs to.
    pub family_id: String,
    /// The registered program it is bound to, when there is one.
    pub client_id: Option<String>,
    /// What was granted when the family began.
    pub scope: Scopes,
    /// When it was made.
    pub created_at: Moment,
    pub(in crate::tokens) superseded_at: Option<Moment>,
    pub(in crate::tokens) succession: Option<Succession>,
}

/// What a used token was exchanged for.
#[derive(Clone, Debug)]
pub(in crate::tokens) struct Succession {
    /// SHA-256 of the successor.
    pub hash: String,
    /// The successor, which only whoever presents the used token can open; erased soon.
    pub sealed: Option<String>,
    /// When the successor was issued.
    pub at: Moment,
    /// How many successors before this one were lost.
    pub lost: i64,
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
}

impl From<RefreshTokenRow> for RefreshToken {
    fn from(row: RefreshTokenRow) -> Self {
        let succession = row.successor_hash.zip(row.successor_at).map(|(hash, at)| Succession {
            hash,
            sealed: row.successor_sealed,
            at,
            lost: row.successors_lost,
        });
        Self {
            hash: row.token_hash,
            family_id: row.family_id,
            client_id: row.client_id,
            scope: Scopes::parse(&row.scope).unwrap_or_default(),
            created_at: row.created_at,
            superseded_at: row.superseded_at,
            succession,
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
        ))
        .execute(conn)
        .map(drop)
}

/// Gives a token this successor, if its present one is still `expected` and it was not superseded. Returns whether it was so.
pub(in crate::tokens) fn set_successor(
    conn: &mut DbConnection,
    hash: &str,
    expected: Option<&str>,
    new: &Succession,
) -> QueryResult<bool> {
    let row = refresh_tokens::table.find(hash).filter(refresh_tokens::superseded_at.is_null());
    let values = (
        refresh_tokens::used_at.eq(new.at),
        refresh_tokens::successor_hash.eq(&new.hash),
        refresh_tokens::successor_sealed.eq(&new.sealed),
        refresh_tokens::successor_at.eq(new.at),
        refresh_tokens::successors_lost.eq(new.lost),
    );
    let count = match expected {
        Some(expected) => {
            diesel::update(row.filter(refresh_tokens::successor_hash.eq(expected))).set(values).execute(conn)?
        }
        None => diesel::update(row.filter(refresh_tokens::successor_hash.is_null())).set(values).execute(conn)?,
    };
    Ok(count == 1)
}

/// Marks a token whose answer was lost. Returns `false` when it was used or marked already.
pub(in crate::tokens) fn set_superseded(conn: &mut DbConnection, hash: &str, now: Moment) -> QueryResult<bool> {
    let unused = refresh_tokens::successor_hash.is_null().and(refresh_tokens::superseded_at.is_null());
    let count = diesel::update(refresh_tokens::table.find(hash).filter(unused))
        .set(refresh_tokens::superseded_at.eq(now))
        .execute(conn)?;
    Ok(count == 1)
}

/// Erases sealed successors that were issued before `before`, at most `limit`.
///
/// # Errors
/// When a query fails.
pub fn erase_seals(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<usize> {
    let hashes: Vec<String> = refresh_tokens::table
        .filter(refresh_tokens::successor_sealed.is_not_null().and(refresh_tokens::successor_at.lt(before)))
        .select(refresh_tokens::token_hash)
        .limit(limit)
        .load(conn)?;
    diesel::update(refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(hashes)))
        .set(refresh_tokens::successor_sealed.eq(None::<String>))
        .execute(conn)
}

/// Deletes tokens that were made before `before`, at most `limit`.
///
/// # Errors
/// When a query fails.
pub fn delete_old_tokens(conn: &mut DbConnection, before: Moment, limit: i64) -> QueryResult<usize> {
    let hashes: Vec<String> = refresh_tokens::table
        .filter(refresh_tokens::created_at.lt(before))
        .select(refresh_tokens::token_hash)
        .limit(limit)
        .load(conn)?;
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(hashes))).execute(conn)
}
