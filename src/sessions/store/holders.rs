//! SQL on the holders of tokens, and on the bound of the list of revoked sessions.

use std::collections::BTreeSet;

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::schema::{clients, counters, sessions, token_holders, users};
use crate::db::{DbConnection, prepared};
use crate::secret::random_id;
use crate::sessions::holders::{Holders, Owner};
use crate::sessions::lifetimes::rejected_if_expired_at;
use crate::sessions::{Session, SessionKind, is_id};
use crate::users::UserId;

/// The most ended sessions of one owner in the list of revoked sessions.
pub const MAX_LISTED: i64 = 1_000;
/// The number that stays in the list when there are more, so that not every further one needs a new generation.
const KEPT_LISTED: i64 = MAX_LISTED / 2;
const GENERATIONS: &str = "holder_generations";
/// Session IDs in one query.
const CHUNK: usize = 500;

/// Finds the holders of a session's next token as they are now, and creates those that are missing.
///
/// The token of a script has none: it cannot be refreshed, so only its own session's entry may revoke it.
pub fn get_holders(conn: &mut DbConnection, session: &Session) -> QueryResult<Holders> {
    if session.kind == SessionKind::Script {
        return Ok(Holders::default());
    }
    let user_id = session.user_id.map(|id| id.0);
    let of_client =
        token_holders::client_id.eq(&session.client_id).and(token_holders::is_for_users.eq(user_id.is_some()));
    let columns = (token_holders::id, token_holders::generation, token_holders::user_id);
    let of_both = token_holders::table.filter(token_holders::user_id.eq(user_id).or(of_client));
    let rows: Vec<(String, i64, Option<i64>)> = prepared!(conn, of_both.select(columns), load)?;
    let [has_user, has_client] = [true, false].map(|is_user| rows.iter().any(|row| row.2.is_some() == is_user));
    let mut holders: Vec<(String, i64)> = rows.into_iter().map(|(id, generation, _)| (id, generation)).collect();
    if let Some(id) = session.user_id.filter(|_| !has_user) {
        holders.push(create(conn, &Owner::User(id))?);
    }
    if let Some(id) = session.client_id.clone().filter(|_| !has_client) {
        let owner = if user_id.is_some() { Owner::UsersOfClient(id) } else { Owner::Client(id) };
        holders.push(create(conn, &owner)?);
    }
    Ok(holders.into_iter().collect())
}

/// Creates the holder of an owner unless it exists, and returns it as (holder ID, generation).
fn create(conn: &mut DbConnection, owner: &Owner) -> QueryResult<(String, i64)> {
    // Locks the owner's row: of two transactions that find no holder, the second waits here and then finds that of the
    // first.
    match owner {
        Owner::User(id) => {
            diesel::update(users::table.find(id.0)).set(users::created_at.eq(users::created_at)).execute(conn)?
        }
        Owner::Client(id) | Owner::UsersOfClient(id) => {
            diesel::update(clients::table.find(id)).set(clients::created_at.eq(clients::created_at)).execute(conn)?
        }
    };
    if let Some((id, generation, _)) = find(conn, owner)? {
        return Ok((id, generation));
    }
    let (id, generation) = (random_id(), 0);
    let (user_id, client_id) = match owner {
        Owner::User(id) => (Some(id.0), None),
        Owner::Client(id) | Owner::UsersOfClient(id) => (None, Some(id)),
    };
    diesel::insert_into(token_holders::table)
        .values((
            token_holders::id.eq(&id),
            token_holders::user_id.eq(user_id),
            token_holders::client_id.eq(client_id),
            token_holders::is_for_users.eq(matches!(owner, Owner::UsersOfClient(_))),
            token_holders::generation.eq(generation),
        ))
        .execute(conn)?;
    Ok((id, generation))
}

type HolderRow = (String, i64, Option<Moment>);

