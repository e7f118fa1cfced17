//! All SQL on refresh tokens.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamp};

use crate::clock::Moment;
use crate::db::schema::{refresh_tokens, sessions, token_holders};
use crate::db::{DbConnection, prepared, update_where};
use crate::scope::Scopes;
use crate::sessions::owned::{join_user, user_columns};
use crate::sessions::{Holders, OwnedSession, SessionIssue, SessionRow, record_issue};
use crate::users::UserRow;

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
    let row = prepared!(conn, refresh_tokens::table.find(hash).select(RefreshTokenRow::as_select()), get_result);
    Ok(row.optional()?.map(RefreshToken::from))
}

pub(in crate::tokens) fn insert(conn: &mut DbConnection, token: &RefreshToken) -> QueryResult<()> {
    let values = (
        refresh_tokens::token_hash.eq(&token.hash),
        refresh_tokens::family_id.eq(&token.family_id),
        refresh_tokens::client_id.eq(&token.client_id),
        refresh_tokens::scope.eq(token.scope.to_string()),
        refresh_tokens::created_at.eq(token.created_at),
        refresh_tokens::generation.eq(token.generation),
    );
    prepared!(conn, diesel::insert_into(refresh_tokens::table).values(values), execute).map(drop)
}

/// A refresh token with its session, and what the next access token needs.
pub struct PresentedToken {
    /// The token.
    pub token: RefreshToken,
    /// Its session, even if it has ended, without the client.
    pub owned: OwnedSession,
    /// The holders of the session's next access token; `None` if one of them must be created.
    pub holders: Option<Holders>,
}

diesel::alias!(
    refresh_tokens as older: OlderTokens,
    token_holders as user_holders: UserHolders,
    token_holders as client_holders: ClientHolders,
);

/// The columns of [`user_columns`], the token, and the ID and generation of both holders.
type PresentedRow = (
    SessionRow,
    Option<UserRow>,
    Option<String>,
    Option<String>,
    RefreshTokenRow,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<i64>,
);

/// Finds a token with its session, in one query.
pub(in crate::tokens) fn find_with_owner(conn: &mut DbConnection, hash: &str) -> QueryResult<Option<PresentedToken>> {
    let of_user = user_holders.field(token_holders::user_id).eq(sessions::user_id);
    let of_client = client_holders
        .field(token_holders::client_id)
        .eq(sessions::client_id)
        .and(client_holders.field(token_holders::is_for_users).eq(sessions::user_id.is_not_null()));
    let presented = join_user!(refresh_tokens::table.inner_join(sessions::table))
        .left_join(user_holders.on(of_user))
        .left_join(client_holders.on(of_client))
        .filter(refresh_tokens::token_hash.eq(hash));
    let rows: Vec<PresentedRow> = prepared!(
        conn,
        presented.select(user_columns!(
            RefreshTokenRow::as_select(),
            user_holders.field(token_holders::id).nullable(),
            user_holders.field(token_holders::generation).nullable(),
            client_holders.field(token_holders::id).nullable(),
            client_holders.field(token_holders::generation).nullable()
        )),
        load
    )?;
    let (mut token, mut owned, mut holders) = (None, Vec::new(), [None, None]);
    for (session, user, role, scope, row, user_holder, user_generation, client_holder, client_generation) in rows {
        token = Some(row);
        holders = [user_holder.zip(user_generation), client_holder.zip(client_generation)];
        owned.push((session, user, role, scope, None));
    }
    let Some((token, owned)) = token.zip(OwnedSession::from_rows(owned)) else { return Ok(None) };
    let owners = [owned.session.user_id.is_some(), owned.session.client_id.is_some()];
    let is_complete = holders.iter().map(Option::is_some).eq(owners);
    let holders = is_complete.then(|| holders.into_iter().flatten().collect());
    Ok(Some(PresentedToken { token: token.into(), owned, holders }))
}

/// The exchange of a token, or of a lost successor, for a new token.
pub(in crate::tokens) struct Exchange<'a> {
    /// SHA-256 of the exchanged token.
    pub hash: &'a str,
    /// SHA-256 of the successor that was lost.
    pub lost: Option<&'a str>,
    /// How the exchanged token leads to the new one.
    pub succession: &'a Succession,
    /// The new token.
    pub new: &'a RefreshToken,
    /// The last generation of the family that is deleted, at most `max_pruned` tokens.
    pub prune_up_to: i64,
    pub max_pruned: i64,
}

/// Outcome of [`exchange`].
pub(in crate::tokens) struct Exchanged {
    /// Whether the token was exchanged: its successor was still the lost one, and it was not superseded.
    pub is_done: bool,
    /// Whether the session is live, and its new expiry stored if that was due.
    pub is_live: bool,
}

/// What [`EXCHANGE`] returns.
#[derive(QueryableByName)]
struct ExchangedRow {
    #[diesel(sql_type = Bool)]
    is_done: bool,
    #[diesel(sql_type = Bool)]
    is_live: bool,
}