fn find(conn: &mut DbConnection, owner: &Owner) -> QueryResult<Option<HolderRow>> {
    let columns = (token_holders::id, token_holders::generation, token_holders::access_until);
    match owner {
        Owner::User(id) => {
            token_holders::table.filter(token_holders::user_id.eq(id.0)).select(columns).first(conn).optional()
        }
        Owner::Client(id) | Owner::UsersOfClient(id) => token_holders::table
            .filter(token_holders::client_id.eq(id))
            .filter(token_holders::is_for_users.eq(matches!(owner, Owner::UsersOfClient(_))))
            .select(columns)
            .first(conn)
            .optional(),
    }
}

/// Lists the holders whose earlier generations are revoked, as (holder ID, generation, expiry of the last revoked
/// token).
pub(in crate::sessions) fn list_revoked_holders(
    conn: &mut DbConnection,
    now: Moment,
) -> QueryResult<Vec<(String, i64, Moment)>> {
    token_holders::table
        .filter(token_holders::access_until.gt(rejected_if_expired_at(now)))
        .select((token_holders::id, token_holders::generation, token_holders::access_until.assume_not_null()))
        .load(conn)
}

/// Whether a later generation of one of these holders has revoked their token.
pub fn is_revoked_by_holder(conn: &mut DbConnection, holders: &Holders, now: Moment) -> QueryResult<bool> {
    // A token has two holders at most, and PostgreSQL fails on U+0000 instead of finding none.
    let ids: Vec<&str> = holders.iter().map(|(id, _)| id).filter(|id| is_id(id)).take(2).collect();
    let revoked: Vec<(String, i64)> = token_holders::table
        .filter(token_holders::id.eq_any(ids).and(token_holders::access_until.gt(rejected_if_expired_at(now))))
        .select((token_holders::id, token_holders::generation))
        .load(conn)?;
    Ok(holders.iter().any(|(id, generation)| revoked.iter().any(|(other, before)| other == id && generation < *before)))
}

/// Counts what changes when the list of revoked sessions changes: the sessions that were listed at `after`, and the new
/// generations. Of two counts with the same `after`, equal ones mean the same list.
pub(in crate::sessions) fn count_changes(conn: &mut DbConnection, after: Moment) -> QueryResult<(i64, i64)> {
    // In this order: sessions leave the list only together with a new generation, which the next call then sees.
    let generations = counters::table.find(GENERATIONS).select(counters::value).first(conn)?;
    let listed = sessions::ended_at.is_not_null().and(sessions::unlisted_at.is_null());
    let listed = sessions::table
        .filter(listed.and(sessions::access_until.gt(rejected_if_expired_at(after))))
        .count()
        .get_result(conn)?;
    Ok((listed, generations))
}

/// Lists the owners of these sessions.
pub(in crate::sessions) fn list_owners(conn: &mut DbConnection, session_ids: &[String]) -> QueryResult<Vec<Owner>> {
    let mut owners = BTreeSet::new();
    for ids in session_ids.chunks(CHUNK) {
        let rows: Vec<(Option<i64>, Option<String>)> = sessions::table
            .filter(sessions::id.eq_any(ids))
            .select((sessions::user_id, sessions::client_id))
            .distinct()
            .load(conn)?;
        owners.extend(rows.into_iter().filter_map(|(user_id, client_id)| match user_id {
            Some(id) => Some(Owner::User(UserId(id))),
            None => client_id.map(Owner::Client),
        }));
    }
    Ok(owners.into_iter().collect())
}

/// Removes the sessions whose tokens expire first from the list if an owner has more than [`MAX_LISTED`] in it, and
/// starts a new generation of the holder, which revokes all tokens so far. Tokens of live sessions are among them:
/// their client has to refresh or authenticate again.
pub(in crate::sessions) fn bound_listed(
    conn: &mut DbConnection,
    owner: &Owner,
    now: Moment,
) -> QueryResult<Option<(String, i64, Moment)>> {
    let listed = || {
        let listed = sessions::table
            .filter(sessions::ended_at.is_not_null().and(sessions::unlisted_at.is_null()))
            .filter(sessions::access_until.gt(rejected_if_expired_at(now)))
            // A token of a script or of an earlier release names no holder: only its session's entry revokes it.
            .filter(sessions::has_holders)
            .into_boxed();
        match owner {
            Owner::User(id) => listed.filter(sessions::user_id.eq(id.0)),
            Owner::Client(id) => listed.filter(sessions::client_id.eq(id.clone()).and(sessions::user_id.is_null())),
            Owner::UsersOfClient(id) => {
                listed.filter(sessions::client_id.eq(id.clone()).and(sessions::user_id.is_not_null()))
            }
        }
    };
    if listed().count().get_result::<i64>(conn)? <= MAX_LISTED {
        return Ok(None);
    }
    // Locks all new generations: of two transactions that end sessions of one owner, the second waits here and then
    // counts without those that the first removed. Otherwise, both would update the same rows and could deadlock.
    diesel::update(counters::table.find(GENERATIONS)).set(counters::value.eq(counters::value)).execute(conn)?;
    if listed().count().get_result::<i64>(conn)? <= MAX_LISTED {
        return Ok(None);
    }
    let (last_removed, last_id): (Moment, String) = listed()
        .order((sessions::access_until.desc(), sessions::id.desc()))
        .select((sessions::access_until, sessions::id))
        .limit(1)
        .offset(KEPT_LISTED)
        .first(conn)?;
    let up_to_last = sessions::id.le(&last_id);
    let removed = sessions::table
        .filter(sessions::ended_at.is_not_null().and(sessions::unlisted_at.is_null()))
        .filter(sessions::access_until.gt(rejected_if_expired_at(now)))
        .filter(sessions::access_until.lt(last_removed).or(sessions::access_until.eq(last_removed).and(up_to_last)))
        .filter(sessions::has_holders);
    let unlisted = sessions::unlisted_at.eq(now);
    match owner {
        Owner::User(id) => diesel::update(removed.filter(sessions::user_id.eq(id.0))).set(unlisted).execute(conn)?,
        Owner::Client(id) => {
            let own = sessions::client_id.eq(id).and(sessions::user_id.is_null());
            diesel::update(removed.filter(own)).set(unlisted).execute(conn)?
        }
        Owner::UsersOfClient(id) => {
            let of_users = sessions::client_id.eq(id).and(sessions::user_id.is_not_null());
            diesel::update(removed.filter(of_users)).set(unlisted).execute(conn)?
        }
    };
    start_generation(conn, owner, last_removed).map(Some)
}

fn start_generation(
    conn: &mut DbConnection,
    owner: &Owner,
    access_until: Moment,
) -> QueryResult<(String, i64, Moment)> {
    diesel::update(counters::table.find(GENERATIONS)).set(counters::value.eq(counters::value + 1)).execute(conn)?;
    let (id, generation, earlier) = find(conn, owner)?.ok_or(diesel::result::Error::NotFound)?;
    let (generation, access_until) =
        (generation + 1, earlier.map_or(access_until, |earlier| earlier.max(access_until)));
    diesel::update(token_holders::table.find(&id))
        .set((token_holders::generation.eq(generation), token_holders::access_until.eq(access_until)))
        .execute(conn)?;
    Ok((id, generation, access_until))
}

/// Deletes at most `limit` holders whose client was deleted and whose revoked tokens every verifier rejects.
pub fn delete_stale_holders(conn: &mut DbConnection, now: Moment, limit: i64) -> QueryResult<usize> {
    let registered = clients::table.select(clients::id.nullable());
    let is_rejected =
        token_holders::access_until.is_null().or(token_holders::access_until.lt(rejected_if_expired_at(now)));
    let ids: Vec<String> = token_holders::table
        .filter(token_holders::client_id.is_not_null().and(is_rejected))
        .filter(token_holders::client_id.ne_all(registered))
        .select(token_holders::id)
        .limit(limit)
        .load(conn)?;
    diesel::delete(token_holders::table.filter(token_holders::id.eq_any(ids))).execute(conn)
}