/// [`exchange`] in one round trip. The session's row is locked after the token's, as everywhere.
const EXCHANGE: &str = "WITH exchanged AS (
    UPDATE refresh_tokens
    SET used_at = $1, successor_hash = $2, successor_sealed = $3, successor_at = $1, successors_lost = $4
    WHERE token_hash = $5 AND superseded_at IS NULL AND successor_hash IS NOT DISTINCT FROM $6
    RETURNING token_hash
), added AS (
    INSERT INTO refresh_tokens (token_hash, family_id, client_id, scope, created_at, generation)
    SELECT $2, $7, $8, $9, $1, $10 FROM exchanged
), pruned AS (
    DELETE FROM refresh_tokens
    WHERE EXISTS (SELECT 1 FROM exchanged) AND token_hash IN (
        SELECT token_hash FROM refresh_tokens WHERE family_id = $7 AND generation BETWEEN 1 AND $11
        ORDER BY generation LIMIT $12)
), issued AS (
    UPDATE sessions
    SET access_until = $13, last_used_at = $14, created_at = $15, signing_kid = $16,
        earlier_kid = CASE WHEN $17 THEN $18 ELSE earlier_kid END,
        earlier_access_until = CASE WHEN $17 THEN $19 ELSE earlier_access_until END
    WHERE $20 AND id = $7 AND ended_at IS NULL AND EXISTS (SELECT 1 FROM exchanged)
    RETURNING id
)
SELECT EXISTS (SELECT 1 FROM exchanged) AS is_done,
    EXISTS (SELECT 1 FROM issued)
        OR (NOT $20 AND EXISTS (SELECT 1 FROM sessions WHERE id = $7 AND ended_at IS NULL)) AS is_live";

/// Exchanges a token, deletes the oldest ones of its family, and checks or updates its session.
pub(in crate::tokens) fn exchange(
    conn: &mut DbConnection,
    exchange: &Exchange<'_>,
    issue: &SessionIssue,
) -> QueryResult<Exchanged> {
    let Exchange { hash, lost, succession, new, prune_up_to, max_pruned } = *exchange;
    if conn.postgres().is_some() {
        let update = issue.update.as_ref();
        let earlier = update.and_then(|update| update.earlier.as_ref());
        let statement = sql_query(EXCHANGE)
            .bind::<Timestamp, _>(succession.issued_at)
            .bind::<Text, _>(&succession.hash)
            .bind::<Nullable<Text>, _>(&succession.sealed)
            .bind::<BigInt, _>(succession.lost_count)
            .bind::<Text, _>(hash)
            .bind::<Nullable<Text>, _>(lost)
            .bind::<Text, _>(&new.family_id)
            .bind::<Nullable<Text>, _>(&new.client_id)
            .bind::<Text, _>(new.scope.to_string())
            .bind::<BigInt, _>(new.generation)
            .bind::<BigInt, _>(prune_up_to)
            .bind::<BigInt, _>(max_pruned)
            .bind::<Nullable<Timestamp>, _>(update.map(|update| update.access_until))
            .bind::<Nullable<Timestamp>, _>(update.map(|update| update.last_used_at))
            .bind::<Nullable<Timestamp>, _>(update.map(|update| update.created_at))
            .bind::<Nullable<Text>, _>(update.and_then(|update| update.signing_kid.as_deref()))
            .bind::<Bool, _>(earlier.is_some())
            .bind::<Nullable<Text>, _>(earlier.and_then(|earlier| earlier.kid.as_deref()))
            .bind::<Nullable<Timestamp>, _>(earlier.map(|earlier| earlier.access_until))
            .bind::<Bool, _>(update.is_some());
        let ExchangedRow { is_done, is_live } = prepared!(conn, statement, get_result)?;
        return Ok(Exchanged { is_done, is_live });
    }
    if !set_successor(conn, hash, lost, succession)? {
        return Ok(Exchanged { is_done: false, is_live: false });
    }
    insert(conn, new)?;
    if prune_up_to > 0 {
        prune(conn, &new.family_id, prune_up_to, max_pruned)?;
    }
    // On SQLite, no other transaction has ended the session since this one has read it.
    let is_live = issue.update.is_none() || record_issue(conn, issue)?;
    Ok(Exchanged { is_done: true, is_live })
}

/// Sets a token's successor if the current one is still `expected` and the token is not superseded. Returns whether it
/// did.
fn set_successor(conn: &mut DbConnection, hash: &str, expected: Option<&str>, new: &Succession) -> QueryResult<bool> {
    let row = refresh_tokens::token_hash.eq(hash).and(refresh_tokens::superseded_at.is_null());
    let values = (
        refresh_tokens::used_at.eq(new.issued_at),
        refresh_tokens::successor_hash.eq(&new.hash),
        refresh_tokens::successor_sealed.eq(&new.sealed),
        refresh_tokens::successor_at.eq(new.issued_at),
        refresh_tokens::successors_lost.eq(new.lost_count),
    );
    let count = match expected {
        Some(expected) => {
            let row = row.and(refresh_tokens::successor_hash.eq(expected));
            prepared!(conn, update_where(values, row), execute)?
        }
        None => {
            let row = row.and(refresh_tokens::successor_hash.is_null());
            prepared!(conn, update_where(values, row), execute)?
        }
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
fn prune(conn: &mut DbConnection, family_id: &str, last_generation: i64, limit: i64) -> QueryResult<()> {
    let is_old = older.field(refresh_tokens::generation).between(1, last_generation);
    let oldest = older
        .filter(older.field(refresh_tokens::family_id).eq(family_id).and(is_old))
        .order(older.field(refresh_tokens::generation))
        .limit(limit)
        .select(older.field(refresh_tokens::token_hash));
    let oldest = refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(oldest));
    prepared!(conn, diesel::delete(oldest), execute).map(drop)
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
